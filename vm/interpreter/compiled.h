// SPDX-License-Identifier: Apache-2.0
// A program in the interpreter's form.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lower/code.h"
#include "skep/helper.h"
#include "skep/map.h"
#include "skep/passes.h"
#include "skep/platform.h"
#include "vm/interpreter/slot.h"

namespace skep::interpreter {

struct Compiled;

/// What a LoadSymbol of kind kFunction gives, by address.
struct Function {
  const Compiled* code = nullptr;
  std::uint32_t first = 0;  ///< Index of its first slot.
  std::uint32_t stack_bytes = 0;
};

struct Counter {
  std::atomic<std::uint64_t> executed = 0;
  std::atomic<std::uint64_t> taken = 0;  ///< Of a branch: how often it jumped.
};

/// Immutable but for its counters; does not move, because slots hold addresses of `functions`.
struct Compiled {
  /// What a run that neither counts nor checks executes.
  [[nodiscard]] const Compiled& for_plain_runs() const { return fast == nullptr ? *this : *fast; }

  std::vector<Slot> slots;
  std::vector<isa::InsnIndex> origin;      ///< By slot.
  std::vector<Function> functions;         ///< The first is the entry.
  std::vector<std::int32_t> helpers;       ///< Ids, by the index in CallHelper slots.
  std::vector<std::shared_ptr<Map>> maps;  ///< Of the program; whose values a checked run may touch.
  std::vector<const HelperProto*> protos;  ///< Of the same; nullptr: one of lowering's own.
  /// Ops with too many operands for a slot, which has their address. Optimised code only.
  std::vector<lower::Op> wide;
  /// The same program optimised, for runs that neither count nor check; null: this is it.
  std::unique_ptr<const Compiled> fast;
  std::unique_ptr<Counter[]> counters;  ///< By slot, where runs are profiled; else null.
};

/// Those of the passes that make code shorter for the interpreter: an op with many operands takes longer than two with
/// few.
constexpr PassSet suited(PassSet passes) { return passes.without(Pass::kOperands).without(Pass::kRegisters); }

enum class Counting : std::uint8_t { kOff, kOn };

/// `platform` outlives the result.
std::unique_ptr<Compiled> compile(const lower::Code& code, const lower::Bindings& bindings, const Platform& platform,
                                  std::vector<std::shared_ptr<Map>> maps, Counting counting);

}  // namespace skep::interpreter
