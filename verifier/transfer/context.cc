// SPDX-License-Identifier: Apache-2.0
// Loads from the context: what the fields of tables/contexts.def give.
#include "base/try.h"
#include "base/unreachable.h"
#include "skep/btf.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

Value maybe_null(Run& run, ValueKind kind) {
  Value value = pointer(kind);
  value.maybe_null = true;
  value.id = run.new_id();
  return value;
}

/// A pointer to an object of the kernel's structure `name` that lives as long as the program runs.
Check load_object(Run& run, std::string_view name, std::uint32_t dst) {
  const Btf* const btf = run.program.target_btf.get();
  const TypeId type = btf == nullptr ? 0 : btf->find_by_name<btf::Composite>(name);
  if (type == 0)
    return run.reject(DiagCode::kUnsupported, "no kernel types to find struct " + std::string(name) + " in");
  Value value = pointer(ValueKind::kBtf);
  value.target = type;
  value.set(PointerFlag::kTrusted);
  run.reg(dst) = value;
  return Check::ok();
}

Check put(Run& run, std::uint32_t dst, const Value& value) {
  run.reg(dst) = value;
  return Check::ok();
}

}  // namespace

Check load_context(Run& run, const Access& access, std::uint32_t dst) {
  if (run.traced) {
    TRY_OK(check_unmodified(run, access.base));
    return load_traced(run, access, dst);
  }
  FieldValue value{};
  TRY_OK(check_context(run, access.base, access.offset, access.bytes(), AccessMode::kRead, access.extend, value));
  switch (value) {
    case FieldValue::Scalar:
      return put(run, dst, unknown_scalar());
    case FieldValue::PacketData:
      return put(run, dst, pointer(ValueKind::kPacket));
    case FieldValue::PacketMeta:
      return put(run, dst, pointer(ValueKind::kPacketMeta));
    case FieldValue::PacketEnd:
      return put(run, dst, pointer(ValueKind::kPacketEnd));
    case FieldValue::Socket:
      return put(run, dst, pointer(ValueKind::kSocket));
    case FieldValue::SocketOrNull:
      return put(run, dst, maybe_null(run, ValueKind::kSocket));
    case FieldValue::SockCommonOrNull:
      return put(run, dst, maybe_null(run, ValueKind::kSockCommon));
    case FieldValue::FlowKeys:
      return put(run, dst, pointer(ValueKind::kFlowKeys));
    case FieldValue::TpBuffer:
      return put(run, dst, pointer(ValueKind::kTpBuffer));
    case FieldValue::SkBuff:
      return load_object(run, "sk_buff", dst);
    case FieldValue::NfHookState:
      return load_object(run, "nf_hook_state", dst);
  }
  unreachable();
}

}  // namespace skep::verifier
