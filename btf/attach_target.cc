// SPDX-License-Identifier: Apache-2.0
#include "btf/attach_target.h"

#include <algorithm>
#include <array>

#include "base/cat.h"
#include "btf/core.h"

namespace skep::btf {
namespace {

/// The kernel's name for what a section name calls NAME: by attach type (UAPI bpf_attach_type).
struct Row {
  ProgramType type{};
  std::uint32_t attach_type = 0;
  std::string_view prefix;
  bool is_typedef = false;
};
constexpr auto kRows = std::to_array<Row>({
    {ProgramType::kTracing, 23, "btf_trace_", true},  // BPF_TRACE_RAW_TP
    {ProgramType::kTracing, 24, "", false},           // BPF_TRACE_FENTRY
    {ProgramType::kTracing, 25, "", false},           // BPF_TRACE_FEXIT
    {ProgramType::kTracing, 26, "", false},           // BPF_MODIFY_RETURN
    {ProgramType::kTracing, 28, "bpf_iter_", false},  // BPF_TRACE_ITER
    {ProgramType::kLsm, 27, "bpf_lsm_", false},       // BPF_LSM_MAC
    {ProgramType::kLsm, 43, "bpf_lsm_", false},       // BPF_LSM_CGROUP
});

Result<AttachTarget> find_operation(const Program& program) {
  const std::string_view target = program.attach_target;
  const std::size_t dot = target.find('.');
  if (dot == std::string_view::npos)
    return Error{Errc::kNotFound, "no table of operations of the object names the program"};
  const std::string_view table = core::essential_name(target.substr(0, dot)), operation = target.substr(dot + 1);
  const TypeId id = program.target_btf->find_by_name<Composite>(table);
  const auto* type = program.target_btf->find<Composite>(id);
  if (type == nullptr) return Error{Errc::kNotFound, cat("the kernel has no struct ", table)};
  for (std::uint32_t i = 0; i < type->members.size(); ++i)
    if (type->members[i].name == operation) return AttachTarget{.type = id, .member = i};
  return Error{Errc::kNotFound, cat("the kernel's struct ", table, " has no member '", operation, "'")};
}

}  // namespace

Result<AttachTarget> find_attach_target(const Program& program) {
  const bool operation = program.type == ProgramType::kStructOps;
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& one) {
    return one.type == program.type && one.attach_type == program.attach_type;
  });
  if (!operation && row == kRows.end()) return AttachTarget{};
  if (program.target_btf == nullptr)
    return Error{Errc::kNotFound, "attaches to a type of the kernel, and those are not known"};
  if (operation) return find_operation(program);
  if (program.attach_target.empty()) return Error{Errc::kNotFound, "the section names no attach target"};
  const std::string name = cat(row->prefix, program.attach_target);
  const TypeId id =
      row->is_typedef ? program.target_btf->find_by_name<Typedef>(name) : program.target_btf->find_by_name<Func>(name);
  if (id == 0) return Error{Errc::kNotFound, cat("the kernel has no attach target '", name, "'")};
  return AttachTarget{.type = id, .member = 0};
}

}  // namespace skep::btf
