// SPDX-License-Identifier: Apache-2.0
// What debuggers and profilers want to know of an image's native code: functions, source lines, frames.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jit/code_map.h"
#include "jit/target.h"
#include "skep/program.h"

namespace skep::debug {

/// Before the name of a function of the program, as the kernel has it.
inline constexpr std::string_view kPrefix = "bpf_prog_";

/// Offsets are into the code.
struct Symbol {
  std::string name;
  std::uint32_t begin = 0, end = 0;
  std::uint32_t file = 0, line = 0;  ///< Of its definition; line 0: not known.
};
/// Code from `offset` on, up to the next row or the end of its function.
struct LineRow {
  std::uint32_t offset = 0;
  std::uint32_t file = 0;
  std::uint32_t line = 0, column = 0;
};
struct Symbols {
  jit::Arch arch{};
  std::uint64_t address = 0;
  std::span<const std::byte> code;  ///< A view.
  std::string program;
  std::vector<std::string> files;
  std::vector<Symbol> functions;  ///< Sorted; cover the code. The last one may be the code for Env::invoke.
  std::vector<LineRow> lines;     ///< Sorted; empty without line information.
  std::vector<jit::FrameStep> frames;
};

/// Of machine code that lies, or will lie, at `address`. `bytes` outlives the result.
struct Placed {
  jit::Arch arch{};
  std::uint64_t address = 0;
  std::span<const std::byte> bytes;
};
Symbols symbols(const Program& program, const lower::Code& code, const jit::CodeMap& map, const Placed& placed);

}  // namespace skep::debug
