// SPDX-License-Identifier: Apache-2.0
// Calls of kernel functions: arguments are checked by require/kfunc.cc, then the call's effects on references, sections
// and registers take place.
#include "verifier/transfer/call_kfunc.h"

#include <array>
#include <utility>

#include "base/try.h"
#include "verifier/transfer/dynptr.h"

namespace skep::verifier {
namespace {

Check release_argument(Run& run, const KfuncCall& call) {
  if (!call.has(KfuncFlag::kRelease)) return Check::ok();
  if (call.released == 0) return run.reject(DiagCode::kKfuncRelease, std::string(call.kfunc.name));
  return release_reference(run, call.args[call.released].reference);
}

Check return_object(Run& run, const KfuncCall& call, TypeId type) {
  Value result = pointer(ValueKind::kBtf);
  result.target = type;
  if (call.has(KfuncFlag::kAcquire)) {
    if (call.has(KfuncFlag::kRetNull)) run.new_id();  // Linux numbers the pointer before its reference takes its place.
    result.reference = acquire_reference(run, ReferenceKind::kObject);
    if (result.reference == 0) return Check::rejected();
  } else {
    result.set(PointerFlag::kUntrusted);
  }
  result.maybe_null = call.has(KfuncFlag::kRetNull);
  if (result.maybe_null) result.id = result.reference != 0 ? result.reference : run.new_id();
  run.reg(isa::kR0) = result;
  return Check::ok();
}

/// Functions that give memory of a dynptr.
Check return_slice(Run& run, const KfuncCall& call) {
  Value slice = slice_of_dynptr(run, *call.dynptr, call.size.value_or(0));
  slice.read_only = call.kfunc.row->id == KfuncId::bpf_dynptr_slice;
  run.reg(isa::kR0) = slice;
  return Check::ok();
}

Check return_pointer(Run& run, const KfuncCall& call, TypeId target) {
  const Btf& kernel = *run.program.target_btf;
  const KfuncId id = call.kfunc.row->id;
  if (id == KfuncId::bpf_arena_alloc_pages) {  // Not yet an address in the arena: the program casts it first.
    run.reg(isa::kR0) = unknown_scalar();
    return Check::ok();
  }
  if (id == KfuncId::bpf_dynptr_slice || id == KfuncId::bpf_dynptr_slice_rdwr) return return_slice(run, call);
  if (id == KfuncId::bpf_session_cookie) {  // A word that entry and return of one call share.
    run.reg(isa::kR0) = pointer(ValueKind::kMemory);
    run.reg(isa::kR0).extent = sizeof(std::uint64_t);
    return Check::ok();
  }
  if (kernel.find<btf::Composite>(target) != nullptr) return return_object(run, call, target);
  return run.reject(DiagCode::kUnsupported, "the result of " + std::string(call.kfunc.name));
}

Check set_result(Run& run, const KfuncCall& call) {
  const Btf& kernel = *run.program.target_btf;
  clobber_arguments(run);
  if (call.kfunc.returns == 0) return Check::ok();
  if (const auto* result = kernel.find<btf::Pointer>(call.kfunc.returns))
    return return_pointer(run, call, kernel.resolve(result->target));
  run.reg(isa::kR0) = unknown_scalar();
  return Check::ok();
}

/// The kind of dynptr that a function makes.
constexpr auto kDynptrMakers =
    std::to_array<std::pair<KfuncId, DynptrKind>>({{KfuncId::bpf_dynptr_from_skb, DynptrKind::Skb},
                                                   {KfuncId::bpf_dynptr_from_xdp, DynptrKind::Xdp},
                                                   {KfuncId::bpf_dynptr_from_skb_meta, DynptrKind::SkbMeta}});

Check apply_dynptr(Run& run, const KfuncCall& call) {
  const KfuncId id = call.kfunc.row->id;
  if (id == KfuncId::bpf_dynptr_slice_rdwr) TRY_OK(check_slice_writable(run, *call.dynptr));
  if (!call.made || call.has(KfuncFlag::kIterNew)) return Check::ok();
  if (id == KfuncId::bpf_dynptr_clone) {
    const Value& from = *call.dynptr;
    make_dynptr(
        run, *call.made, static_cast<DynptrKind>(from.detail),
        {.id = run.new_id(), .reference = from.reference, .origin = from.map_uid != 0 ? from.map_uid : from.id});
    return Check::ok();
  }
  for (const auto& [maker, kind] : kDynptrMakers) {
    if (maker != id) continue;
    make_dynptr(run, *call.made, kind, {.id = run.new_id()});
    return Check::ok();
  }
  return run.reject(DiagCode::kUnsupported, "kernel function " + std::string(call.kfunc.name));
}

}  // namespace

Check call_kfunc(Run& run, const isa::Call& insn) {
  if (insn.imm == 0 && insn.offset == 0) return run.reject(DiagCode::kKfuncNotEliminated);
  KfuncCall call{.kfunc = *run.layout.find_kfunc(insn.imm)};
  TRY_OK(check_kfunc_available(run, call.kfunc));
  TRY_OK(check_kfunc_sections(run, call));
  for (std::uint32_t reg = 1; reg <= 5; ++reg) call.args[reg] = run.reg(reg);
  for (std::uint32_t index = 0; index < call.kfunc.parameters.size(); ++index)
    TRY_OK(check_kfunc_argument(run, call, index));
  TRY_OK(release_argument(run, call));
  TRY_OK(apply_dynptr(run, call));
  if (call.has(KfuncFlag::kChangesPacket)) forget_packet(run.state);
  if (const auto done = call_iterator(run, call)) return *done;
  if (const auto done = call_object_kfunc(run, call)) return *done;
  if (const auto done = call_cast(run, call)) return *done;
  return set_result(run, call);
}

}  // namespace skep::verifier
