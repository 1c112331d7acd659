// SPDX-License-Identifier: Apache-2.0
// What the verifier knows of the contents of one register or of one spilled stack slot. Trivially copyable, no heap:
// millions of these are copied and compared during one verification.
#pragma once
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "verifier/domain/scalar.h"

namespace skep::verifier {

/// Kinds of register contents. Everything after kScalar is a pointer.
enum class ValueKind : std::uint8_t {
  kNotInit,
  kScalar,
  kContext,
  kMap,         ///< The map itself (LoadImm64 of a map; value of a map-in-map).
  kMapValue,    ///< Into a value of map `map`.
  kMapKey,      ///< Into a key of map `map` (for_each_map_elem callbacks).
  kStack,       ///< Relative to r10 of frame `frame`.
  kPacket,      ///< Relative to the packet's first byte.
  kPacketMeta,  ///< Relative to the first byte of metadata before the packet.
  kPacketEnd,   ///< One past the packet's last byte.
  kMemory,      ///< Into a region of `extent` bytes (ring buffer record, checked argument).
  kFunction,    ///< A static subprogram (callback).
};

/// What comparing a packet pointer with the packet's end said of it, where that is no range (Value::extent).
inline constexpr std::int32_t kAtPacketEnd = -1, kBeyondPacketEnd = -2;

/// Low bits of `id` name the value; this bit says that `offset` was added since (linked scalars: r2 = r1; r2 += 8).
inline constexpr std::uint32_t kIdPlusOffset = 1u << 31;

struct Value {
  ValueKind kind = ValueKind::kNotInit;
  bool maybe_null = false;
  bool read_only = false;       ///< kMemory: the program may not write it.
  bool precise = false;         ///< kScalar: the exact bounds matter to what was proved.
  std::uint8_t frame = 0;       ///< kStack: number of the frame.
  std::int32_t offset = 0;      ///< Known part of a pointer's offset; of a linked scalar: what was added.
  std::int32_t extent = 0;      ///< Packet kinds: bytes known to exist from offset 0 on. kMemory: size.
  std::uint32_t map = 0;        ///< Index into Run::maps: kMap, kMapValue, kMapKey. kFunction: the subprogram.
  std::uint32_t map_uid = 0;    ///< Which lookup gave this inner map (0: not an inner map).
  std::uint32_t id = 0;         ///< Copies of one value share it; 0: nobody cares.
  std::uint32_t reference = 0;  ///< Id of the resource that this pointer belongs to; 0: none.
  Scalar scalar;                ///< The scalar, or the variable part of a pointer's offset.

  [[nodiscard]] bool is_scalar() const { return kind == ValueKind::kScalar; }
  [[nodiscard]] bool is_pointer() const { return kind > ValueKind::kScalar; }
  [[nodiscard]] bool is_packet() const { return kind == ValueKind::kPacket || kind == ValueKind::kPacketMeta; }
  [[nodiscard]] bool is_packet_or_end() const { return is_packet() || kind == ValueKind::kPacketEnd; }
  [[nodiscard]] bool is_constant() const { return is_scalar() && scalar.is_constant(); }
  /// The constant 0: what a null pointer is.
  [[nodiscard]] bool is_null() const { return is_constant() && scalar.value() == 0; }
};
static_assert(std::is_trivially_copyable_v<Value>);

/// A scalar of which nothing is known / which is known.
Value unknown_scalar();
Value constant_scalar(std::uint64_t value);
/// A pointer of `kind` with offset 0.
Value pointer(ValueKind kind);
Value stack_pointer(std::uint8_t frame);

/// Forgets everything but that it is a number.
inline void make_unknown(Value& value) { value = unknown_scalar(); }

/// "pkt", "map_value_or_null": as the kernel's log names the kind.
std::string_view kind_name(const Value& value);
std::string_view base_kind_name(ValueKind kind);

}  // namespace skep::verifier
