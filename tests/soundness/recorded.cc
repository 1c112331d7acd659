// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/recorded.h"

#include <cstring>
#include <memory>
#include <utility>

#include "base/address.h"
#include "verifier/engine/run.h"

namespace skep::soundness {
namespace {

/// Steps that are recorded, at 3 kB each.
constexpr std::uint64_t kLongest = 10'000;

using verifier::ByteKind;
using verifier::Value;
using verifier::ValueKind;

/// The known part of the pointer and `base` taken away, what is left must be in the range of the variable part.
bool at_distance(const Value& value, std::uint64_t word, std::uint64_t base) {
  return value.scalar.contains(word - base - static_cast<std::uint64_t>(std::int64_t{value.offset}));
}

bool is_packet_pointer(const Value& value, std::uint64_t word, const Places& places) {
  if (!at_distance(value, word, places.packet)) return false;
  const auto offset = static_cast<std::uint64_t>(std::int64_t{value.offset});
  return value.extent <= 0 || word - offset + static_cast<std::uint64_t>(value.extent) <= places.packet_end;
}

bool is_map_value(const Value& value, std::uint64_t word, const Places& places) {
  for (const std::uint64_t base : places.values[value.target])
    if (at_distance(value, word, base)) return true;
  return false;
}

/// `word` is one that `value` stands for. Kinds that the programs do not use stand for any.
bool admits(const Value& value, std::uint64_t word, const Places& places) {
  if (value.kind == ValueKind::kNotInit) return true;
  if (value.is_scalar()) return value.scalar.contains(word);
  if (value.maybe_null && word == 0) return true;
  if (value.kind == ValueKind::kContext) return at_distance(value, word, places.context);
  if (value.kind == ValueKind::kStack) return at_distance(value, word, places.frames[value.frame]);
  if (value.kind == ValueKind::kMap) return word == places.maps[value.target];
  if (value.kind == ValueKind::kMapValue) return is_map_value(value, word, places);
  if (value.kind == ValueKind::kPacket) return is_packet_pointer(value, word, places);
  if (value.kind == ValueKind::kPacketEnd) return word == places.packet_end;
  return true;
}

/// The low bytes of a number, as far as they were spilled: what else lies in the slot says nothing of it.
bool admits_part(const Value& value, std::uint64_t word, std::uint32_t bytes) {
  if (!value.is_scalar()) return true;  // Pointers are spilled whole.
  const std::uint64_t mask = (std::uint64_t{1} << (8 * bytes)) - 1;
  return value.scalar.umax > mask || value.scalar.contains(word & mask);
}

bool admits(const verifier::Slot& slot, std::uint64_t word, const Places& places) {
  for (std::uint32_t byte = 0; byte < verifier::kSlotBytes; ++byte)
    if (slot.bytes[byte] == ByteKind::kZero && (word >> (8 * byte) & 0xff) != 0) return false;
  const std::uint32_t spilled = slot.spill_size();
  if (spilled == 0) return true;
  return spilled == verifier::kSlotBytes ? admits(slot.value, word, places) : admits_part(slot.value, word, spilled);
}

std::uint64_t stack_word(std::uint64_t frame_end, std::uint32_t slot) {
  std::uint64_t word = 0;
  std::memcpy(&word, from_address<const std::byte>(frame_end - 8 * (std::uint64_t{slot} + 1)), sizeof word);
  return word;
}

}  // namespace

std::optional<Diagnostic> Recorded::verify(const Program& program) {
  newest_.assign(program.insns.size(), kNone);
  seen_.clear();
  slots_.clear();
  verifier::Log log{LogOptions{}};
  auto layout = verifier::make_layout(program, Platform::linux_like(), log);
  if (auto* const reason = std::get_if<Diagnostic>(&layout)) return std::move(*reason);
  const auto run =
      std::make_unique<verifier::Run>(program, Platform::linux_like(), VerifyOptions{.step_limit = kLongest},
                                      std::get<verifier::Layout>(std::move(layout)));
  const verifier::Watch watch{[&](const verifier::State& state, InsnIndex at) {
    const verifier::Frame& frame = state.frame();
    Seen& seen = seen_.emplace_back();
    seen.older = std::exchange(newest_[at], static_cast<std::uint32_t>(seen_.size() - 1));
    seen.depth = state.current;
    seen.live = run->layout.insns[at].live_before;
    std::copy_n(frame.regs.begin(), seen.regs.size(), seen.regs.begin());
    seen.first_slot = static_cast<std::uint32_t>(slots_.size());
    seen.slots = frame.slots;
    for (std::uint32_t slot = 0; slot < frame.slots; ++slot) slots_.push_back(frame.slot(slot));
  }};
  run->watch = &watch;
  if (run->explore().has_value()) return std::nullopt;
  return std::move(run->rejection);
}

std::string Recorded::mismatch(const Seen& seen, const reference::Step& step, const Places& places) const {
  for (std::uint32_t reg = 0; reg < seen.regs.size(); ++reg)
    if ((seen.live >> reg & 1) != 0 && !admits(seen.regs[reg], step.registers[reg], places))
      return "r" + std::to_string(reg) + " is " + std::to_string(step.registers[reg]) + ", said to be " +
             (seen.regs[reg].is_scalar() ? print(seen.regs[reg].scalar) : kind_name(seen.regs[reg]));
  for (std::uint32_t slot = 0; slot < seen.slots; ++slot) {
    const verifier::Slot& said = slots_[seen.first_slot + slot];
    const std::uint64_t word = stack_word(step.registers[10], slot);
    if (!admits(said, word, places))
      return "fp-" + std::to_string(8 * (slot + 1)) + " is " + std::to_string(word) + ", said to be " +
             (said.is_scalar_spill() ? print(said.value.scalar) : kind_name(said.value));
  }
  return {};
}

std::string Recorded::mismatch(const reference::Step& step, const Places& places) const {
  std::string last = "no state was seen here";
  for (std::uint32_t i = newest_[step.at]; i != kNone; i = seen_[i].older) {
    if (seen_[i].depth != step.frame) continue;
    last = mismatch(seen_[i], step, places);
    if (last.empty()) return last;
  }
  return last;
}

}  // namespace skep::soundness
