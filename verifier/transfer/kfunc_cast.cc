// SPDX-License-Identifier: Apache-2.0
// bpf_cast_to_kern_ctx and bpf_rdonly_cast: the same object, as the kernel's own type.
#include <algorithm>
#include <cctype>

#include "verifier/transfer/call_kfunc.h"

namespace skep::verifier {
namespace {

/// The kernel's type behind this program type's context: struct bpf_ctx_convert of its BTF has a pair of members for
/// each program type, "BPF_PROG_TYPE_XDP_prog" and "BPF_PROG_TYPE_XDP_kern". 0: none.
TypeId kernel_context(const Btf& kernel, ProgramType type) {
  std::string wanted = "BPF_PROG_TYPE_";
  for (const char c : info(type).name) wanted += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  wanted += "_kern";
  const auto* table = kernel.find<btf::Composite>(kernel.find_by_name<btf::Composite>("bpf_ctx_convert"));
  if (table == nullptr) return 0;
  for (const btf::Member& member : table->members)
    if (member.name == wanted) return kernel.resolve(member.type);
  return 0;
}

Check cast_context(Run& run) {
  const Btf& kernel = *run.program.target_btf;
  const TypeId type = kernel_context(kernel, run.program.type);
  if (kernel.find<btf::Composite>(type) == nullptr) return run.reject(DiagCode::kKfuncContextType, std::uint64_t{type});
  clobber_arguments(run);
  Value result = pointer(ValueKind::kBtf);
  result.set(PointerFlag::kTrusted);
  result.target = type;
  run.reg(isa::kR0) = result;
  return Check::ok();
}

Check cast_read_only(Run& run, const KfuncCall& call) {
  const Btf& kernel = *run.program.target_btf;
  const std::uint64_t id = call.constant.value_or(0);
  if (id >= kernel.size())
    return run.reject(DiagCode::kKfuncCastUnknown, static_cast<std::int64_t>(id), std::string(call.kfunc.name));
  const TypeId type = kernel.resolve(static_cast<TypeId>(id));
  const bool is_struct = kernel.find<btf::Composite>(type) != nullptr;
  if (!is_struct && type != 0) return run.reject(DiagCode::kKfuncCastType, std::string(call.kfunc.name));
  clobber_arguments(run);
  Value result = pointer(is_struct ? ValueKind::kBtf : ValueKind::kMemory);
  result.set(PointerFlag::kUntrusted);
  result.read_only = !is_struct;
  result.target = type;
  run.reg(isa::kR0) = result;
  return Check::ok();
}

}  // namespace

std::optional<Check> call_cast(Run& run, const KfuncCall& call) {
  if (call.kfunc.row->id == KfuncId::bpf_cast_to_kern_ctx) return cast_context(run);
  if (call.kfunc.row->id == KfuncId::bpf_rdonly_cast) return cast_read_only(run, call);
  return std::nullopt;
}

}  // namespace skep::verifier
