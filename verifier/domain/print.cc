// SPDX-License-Identifier: Apache-2.0
#include "verifier/domain/print.h"

#include <cinttypes>
#include <cstdio>

#include "skep/btf.h"
#include "verifier/engine/run.h"

namespace skep::verifier {
namespace {

/// "(a=1,b=2)": attributes with commas between them.
class Attributes {
 public:
  void add(std::string_view name, std::int64_t value) { add(std::string(name) + "=" + std::to_string(value)); }
  void add(const std::string& text) {
    if (text.empty()) return;
    if (!text_.empty()) text_ += ",";
    text_ += text;
  }
  [[nodiscard]] std::string in_parentheses() const { return "(" + text_ + ")"; }

 private:
  std::string text_;
};

std::string print_scalar(const Value& value) {
  if (value.scalar.is_constant())
    return (value.precise ? "P" : "") + print_signed(static_cast<std::int64_t>(value.scalar.value()));
  Attributes attributes;
  if (value.id != 0) {
    std::string id = "id=" + std::to_string(value.id & ~kIdFlags);
    if ((value.id & kIdFlags) != 0) id += (value.offset < 0 ? "" : "+") + std::to_string(value.offset);
    attributes.add(id);
  }
  attributes.add(print_ranges(value.scalar));
  return (value.precise ? "Pscalar" : "scalar") + attributes.in_parentheses();
}

std::string print_pointer(const Run& run, const Value& value, std::uint32_t frame) {
  std::string name = print_kind_and_type(run, value);
  if (value.kind == ValueKind::kStack) {
    if (value.frame != frame) name += "[" + std::to_string(value.frame) + "]";
    if (value.scalar.is_constant())
      return name + std::to_string(value.offset + static_cast<std::int64_t>(value.scalar.value()));
  }
  if (value.kind == ValueKind::kArena) return name;
  Attributes attributes;
  if (value.id != 0) attributes.add("id", value.id);
  if (value.reference != 0) attributes.add("ref_obj_id", value.reference);
  if (value.kind == ValueKind::kMap || value.kind == ValueKind::kMapValue || value.kind == ValueKind::kMapKey) {
    const MapSpec& map = run.map_of(value);
    const bool inner = value.map_uid != 0;  // Of a template, which has no name.
    if (!map.name.empty() && !inner) attributes.add("map=" + map.name.substr(0, 15));
    attributes.add("ks", map.key_size);
    attributes.add("vs", map.value_size);
  }
  if (value.offset != 0) attributes.add("off", value.offset);
  if (value.is_packet()) attributes.add("r=" + print_unsigned(static_cast<std::uint64_t>(std::int64_t{value.extent})));
  if (value.kind == ValueKind::kMemory) attributes.add("sz", value.extent);
  if (value.scalar.is_constant()) {
    if (value.scalar.value() != 0) attributes.add("imm", static_cast<std::int64_t>(value.scalar.value()));
  } else {
    attributes.add(print_ranges(value.scalar));
  }
  return name + attributes.in_parentheses();
}

/// Kinds of the eight bytes, the one at the highest address first.
std::string print_bytes(const Slot& slot) {
  std::string text;
  for (std::size_t i = kSlotBytes; i-- > 0;) {
    switch (slot.bytes[i]) {
      case ByteKind::kInvalid:
        text += '?';
        break;
      case ByteKind::kSpill:
        text += 'r';
        break;
      case ByteKind::kMisc:
        text += 'm';
        break;
      case ByteKind::kZero:
        text += '0';
        break;
      case ByteKind::kDynptr:
        text += 'd';
        break;
      case ByteKind::kIterator:
        text += 'i';
        break;
      case ByteKind::kIrqFlag:
        text += 'f';
        break;
    }
  }
  return text;
}

/// What lies in the slots of a dynptr or iterator; it stands at the first one.
std::string print_object(const Run& run, const Value& value) {
  Attributes attributes;
  if (value.kind == ValueKind::kDynptr) {
    attributes.add("id", value.id);
    if (value.reference != 0) attributes.add("ref_id", value.reference);
    attributes.add("dynptr_id", value.map_uid != 0 ? value.map_uid : value.id);
    return "dynptr_" + std::string(dynptr_name(value.detail)) + attributes.in_parentheses();
  }
  constexpr std::string_view kPrefix = "bpf_";
  attributes.add("ref_id", value.reference);
  attributes.add(value.detail == static_cast<std::uint8_t>(IteratorState::kActive) ? "state=active" : "state=drained");
  attributes.add("depth", value.extent);
  std::string_view name = run.program.target_btf->name(value.target);
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return std::string(name) + attributes.in_parentheses();
}

bool is_printed_object(const Slot& slot) {
  return slot.bytes[0] == ByteKind::kDynptr || slot.bytes[0] == ByteKind::kIterator;
}

}  // namespace

std::string_view dynptr_name(std::uint8_t kind) {
  // To Linux a caller's dynptr, of any kind, is a local one.
  constexpr auto kNames =
      std::to_array<std::string_view>({"local", "local", "ringbuf", "skb", "xdp", "skb_meta", "file"});
  return kind < kNames.size() ? kNames[kind] : "unknown";
}

std::string print_bits(const Tnum& bits) {
  constexpr std::uint64_t kDecimalLimit = 0xffff;
  if (bits.mask == 0 && bits.value <= kDecimalLimit) return std::to_string(bits.value);
  std::array<char, 48> text{};
  if (bits.mask == 0) {
    static_cast<void>(std::snprintf(text.data(), text.size(), "0x%" PRIx64, bits.value));
  } else {
    static_cast<void>(std::snprintf(text.data(), text.size(), "(0x%" PRIx64 "; 0x%" PRIx64 ")", bits.value, bits.mask));
  }
  return text.data();
}

std::string print_range(const Scalar& scalar) {
  std::string text;
  if (scalar.smin > std::numeric_limits<std::int64_t>::min()) text = "smin=" + std::to_string(scalar.smin);
  if (scalar.smax < std::numeric_limits<std::int64_t>::max())
    text += (text.empty() ? "smax=" : " smax=") + std::to_string(scalar.smax);
  return text.empty() ? "unknown scalar value" : text;
}

std::string print_kind_and_type(const Run& run, const Value& value) {
  if (value.kind != ValueKind::kBtf) return kind_name(value);
  const auto& types = value.has(PointerFlag::kAlloc) ? run.program.btf : run.program.target_btf;
  return kind_name(value) + (types == nullptr ? std::string() : std::string(types->name(value.target)));
}

std::string print_value(const Run& run, const Value& value, std::uint32_t frame) {
  if (value.kind == ValueKind::kNotInit) return "?";
  return value.is_scalar() ? print_scalar(value) : print_pointer(run, value, frame);
}

std::vector<std::string> print_frame(const Run& run, const State& state, std::uint32_t index, std::uint32_t regs,
                                     std::uint64_t slots) {
  std::vector<std::string> result;
  const Frame& frame = *state.frames[index];
  for (std::uint32_t reg = 0; reg < kRegs; ++reg)
    if ((regs >> reg & 1) != 0 && frame.regs[reg].kind != ValueKind::kNotInit)
      result.push_back("R" + std::to_string(reg) + "=" + print_value(run, frame.regs[reg], index));
  for (std::uint32_t i = 0; i < frame.slots; ++i) {
    if ((slots >> i & 1) == 0) continue;
    const Slot& slot = frame.slot(i);
    const std::string bytes = print_bytes(slot);
    if (bytes == "????????") continue;
    std::string text = "fp-" + std::to_string((i + 1) * kSlotBytes) + "=";
    if (is_printed_object(slot)) {
      if (slot.value.offset != 0) continue;
      text += print_object(run, slot.value);
    } else if (slot.is_full_spill()) {
      text += print_value(run, slot.value, index);
    } else {
      // A register of less than eight bytes: what lies above it, then its value.
      text += bytes.substr(0, bytes.find('r')) + (slot.is_spill() ? print_value(run, slot.value, index) : "");
    }
    result.push_back(std::move(text));
  }
  return result;
}

std::vector<std::string> print_registers(const Run& run) {
  return print_frame(run, run.state, run.state.current, ~std::uint32_t{0}, ~std::uint64_t{0});
}

std::vector<std::string> print_sections(const State& state) {
  std::vector<std::string> result;
  if (state.reference_count > 0) {
    std::string text = "refs=";
    for (std::uint32_t i = 0; i < state.reference_count; ++i)
      text += (i == 0 ? "" : ",") + std::to_string(state.references[i].id);
    result.push_back(std::move(text));
  }
  const FrameRole role = state.frame().role;
  if (role == FrameRole::kAsyncCallback) {
    result.emplace_back("async_cb");
  } else if (role != FrameRole::kCall) {
    result.emplace_back("cb");
  }
  return result;
}

}  // namespace skep::verifier
