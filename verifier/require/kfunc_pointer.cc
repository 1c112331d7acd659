// SPDX-License-Identifier: Apache-2.0
// Arguments of kernel functions that point to objects of the kernel or to memory. A pointer to a kernel's object must
// be valid as the function's flags demand and of the right type; anything else is memory, if the type holds numbers
// only.
#include <array>
#include <utility>

#include "base/try.h"
#include "verifier/btf/match.h"
#include "verifier/domain/print.h"
#include "verifier/require/kfunc.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

/// Pointers that have no type in BTF of their own, and the type of what they point to.
constexpr auto kTypesOfKinds =
    std::to_array<std::pair<ValueKind, std::string_view>>({{ValueKind::kMap, "bpf_map"},
                                                           {ValueKind::kSocket, "sock"},
                                                           {ValueKind::kSockCommon, "sock_common"},
                                                           {ValueKind::kTcpSock, "tcp_sock"}});

/// The kernel's type of what a register points to; 0: it is no object of the kernel.
TypeId object_type(const Run& run, const Value& value) {
  const Btf& kernel = *run.program.target_btf;
  if (value.kind == ValueKind::kBtf) return kernel.resolve(value.target);
  for (const auto& [kind, name] : kTypesOfKinds)
    if (kind == value.kind) return kernel.find_by_name<btf::Composite>(name);
  return 0;
}

bool is_object(const Value& value) {
  return value.kind == ValueKind::kBtf || value.kind == ValueKind::kSocket || value.kind == ValueKind::kSockCommon ||
         value.kind == ValueKind::kTcpSock;
}

bool is_trusted(const Value& value) {
  if (value.kind == ValueKind::kMap) return true;
  if (value.kind != ValueKind::kBtf) return value.reference != 0 || value.has(PointerFlag::kTrusted);
  if (value.has(PointerFlag::kUntrusted) || value.has(PointerFlag::kUser) || value.has(PointerFlag::kPerCpu))
    return false;
  return value.reference != 0 || value.has(PointerFlag::kTrusted);
}

Check check_trust(Run& run, const KfuncCall& call, std::uint32_t index) {
  const Value& value = run.reg(index + 1);
  if (!call.trusted_or_rcu()) {
    const bool plain = !value.maybe_null && !value.has(PointerFlag::kUntrusted) && !value.has(PointerFlag::kUser) &&
                       !value.has(PointerFlag::kPerCpu);
    return plain ? Check::ok() : reject_argument(run, index, "is " + kind_name(value) + " expected ptr_ or socket");
  }
  if (is_trusted(value)) return Check::ok();
  const bool rcu = call.has(KfuncFlag::kRcu);
  if (rcu && value.kind == ValueKind::kBtf && value.has(PointerFlag::kRcu) && !value.has(PointerFlag::kPerCpu))
    return Check::ok();
  return run.reject(DiagCode::kKfuncTrust, std::uint64_t{index + 1},
                    std::string(rcu ? "a rcu pointer" : "referenced or trusted"));
}

/// Where a context is not the program's own, the kernel's structure behind it is what to pass.
TypeId kernel_type(const Btf& kernel, TypeId type) {
  constexpr auto kContexts =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"__sk_buff", "sk_buff"}, {"xdp_md", "xdp_buff"}});
  for (const auto& [context, structure] : kContexts)
    if (kernel.name(type) == context) return kernel.find_by_name<btf::Composite>(structure);
  return type;
}

