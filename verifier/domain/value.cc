// SPDX-License-Identifier: Apache-2.0
#include "verifier/domain/value.h"

#include "base/unreachable.h"

namespace skep::verifier {

Value unknown_scalar() {
  Value value;
  value.kind = ValueKind::kScalar;
  value.scalar = Scalar::unknown();
  return value;
}

Value constant_scalar(std::uint64_t constant) {
  Value value;
  value.kind = ValueKind::kScalar;
  value.scalar = Scalar::constant(constant);
  return value;
}

Value pointer(ValueKind kind) {
  Value value;
  value.kind = kind;
  value.scalar = Scalar::constant(0);
  return value;
}

Value stack_pointer(std::uint8_t frame) {
  Value value = pointer(ValueKind::kStack);
  value.frame = frame;
  return value;
}

std::string_view base_kind_name(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNotInit:
      return "?";
    case ValueKind::kScalar:
      return "scalar";
    case ValueKind::kContext:
      return "ctx";
    case ValueKind::kMap:
      return "map_ptr";
    case ValueKind::kMapValue:
      return "map_value";
    case ValueKind::kMapKey:
      return "map_key";
    case ValueKind::kStack:
      return "fp";
    case ValueKind::kPacket:
      return "pkt";
    case ValueKind::kPacketMeta:
      return "pkt_meta";
    case ValueKind::kPacketEnd:
      return "pkt_end";
    case ValueKind::kMemory:
      return "mem";
    case ValueKind::kFunction:
      return "func";
  }
  unreachable();
}

std::string_view kind_name(const Value& value) {
  if (value.kind == ValueKind::kMapValue && value.maybe_null) return "map_value_or_null";
  if (value.kind == ValueKind::kMap && value.maybe_null) return "map_ptr_or_null";
  if (value.kind == ValueKind::kMemory) {
    if (value.reference != 0) return value.maybe_null ? "ringbuf_mem_or_null" : "ringbuf_mem";
    if (value.read_only) return value.maybe_null ? "rdonly_mem_or_null" : "rdonly_mem";
    return value.maybe_null ? "mem_or_null" : "mem";
  }
  return base_kind_name(value.kind);
}

}  // namespace skep::verifier
