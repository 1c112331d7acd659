// SPDX-License-Identifier: Apache-2.0
// Native code beside what it came from: C line, instruction, op, machine code.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "jit/target.h"
#include "lower/code.h"
#include "skep/passes.h"
#include "skep/platform.h"
#include "skep/program.h"
#include "skep/result.h"
#include "skep/verify.h"

namespace skep::tools {

/// One machine instruction, or an alignment.
struct CodeLine {
  std::uint32_t offset = 0;
  std::string bytes;  ///< Hexadecimal digits.
  std::string text;
};
struct OpListing {
  lower::Label op = 0;
  std::string text;
  std::vector<CodeLine> code;
};
/// What one stretch of native code is for.
struct Part {
  enum class Kind : std::uint8_t {
    kPrologue,
    kInsn,    ///< `ops` in the place where they lie; an instruction without ops has no code.
    kLeave,   ///< The epilogue of runs that end inside a callee.
    kInvoke,  ///< The code through which helpers call functions.
  };
  Kind kind{};
  std::uint32_t function = 0;  ///< Of Code::functions.
  InsnIndex insn = 0;
  std::string text{};  ///< Of the instruction.
  std::vector<OpListing> ops{};
  std::vector<CodeLine> code{};  ///< Where no op is.
};
/// `program` is the caller's.
struct JitListing {
  const Program* program = nullptr;
  jit::Target target;
  lower::Code code;
  jit::Assembled assembled;
  std::vector<Part> parts;
};

/// Addresses that only a run knows (maps, helpers, the code's own) are made up: the same program gives the same listing
/// everywhere.
inline constexpr std::uint64_t kListingBase = 0x7e0000000000;

/// Error: the program cannot be lowered or assembled.
Result<JitListing> list_native(const VerifiedProgram& program, const Platform& platform, const jit::Target& target,
                               PassSet passes);

}  // namespace skep::tools
