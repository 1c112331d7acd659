// SPDX-License-Identifier: Apache-2.0
#include "tools/compare/harness.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "skep/btf.h"

namespace skep::tools {
namespace {

struct FlagName {
  std::string_view name;
  std::uint32_t value = 0;
};
constexpr std::uint32_t kSleepable = 1u << 4;  // BPF_F_SLEEPABLE; Program::sleepable.
constexpr auto kFlagNames = std::to_array<FlagName>({
    {"BPF_F_STRICT_ALIGNMENT", program_flags::kStrictAlignment},
    {"BPF_F_ANY_ALIGNMENT", program_flags::kAnyAlignment},
    {"BPF_F_TEST_RND_HI32", program_flags::kTestRandomHigh32},
    {"BPF_F_TEST_STATE_FREQ", program_flags::kTestStateFrequency},
    {"BPF_F_SLEEPABLE", kSleepable},
    {"BPF_F_XDP_HAS_FRAGS", program_flags::kXdpHasFrags},
    {"BPF_F_TEST_REG_INVARIANTS", program_flags::kTestRegInvariants},
});

std::uint32_t flag_of(std::string_view text) {
  for (const FlagName& row : kFlagNames)
    if (row.name == text) return row.value;
  std::uint32_t value = 0;
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
  return value;
}

void apply_tags(Program& program) {
  constexpr std::string_view kTest = "comment:test_", kFlags = "comment:test_prog_flags=";
  std::uint32_t flags = 0;
  bool tested = false;
  for (TypeId id = 1; id < program.btf->size(); ++id) {
    const auto* tag = program.btf->find<btf::DeclTag>(id);
    const bool ours = tag != nullptr && tag->target == program.functions.front().btf_type_id && !tag->component;
    if (!ours || !tag->value.starts_with(kTest)) continue;
    tested = true;
    if (tag->value.starts_with(kFlags)) flags |= flag_of(tag->value.substr(kFlags.size()));
  }
  if (!tested) return;
  program.flags |= program_flags::kTestRandomHigh32 | program_flags::kTestRegInvariants | (flags & ~kSleepable);
  program.sleepable = program.sleepable || (flags & kSleepable) != 0;
}

/// A context's name in the UAPI and in the kernel; expected attach types are UAPI bpf_attach_type.
struct ContextName {
  std::string_view uapi, kernel;
  ProgramType type{};
  std::uint32_t attach_type = 0;
};
constexpr auto kContexts = std::to_array<ContextName>({
    {"__sk_buff", "sk_buff", ProgramType::kSchedCls, 0},
    {"bpf_sock", "sock", ProgramType::kCgroupSock, 12},
    {"bpf_sock_addr", "bpf_sock_addr_kern", ProgramType::kCgroupSockAddr, 8},
    {"bpf_sock_ops", "bpf_sock_ops_kern", ProgramType::kSockOps, 3},
    {"sk_msg_md", "sk_msg", ProgramType::kSkMsg, 7},
    {"bpf_cgroup_dev_ctx", "bpf_cgroup_dev_ctx", ProgramType::kCgroupDevice, 6},
    {"bpf_sysctl", "bpf_sysctl_kern", ProgramType::kCgroupSysctl, 18},
    {"bpf_sockopt", "bpf_sockopt_kern", ProgramType::kCgroupSockopt, 22},
    {"sk_reuseport_md", "sk_reuseport_kern", ProgramType::kSkReuseport, 40},
    {"bpf_sk_lookup", "bpf_sk_lookup_kern", ProgramType::kSkLookup, 36},
    {"xdp_md", "xdp_buff", ProgramType::kXdp, 37},
    {"bpf_user_pt_regs_t", "pt_regs", ProgramType::kKprobe, 0},
    {"bpf_perf_event_data", "bpf_perf_event_data_kern", ProgramType::kPerfEvent, 0},
    {"bpf_raw_tracepoint_args", "", ProgramType::kRawTracepoint, 0},
});

/// The name of the type that the only parameter of the entry function points to; empty: it is not so.
std::string_view context_name(const Program& program) {
  const Btf& types = *program.btf;
  const auto* function = types.find<btf::Func>(program.functions.front().btf_type_id);
  const auto* prototype = function == nullptr ? nullptr : types.find<btf::FuncProto>(function->prototype);
  if (prototype == nullptr || prototype->parameters.size() != 1) return {};
  const auto* pointer = types.find<btf::Pointer>(types.resolve(prototype->parameters[0].type));
  if (pointer == nullptr) return {};
  TypeId target = pointer->target;
  while (const auto* qualifier = types.find<btf::Qualifier>(target)) target = qualifier->target;
  return types.name(target);
}

void guess_type(Program& program) {
  const std::string_view name = context_name(program);
  const auto row = std::find_if(kContexts.begin(), kContexts.end(), [&](const ContextName& one) {
    return !name.empty() && (one.uapi == name || one.kernel == name);
  });
  program.type = row == kContexts.end() ? ProgramType::kSchedCls : row->type;  // That of most helpers.
  program.attach_type = row == kContexts.end() ? 0 : row->attach_type;
}

/// Local storage has no size. UAPI bpf_map_type.
bool is_local_storage(MapType type) {
  constexpr auto kTypes = std::to_array<std::uint32_t>({19, 21, 24, 28, 29, 32});
  return std::find(kTypes.begin(), kTypes.end(), static_cast<std::uint32_t>(type)) != kTypes.end();
}

constexpr std::uint32_t kStackDepth = 127;  // sysctl kernel.perf_event_max_stack

/// What user space would fill in.
void complete_maps(Program& program) {
  for (auto& map : program.maps) {
    MapSpec spec = *map;
    const bool nests = spec.type == MapType::kArrayOfMaps || spec.type == MapType::kHashOfMaps;
    const bool hash = spec.type == MapType::kHash || spec.type == MapType::kLruHash;
    if (spec.max_entries == 0 && !is_local_storage(spec.type)) spec.max_entries = 1;
    if (spec.value_size == 0 && (nests || hash)) spec.value_size = sizeof(std::uint32_t);
    if (spec.value_size == 0 && spec.type == MapType::kStackTrace)
      spec.value_size = kStackDepth * sizeof(std::uint64_t);
    if (nests && spec.inner == nullptr) {
      MapSpec inner;
      inner.name = spec.name + ".inner";
      inner.type = MapType::kArray;
      inner.key_size = inner.value_size = sizeof(std::uint32_t);
      inner.max_entries = 1;
      spec.inner = std::make_shared<const MapSpec>(std::move(inner));
    }
    map = std::make_shared<const MapSpec>(std::move(spec));
  }
}

}  // namespace

Program as_harness_loads(Program program) {
  complete_maps(program);
  if (program.btf == nullptr || program.functions.empty()) return program;
  apply_tags(program);
  // Functions of .text are there for others to call.
  const bool untyped = program.type == ProgramType::kUnspec && program.section != ".text";
  if (untyped || program.type == ProgramType::kExt) guess_type(program);
  return program;
}

}  // namespace skep::tools
