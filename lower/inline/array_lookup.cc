// SPDX-License-Identifier: Apache-2.0
// Lookups in maps that are indexed: compare the key with max_entries, and compute or load the address (see
// Map::elements). Where the verifier knows the key and that it is in range, nothing is left to compare.
#include <limits>

#include "lower/inline/inline.h"

namespace skep::lower {
namespace {

using isa::AluOp;
using isa::Width;

constexpr Reg kKey = isa::Reg{1};      // The index, then its distance from the first element.
constexpr Reg kAddress = isa::Reg{2};  // Of the key, then scratch.

std::uint64_t element_bytes(const MapSpec& map) {
  return map.type == MapType::kArrayOfMaps ? sizeof(std::uint64_t) : value_stride(map);
}

/// dst = where the values of this run's CPU begin.
void emit_cpu(Builder& builder, const MapSpec& map, Reg dst, Reg spare) {
  builder.emit(LoadEnv{.field = EnvField::kCpu, .dst = dst});
  emit_scale(builder, dst, cpu_stride(map), spare);
}

void emit_at_constant(Builder& builder, const MapSpec& map, std::uint32_t index, std::int32_t offset) {
  const bool per_cpu = map.type == MapType::kPerCpuArray;
  builder.emit(LoadSymbol{.kind = SymbolKind::kMapValue, .dst = isa::kR0, .index = index, .offset = offset});
  if (!per_cpu) return;
  emit_cpu(builder, map, kKey, kAddress);
  builder.emit(alu(AluOp::kAdd, Width::k64, isa::kR0, kKey));
}

/// r0 = the element at the index in kKey, which is in range.
void emit_element(Builder& builder, const MapSpec& map, std::uint32_t index) {
  const bool first = map.max_entries == 1, per_cpu = map.type == MapType::kPerCpuArray;
  if (!first) emit_scale(builder, kKey, element_bytes(map), kAddress);
  if (per_cpu) emit_cpu(builder, map, first ? kKey : kAddress, isa::Reg{3});
  if (per_cpu && !first) builder.emit(alu(AluOp::kAdd, Width::k64, kKey, kAddress));
  builder.emit(LoadSymbol{.kind = SymbolKind::kMapValue, .dst = isa::kR0, .index = index, .offset = 0});
  if (per_cpu || !first) builder.emit(alu(AluOp::kAdd, Width::k64, isa::kR0, kKey));
}

/// The index where it is one and the same whenever the call is made.
std::optional<std::uint32_t> constant_index(const Source& source, InsnIndex at, const std::optional<Operand>& key) {
  if (const auto known = source.facts.insns[at].key.get()) return known;
  const auto* imm = key ? std::get_if<Imm>(&*key) : nullptr;
  return imm != nullptr ? std::optional(static_cast<std::uint32_t>(imm->value)) : std::nullopt;
}

/// The offset of that element if it is in range, and fits a symbol's.
std::optional<std::int32_t> constant_offset(const MapSpec& map, std::optional<std::uint32_t> index) {
  if (!index || *index >= map.max_entries) return std::nullopt;
  const std::uint64_t offset = element_bytes(map) * *index;
  if (offset > std::uint64_t{std::numeric_limits<std::int32_t>::max()}) return std::nullopt;
  return static_cast<std::int32_t>(offset);
}

void emit_key(Builder& builder, const std::optional<Operand>& key) {
  if (key) {
    builder.emit(alu(AluOp::kMov, Width::k32, kKey, *key));
  } else {
    builder.emit(Load{.size = isa::Size::k32, .dst = kKey, .base = kAddress});
  }
}

/// An element of a map of maps is the address of one.
void emit_inner_map(Builder& builder) {
  builder.emit(Load{.size = isa::Size::k64, .ordering = Ordering::kAcquireRelease, .dst = isa::kR0, .base = isa::kR0});
}

/// r0 is an element: goes where the program goes then.
Lowered go_on(Builder& builder, const NullTest& test, InsnIndex at) {
  const bool falls_through = test.from_call_only && test.otherwise == at + 2;
  if (!falls_through) builder.emit_to_slot(Jump{}, test.otherwise);
  return test.from_call_only ? Lowered::kWithTest : Lowered::kCall;
}

}  // namespace

std::optional<Lowered> inline_array_lookup(Builder& builder, const Source& source, InsnIndex at) {
  const auto index = source.facts.insns[at].map.get();
  if (!index) return std::nullopt;
  const MapSpec& map = *source.program.maps[*index];
  const bool maps = map.type == MapType::kArrayOfMaps;
  if (map.type != MapType::kArray && map.type != MapType::kPerCpuArray && !maps) return std::nullopt;
  const auto key = find_key(source, at);
  const auto test = find_null_test(source, at);
  if (const auto offset = constant_offset(map, constant_index(source, at, key))) {
    emit_at_constant(builder, map, *index, *offset);
  } else {
    emit_key(builder, key);
    builder.emit(move(isa::kR0, Imm{0}));
    builder.emit_to_slot(Branch{.op = isa::JmpOp::kGe,
                                .width = Width::k32,
                                .dst = kKey,
                                .src = Imm{static_cast<std::int32_t>(map.max_entries)}},
                         test ? test->if_null : at + 1);
    emit_element(builder, map, *index);
  }
  // An empty slot of a map of maps is null, too.
  if (maps) emit_inner_map(builder);
  return test && !maps ? go_on(builder, *test, at) : Lowered::kCall;
}

}  // namespace skep::lower
