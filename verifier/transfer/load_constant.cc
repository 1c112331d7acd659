// SPDX-License-Identifier: Apache-2.0
// 16-byte loads: constants, maps, addresses of map values, functions.
#include <algorithm>

#include "base/try.h"
#include "base/unreachable.h"
#include "skep/btf.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

/// Where a variable of the arena lies, as user space sees it; the address behind the last page is allowed too.
Check load_arena_address(Run& run, const MapSpec& map, std::uint32_t offset, isa::Reg dst) {
  constexpr std::uint64_t kPage = 4096;
  if (offset >= kMaxVariableOffset) return run.reject(DiagCode::kDirectValueOffset, std::uint64_t{offset});
  if (offset > map.max_entries * kPage)
    return run.reject(DiagCode::kInvalidMapValue, std::uint64_t{map.value_size}, std::uint64_t{offset});
  run.reg(dst) = unknown_scalar();
  return Check::ok();
}

Check load_map_value(Run& run, const isa::LoadImm64& insn) {
  const auto index = static_cast<std::uint32_t>(insn.low);
  const MapSpec& map = *run.maps[index];
  const MapTypeInfo* const type = find_info(map.type);
  const auto offset = static_cast<std::uint32_t>(insn.high);
  if (map.type == MapType::kArena) return load_arena_address(run, map, offset, insn.dst);
  if (type == nullptr || !type->direct_value || map.max_entries != 1)
    return run.reject(DiagCode::kNoDirectValue, map.name);
  if (offset >= kMaxVariableOffset) return run.reject(DiagCode::kDirectValueOffset, std::uint64_t{offset});
  if (offset >= map.value_size)
    return run.reject(DiagCode::kInvalidMapValue, std::uint64_t{map.value_size}, std::uint64_t{offset});
  Value value = pointer(ValueKind::kMapValue);
  value.target = index;
  value.offset = static_cast<std::int32_t>(offset);
  run.reg(insn.dst) = value;
  return Check::ok();
}

/// Linux takes the types of all functions of a program, or of none.
bool functions_have_types(const Program& program) {
  return program.btf != nullptr && !program.functions.empty() &&
         std::all_of(program.functions.begin(), program.functions.end(),
                     [](const FunctionInfo& function) { return function.btf_type_id != 0; });
}

Check load_function(Run& run, const isa::LoadImm64& insn) {
  const auto target = callee(run.program.insns, run.at);
  const auto found = run.layout.find_subprogram(static_cast<InsnIndex>(*target));
  if (!found) return run.reject(DiagCode::kInvalidCallee);
  if (!functions_have_types(run.program)) return run.reject(DiagCode::kCallbackWithoutBtf);
  if (run.layout.subprograms[*found].global) return run.reject(DiagCode::kCallbackNotStatic);
  Value value = pointer(ValueKind::kFunction);
  value.target = *found;
  run.reg(insn.dst) = value;
  return Check::ok();
}

bool is_per_cpu(const Btf& kernel, TypeId variable) {
  const auto* section = kernel.find<btf::DataSec>(kernel.find_by_name<btf::DataSec>(".data..percpu"));
  return section != nullptr && std::any_of(section->vars.begin(), section->vars.end(),
                                           [&](const btf::SectionVar& one) { return one.var == variable; });
}

/// The address of a variable, or function, of the kernel.
Check load_variable(Run& run, const isa::LoadImm64& insn) {
  const Btf* const kernel = run.program.target_btf.get();
  const auto id = static_cast<TypeId>(insn.low);
  if (kernel == nullptr || insn.high != 0)
    return run.reject(DiagCode::kUnsupported, std::string("a variable of a module"));
  if (kernel->find<btf::Func>(id) != nullptr) return run.reg(insn.dst) = unknown_scalar(), Check::ok();
  const auto* variable = kernel->find<btf::Var>(id);
  if (variable == nullptr) return run.reject(DiagCode::kUnsupported, std::string("a variable that is none"));
  const TypeId type = kernel->resolve(variable->type);
  const bool per_cpu = is_per_cpu(*kernel, id), composite = kernel->find<btf::Composite>(type) != nullptr;
  const auto size = kernel->size_of(type);
  Value value = pointer(per_cpu || composite ? ValueKind::kBtf : ValueKind::kMemory);
  if (value.kind == ValueKind::kBtf) {
    value.target = type;
    if (per_cpu) value.set(PointerFlag::kPerCpu);
  } else {
    if (!size) return run.reject(DiagCode::kUnsupported, std::string("a variable without size"));
    value.read_only = true;
    value.extent = static_cast<std::int32_t>(*size);
  }
  run.reg(insn.dst) = value;
  return Check::ok();
}

}  // namespace

Check transfer(Run& run, const isa::LoadImm64& insn) {
  TRY_OK(check_writable(run, insn.dst.index));
  run.next = run.at + 2;
  run.facts.insns[run.at + 1].reachable = true;
  switch (insn.kind) {
    case isa::Imm64Kind::kConstant:
      run.reg(insn.dst) = constant_scalar(insn.constant());
      return Check::ok();
    case isa::Imm64Kind::kMapIndex: {
      const MapSpec& map = *run.maps[static_cast<std::uint32_t>(insn.low)];
      if (find_info(map.type) == nullptr)
        return run.reject(DiagCode::kUnsupported, "map type " + std::to_string(static_cast<int>(map.type)));
      if (find_info(map.type)->value == MapValueKind::Map && map.inner == nullptr)
        return run.reject(DiagCode::kUnsupported, std::string("a map of maps without a template"));
      Value value = pointer(ValueKind::kMap);
      value.target = static_cast<std::uint32_t>(insn.low);
      run.reg(insn.dst) = value;
      return Check::ok();
    }
    case isa::Imm64Kind::kMapValueIndex:
      return load_map_value(run, insn);
    case isa::Imm64Kind::kFunction:
      return load_function(run, insn);
    case isa::Imm64Kind::kVariable:
      return load_variable(run, insn);
    case isa::Imm64Kind::kMapFd:
    case isa::Imm64Kind::kMapValueFd:
      return run.reject(DiagCode::kNoSuchMap, std::int64_t{insn.low});
  }
  unreachable();
}

}  // namespace skep::verifier
