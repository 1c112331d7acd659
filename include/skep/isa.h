// SPDX-License-Identifier: Apache-2.0
// Encoding, text forms and back. All functions are pure.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "skep/insn.h"
#include "skep/result.h"

namespace skep::isa {

/// Decodes slot by slot; total: what is not an instruction becomes Illegal, so encode(decode(x)) == x for all x.
Insns decode(std::span<const RawInsn> raw);
std::vector<RawInsn> encode(std::span<const Insn> insns);

/// Bytes as they lie in an ELF section or a bytecode file. Error: the size is not a multiple of 8.
Result<std::vector<RawInsn>> raw_from_bytes(std::span<const std::byte> bytes);
std::vector<std::byte> to_bytes(std::span<const RawInsn> raw);

/// The first slot that is Illegal, or a LoadImm64 whose second slot is missing, as an Error that names slot and field.
Status check_encoding(std::span<const Insn> insns);

enum class Syntax : std::uint8_t {
  kC,         ///< `r1 += 2`, `if r1 s> 3 goto +2`, `r1 = *(u32 *)(r2 + 4)`: as llvm-objdump prints it.
  kMnemonic,  ///< `add %r1, 2`, `jsgt %r1, 3, +2`, `ldxw %r1, [%r2+4]`: uBPF and the bpf_conformance files.
  kKernel,    ///< `r1 += 2`, `if r1 s> 0x3 goto pc+2`, `r1 = *(u32 *)(r2 +4)`: the kernel's log and bpftool.
};
/// Text of the instruction at `at` (without its number). Of a Continuation: the empty string. Of a slot that encodes
/// nothing, and of a 16-byte load without its second slot: `.8byte 0x...`.
std::string print(std::span<const Insn> insns, InsnIndex at, Syntax syntax);
/// One instruction a line, in what print() writes and in the other spellings that LLVM, bpftool and the kernel have for
/// the same instruction. kC and kKernel are one grammar, but for `r1 = 0x5`: a move in kC, a 16-byte load in kKernel.
/// Comments (`#`, `//`, `;`), labels (`name:`), numeric branch offsets and `.8byte NUMBER` are understood. The Error
/// names line and column, both from 1.
Result<Insns> assemble(std::string_view text, Syntax syntax);

}  // namespace skep::isa
