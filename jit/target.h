// SPDX-License-Identifier: Apache-2.0
// What machine code is made for, and the result before it has memory of its own. The machine code of either
// architecture can be made and read on any host; only running it needs the right one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jit/code_map.h"
#include "jit/options.h"
#include "lower/code.h"
#include "lower/optimize/spares.h"
#include "skep/passes.h"
#include "skep/result.h"

namespace skep::jit {

enum class Arch : std::uint8_t { kX86_64, kArm64, kOther };

struct Target {
  Arch arch = Arch::kOther;
  Features features;
};
/// Asked of the CPU once.
const Target& host_target();
/// Those of the passes that are for this architecture: arm64 has no operands in memory, and its code keeps to the
/// program's registers. Where speculation is masked, what is loaded must be in one of them to be guarded.
constexpr PassSet suited(PassSet passes, Arch arch, const HardenOptions& harden = {}) {
  if (harden.mask_speculation) return passes.without(Pass::kOperands).without(Pass::kBlocks).without(Pass::kRegisters);
  return arch == Arch::kX86_64 ? passes : passes.without(Pass::kOperands).without(Pass::kRegisters);
}

/// Registers that machine code has beyond the program's.
lower::Spares spares(Arch arch, const CompileOptions& options = {});

enum class Listing : std::uint8_t { kOff, kOn };
/// An instruction, a label or an alignment, as the assembler writes it; its bytes begin at `offset`.
struct ListedLine {
  std::uint32_t offset = 0;
  std::string text;
};

/// Position-dependent: made for the address `base`.
struct Assembled {
  std::vector<std::byte> bytes;
  std::size_t entry = 0;              ///< Offset of the EntryFn.
  std::optional<std::size_t> invoke;  ///< Offset of the function for Env::invoke, where Plan::invokes.
  std::vector<ListedLine> listing;    ///< If asked for.
  CodeMap map;                        ///< If asked for.
};

struct AssembleOptions {
  CompileOptions compile{};
  std::uint64_t base = 0;
  Listing listing = Listing::kOff;
  Mapping mapping = Mapping::kOff;
};
struct Plan;
/// The most bytes that stand after the functions (the code for Env::invoke, a retpoline).
inline constexpr std::size_t kTrampolineBound = 192;

/// One per architecture. Error: a branch that does not reach, an instruction that the assembler refuses (bugs).
namespace x86_64 {
lower::Spares spares(const CompileOptions& options);
Plan plan(const lower::Code& code, const lower::Bindings& bindings, const CompileOptions& options);
Result<Assembled> assemble(const lower::Code& code, const lower::Bindings& bindings, const Plan& plan,
                           const AssembleOptions& options);
}  // namespace x86_64
namespace arm64 {
Plan plan(const lower::Code& code, const lower::Bindings& bindings, const CompileOptions& options);
Result<Assembled> assemble(const lower::Code& code, const lower::Bindings& bindings, const Plan& plan,
                           const AssembleOptions& options);
}  // namespace arm64

/// plan() and assemble() of `arch`.
Result<Assembled> assemble(const lower::Code& code, const lower::Bindings& bindings, Arch arch,
                           const AssembleOptions& options);

}  // namespace skep::jit