Check check_object(Run& run, KfuncCall& call, std::uint32_t index) {
  const Btf& kernel = *run.program.target_btf;
  const std::uint32_t reg = index + 1;
  const TypeId wanted = call.kfunc.parameters[index].type;
  const Value& value = run.reg(reg);
  if (value.has(PointerFlag::kAlloc))
    return run.reject(DiagCode::kUnsupported, "an object of the program's own for " + std::string(call.kfunc.name));
  TRY_OK(check_trust(run, call, index));
  if (kernel.find<btf::Composite>(wanted) == nullptr)
    return run.reject(DiagCode::kKfuncPointerType, std::string(call.kfunc.name), std::uint64_t{index},
                      type_words(kernel, wanted));
  const bool releases = call.has(KfuncFlag::kRelease) && value.reference != 0;
  if (releases && value.offset != 0) return run.reject(DiagCode::kKfuncOffset, std::uint64_t{reg});
  if (!value.scalar.is_constant())
    return run.reject(DiagCode::kVariablePointer, kind_name(value), print_bits(value.scalar.bits));
  const TypeId type = object_type(run, value);
  const bool exact = call.has(KfuncFlag::kRelease) || is_no_cast_alias(kernel, type, wanted);
  if (!struct_matches(kernel, type, value.offset, kernel_type(kernel, wanted),
                      exact ? Matching::kExact : Matching::kEmbedded))
    return run.reject(DiagCode::kKfuncTypeMismatch, std::string(call.kfunc.name), std::uint64_t{index},
                      type_words(kernel, wanted), std::uint64_t{reg}, type_words(kernel, type));
  if (releases) call.released = reg;
  return Check::ok();
}

/// The memory may be read and written.
Check check_whole(Run& run, std::uint32_t reg, std::uint32_t size) {
  TRY_OK(check_memory(run, reg, size, AccessMode::kRead, ZeroSize::kAllowed));
  return check_memory(run, reg, size, AccessMode::kWrite, ZeroSize::kAllowed);
}

Check must_point_to_scalar(Run& run, std::uint32_t index, TypeId type, std::string_view or_void) {
  return reject_argument(run, index,
                         "pointer type " + type_words(*run.program.target_btf, type) + " must point to " +
                             std::string(or_void) + "scalar, or struct with scalar");
}

}  // namespace

std::string type_words(const Btf& btf, TypeId type) {
  std::string_view kind = "UNKNOWN";
  if (const auto* composite = btf.find<btf::Composite>(type))
    kind = composite->kind == btf::Aggregate::kStruct ? "STRUCT" : "UNION";
  else if (btf.find<btf::Int>(type) != nullptr)
    kind = "INT";
  else if (btf.find<btf::Pointer>(type) != nullptr)
    kind = "PTR";
  else if (btf.find<btf::Enum>(type) != nullptr)
    kind = "ENUM";
  else if (btf.find<btf::Array>(type) != nullptr)
    kind = "ARRAY";
  else if (btf.find<btf::Forward>(type) != nullptr)
    kind = "FWD";
  else if (btf.find<btf::FuncProto>(type) != nullptr)
    kind = "FUNC_PROTO";
  return std::string(kind) + " " + std::string(btf.name(type));
}

Check check_kfunc_pointer(Run& run, KfuncCall& call, std::uint32_t index) {
  const Btf& kernel = *run.program.target_btf;
  const TypeId wanted = call.kfunc.parameters[index].type;
  const Value& value = run.reg(index + 1);
  if (is_object(value) || (value.kind == ValueKind::kMap && kernel.name(wanted) == "bpf_map"))
    return check_object(run, call, index);
  const auto size = size_of_plain(kernel, wanted);
  if (!size) return must_point_to_scalar(run, index, wanted, "");
  TRY_OK(check_readable(run, index + 1));
  return check_whole(run, index + 1, *size);
}

Check check_kfunc_sized_memory(Run& run, KfuncCall& call, std::uint32_t index) {
  const KfuncParameter& parameter = call.kfunc.parameters[index];
  const std::uint32_t reg = index + 1;
  const Value& size = run.reg(reg + 1);
  if (is_object(run.reg(reg))) return check_object(run, call, index);
  if (!size.is_scalar()) return must_point_to_scalar(run, index, parameter.type, "");
  if (parameter.optional && run.reg(reg).is_null()) return Check::ok();
  TRY_OK(check_readable(run, reg));
  const bool bounded = size.scalar.smin >= 0 && size.scalar.umax < static_cast<std::uint64_t>(kMaxVariableOffset);
  const auto bytes = static_cast<std::uint32_t>(size.scalar.umax);
  if (bounded && check_whole(run, reg, bytes).has_value()) {
    run.mark_precise(reg + 1);
    return Check::ok();
  }
  run.rejection.reset();
  return reject_argument(run, index,
                         "arg#" + std::to_string(index + 1) + " memory, len pair leads to invalid memory access");
}

}  // namespace skep::verifier
