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

/// r0 += where the values of this run's CPU begin.
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
  const bool maps = map.type == MapType::kArrayOfMaps;
  const bool single = map.max_entries == 1;
  if (!single) emit_scale(builder, kKey, maps ? sizeof(std::uint64_t) : value_stride(map), kAddress);
  if (map.type == MapType::kPerCpuArray) {
    emit_cpu(builder, map, kAddress, isa::Reg{3});
    if (single) {
      builder.emit(move(kKey, kAddress));
    } else {
      builder.emit(alu(AluOp::kAdd, Width::k64, kKey, kAddress));
    }
  }
  builder.emit(LoadSymbol{.kind = SymbolKind::kMapValue, .dst = isa::kR0, .index = index, .offset = 0});
  if (!single || map.type == MapType::kPerCpuArray) builder.emit(alu(AluOp::kAdd, Width::k64, isa::kR0, kKey));
  if (maps)
    builder.emit(
        Load{.size = isa::Size::k64, .ordering = Ordering::kAcquireRelease, .dst = isa::kR0, .base = isa::kR0});
}

/// The offset of the element that the verifier knows to be meant, if it fits a symbol's.
std::optional<std::int32_t> constant_offset(const Source& source, const MapSpec& map, InsnIndex at) {
  const auto key = source.facts.insns[at].key.get();
  if (!key || map.type == MapType::kArrayOfMaps) return std::nullopt;
  const std::uint64_t offset = value_stride(map) * *key;
  if (offset > std::uint64_t{std::numeric_limits<std::int32_t>::max()}) return std::nullopt;
  return static_cast<std::int32_t>(offset);
}

/// r0 is an element: goes where the program goes then.
Lowered go_on(Builder& builder, const std::optional<NullTest>& test, InsnIndex at) {
  if (!test) return Lowered::kCall;
  const bool falls_through = test->from_call_only && test->otherwise == at + 2;
  if (!falls_through) builder.emit_to_slot(Jump{}, test->otherwise);
  return test->from_call_only ? Lowered::kWithTest : Lowered::kCall;
}

}  // namespace

std::optional<Lowered> inline_array_lookup(Builder& builder, const Source& source, InsnIndex at) {
  const auto index = source.facts.insns[at].map.get();
  if (!index) return std::nullopt;
  const MapSpec& map = *source.program.maps[*index];
  const bool maps = map.type == MapType::kArrayOfMaps;
  if (map.type != MapType::kArray && map.type != MapType::kPerCpuArray && !maps) return std::nullopt;
  const auto test = find_null_test(source, at);
  if (const auto offset = constant_offset(source, map, at)) {
    emit_at_constant(builder, map, *index, *offset);
    return go_on(builder, test, at);
  }
  builder.emit(Load{.size = isa::Size::k32, .dst = kKey, .base = kAddress});
  builder.emit(move(isa::kR0, Imm{0}));
  builder.emit_to_slot(Branch{.op = isa::JmpOp::kGe,
                              .width = Width::k32,
                              .dst = kKey,
                              .src = Imm{static_cast<std::int32_t>(map.max_entries)}},
                       test ? test->if_null : at + 1);
  emit_element(builder, map, *index);
  // An empty slot of a map of maps is null, too.
  return maps ? Lowered::kCall : go_on(builder, test, at);
}

}  // namespace skep::lower
