// SPDX-License-Identifier: Apache-2.0
// What the verifier knows of the contents of one register or of one spilled stack slot. Trivially copyable, no heap:
// millions of these are copied and compared during one verification.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "verifier/domain/scalar.h"

namespace skep::verifier {

/// Kinds of register contents. Everything after kScalar is a pointer; the last two lie on the stack only.
enum class ValueKind : std::uint8_t {
#define VALUE_KIND(name, ...) k##name,
#include "verifier/domain/value_kinds.def"
};

/// May a number be added to a pointer of the kind?
enum class Arithmetic : std::uint8_t { kNone, kAllowed };
/// May helpers be given it where they ask for plain memory?
enum class Memory : std::uint8_t { kNo, kPlain };
/// What a comparison with null tells of a pointer that is not marked as possibly null.
enum class NullTest : std::uint8_t { kUnknown, kNever };
struct KindInfo {
  std::string_view name;
  Arithmetic arithmetic{};
  Memory memory{};
  NullTest null{};
};
inline constexpr auto kKinds = std::to_array<KindInfo>({
#define VALUE_KIND(name, text, arithmetic, memory, null) \
  {text, Arithmetic::k##arithmetic, Memory::k##memory, NullTest::k##null},
#include "verifier/domain/value_kinds.def"
});
constexpr const KindInfo& info(ValueKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

constexpr bool is_socket(ValueKind kind) {
  return kind == ValueKind::kSocket || kind == ValueKind::kSockCommon || kind == ValueKind::kTcpSock ||
         kind == ValueKind::kXdpSock;
}

/// Properties of a pointer beside its kind (Value::flags is a set of them). The first six lead its name in the log.
enum class PointerFlag : std::uint8_t {
  kRingBuf = 1 << 0,    ///< A record of a ring buffer.
  kUser = 1 << 1,       ///< Points into user memory.
  kPerCpu = 1 << 2,     ///< An offset that per_cpu_ptr makes an address of.
  kRcu = 1 << 3,        ///< Valid until the RCU read-side section ends.
  kUntrusted = 1 << 4,  ///< May be stale: may be read through, but not handed on.
  kTrusted = 1 << 5,    ///< Points to a live object.
  kAlloc = 1 << 6,      ///< Into an object of the program's own types (bpf_obj_new).
  kNonOwning = 1 << 7,  ///< The object belongs to a list or tree; valid while its lock is held.
};

/// What comparing a packet pointer with the packet's end said of it, where that is no range (Value::extent).
inline constexpr std::int32_t kAtPacketEnd = -1, kBeyondPacketEnd = -2;

/// Low bits of `id` name the value; these bits say that `offset` was added since (linked scalars: r2 = r1; r2 += 8), in
/// 64 or in 32 bits.
inline constexpr std::uint32_t kIdPlusOffset = 1u << 31, kIdPlusOffset32 = 1u << 30;
inline constexpr std::uint32_t kIdFlags = kIdPlusOffset | kIdPlusOffset32;

/// What next() of an iterator found the last time (Value::detail of a kIterator).
enum class IteratorState : std::uint8_t { kActive = 1, kDrained };

struct Value {
  ValueKind kind = ValueKind::kNotInit;
  bool maybe_null = false;
  bool read_only = false;  ///< The program may not write through it (kMemory, kBuffer, kDynptr).
  bool precise = false;    ///< kScalar: the exact bounds matter to what was proved.
  std::uint8_t frame = 0;  ///< kStack: number of the frame.
  std::uint8_t flags = 0;  ///< Of PointerFlag.
  std::uint8_t detail =
      0;  ///< kDynptr, kMemory of one: its DynptrKind. kIterator: its IteratorState. kIrqFlag: the family of calls.
  std::int32_t offset = 0;    ///< Known part of a pointer's offset; of a linked scalar: what was added. kDynptr on the
                              ///< stack: 0 in its first slot, 1 in its second.
  std::int32_t extent = 0;    ///< Packet kinds: bytes known to exist from offset 0 on. kMemory: size. kIterator: depth.
  std::uint32_t target = 0;   ///< kMap, kMapValue, kMapKey: index into Run::maps. kFunction: the subprogram. kBtf,
                              ///< kIterator: the type, in the program's BTF with kAlloc, else in the kernel's.
  std::uint32_t map_uid = 0;  ///< Which lookup gave this inner map (0: not an inner map). kMemory: id of the dynptr
                              ///< that tells of it (0: none does). kDynptr: id of the one that it was cloned from.
  std::uint32_t id = 0;       ///< Copies of one value share it; 0: nobody cares.
  std::uint32_t reference = 0;  ///< Id of the resource that this pointer belongs to; 0: none.
  Scalar scalar;                ///< The scalar, or the variable part of a pointer's offset.

  [[nodiscard]] bool has(PointerFlag flag) const { return (flags & static_cast<std::uint8_t>(flag)) != 0; }
  void set(PointerFlag flag) { flags |= static_cast<std::uint8_t>(flag); }
  void clear(PointerFlag flag) { flags &= static_cast<std::uint8_t>(~static_cast<unsigned>(flag)); }
  [[nodiscard]] bool is_scalar() const { return kind == ValueKind::kScalar; }
  [[nodiscard]] bool is_pointer() const { return kind > ValueKind::kScalar; }
  [[nodiscard]] bool is_packet() const { return kind == ValueKind::kPacket || kind == ValueKind::kPacketMeta; }
  [[nodiscard]] bool is_packet_or_end() const { return is_packet() || kind == ValueKind::kPacketEnd; }
  [[nodiscard]] bool is_constant() const { return is_scalar() && scalar.is_constant(); }
  /// The constant 0: what a null pointer is.
  [[nodiscard]] bool is_null() const { return is_constant() && scalar.value() == 0; }
};
static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) == 96);  // Memory: there are many.

/// A scalar of which nothing is known / which is known.
Value unknown_scalar();
Value constant_scalar(std::uint64_t value);
/// A pointer of `kind` with offset 0.
Value pointer(ValueKind kind);
Value stack_pointer(std::uint8_t frame);

/// Forgets everything but that it is a number.
inline void make_unknown(Value& value) { value = unknown_scalar(); }

/// "pkt", "map_value_or_null", "trusted_ptr_": as the kernel's log names the kind with its flags.
std::string kind_name(const Value& value);

}  // namespace skep::verifier
