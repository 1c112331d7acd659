// SPDX-License-Identifier: Apache-2.0
#include "verifier/domain/value.h"

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

std::string kind_name(const Value& value) {
  struct Prefix {
    PointerFlag flag;
    std::string_view text;
  };
  constexpr auto kPrefixes = std::to_array<Prefix>({{PointerFlag::kRingBuf, "ringbuf_"},
                                                    {PointerFlag::kUser, "user_"},
                                                    {PointerFlag::kPerCpu, "percpu_"},
                                                    {PointerFlag::kRcu, "rcu_"},
                                                    {PointerFlag::kUntrusted, "untrusted_"},
                                                    {PointerFlag::kTrusted, "trusted_"}});
  std::string name = value.read_only ? "rdonly_" : "";
  for (const Prefix& prefix : kPrefixes)
    if (value.has(prefix.flag)) name += prefix.text;
  name += info(value.kind).name;
  // The name of the type, which the log writes behind "ptr_", is known to who prints the register.
  if (value.maybe_null) name += value.kind == ValueKind::kBtf ? "or_null_" : "_or_null";
  return name;
}

}  // namespace skep::verifier
