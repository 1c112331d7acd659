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
  kC,         ///< `r1 += 2`, `if r1 s> 3 goto +2`: llvm-objdump, bpftool, the kernel's log.
  kMnemonic,  ///< `add %r1, 2`: uBPF and the bpf_conformance files.
};
/// Text of the instruction at `at` (without its number). Of a Continuation: the empty string.
std::string print(std::span<const Insn> insns, InsnIndex at, Syntax syntax);
/// One instruction a line. Comments (`#`, `//`, `;` at the line's start or after an instruction), labels (`name:`) and
/// numeric branch offsets are understood. The Error names line and column.
Result<Insns> assemble(std::string_view text, Syntax syntax);

}  // namespace skep::isa
