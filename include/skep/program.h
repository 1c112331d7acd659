// SPDX-License-Identifier: Apache-2.0
// A program: instructions and their metadata, decoded and relocated, not yet judged.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "skep/insn.h"
#include "skep/map.h"
#include "skep/program_type.h"

namespace skep {

using isa::InsnIndex;
class Btf;

/// A function of the program. The first one begins at slot 0; each ends where the next begins.
struct FunctionInfo {
  InsnIndex first = 0;
  std::string name{};
  std::uint32_t btf_type_id = 0;  ///< Of kind FUNC; 0: none.
  bool global = false;
};
/// Source of the instructions from slot `first` on, up to the next LineInfo.
struct LineInfo {
  InsnIndex first = 0;
  std::string file{};
  std::string text{};      ///< The source line; may be empty.
  std::uint32_t line = 0;  ///< 1-based.
  std::uint32_t column = 0;
};

/// Flags of loading that change the verdict, UAPI values (BPF_F_* of BPF_PROG_LOAD).
namespace program_flags {
inline constexpr std::uint32_t kStrictAlignment = 1u << 0, kAnyAlignment = 1u << 1, kTestRandomHigh32 = 1u << 2,
                               kTestStateFrequency = 1u << 3, kXdpHasFrags = 1u << 5, kTestRegInvariants = 1u << 7;
}  // namespace program_flags

/// Map references in `insns` are LoadImm64 of kind kMapIndex or kMapValueIndex, whose `low` indexes `maps`.
struct Program {
  std::string name{};
  std::string section{};
  ProgramType type{};
  std::uint32_t attach_type = 0;  ///< UAPI bpf_attach_type; 0 where the type has none.
  /// What follows the '/' in the section name; may be empty. Struct operations: "TYPE.MEMBER", as the object's table
  /// of operations says; empty: none names the program.
  std::string attach_target{};
  bool sleepable = false;
  std::uint32_t flags = 0;  ///< program_flags
  isa::Insns insns{};
  std::vector<std::shared_ptr<const MapSpec>> maps{};
  std::string license{};
  std::uint32_t kernel_version = 0;
  std::shared_ptr<const Btf> btf{};
  /// Of the kernel that the program was resolved against (kfunc calls and kVariable loads name its types); may be null.
  std::shared_ptr<const Btf> target_btf{};
  std::vector<FunctionInfo> functions{};  ///< Sorted by `first`; never empty in a loaded program.
  std::vector<LineInfo> lines{};          ///< Sorted by `first`; may be empty.
  /// Why this program cannot be judged or run, though the rest of its object can (a relocation that skep does not
  /// resolve); empty: it can.
  std::string unsupported{};
};

/// The LineInfo that covers the instruction at `at`; nullptr: the program has none there.
inline const LineInfo* line_at(const Program& program, InsnIndex at) {
  const auto after = std::upper_bound(program.lines.begin(), program.lines.end(), at,
                                      [](InsnIndex index, const LineInfo& line) { return index < line.first; });
  return after == program.lines.begin() ? nullptr : &*(after - 1);
}
/// The function that holds the instruction; nullptr: the program names none.
inline const FunctionInfo* function_at(const Program& program, InsnIndex at) {
  const auto after = std::upper_bound(program.functions.begin(), program.functions.end(), at,
                                      [](InsnIndex index, const FunctionInfo& one) { return index < one.first; });
  return after == program.functions.begin() ? nullptr : &*(after - 1);
}

}  // namespace skep
