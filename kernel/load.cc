// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_LOAD with all that libbpf hands over.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/address.h"
#include "base/try.h"
#include "btf/attach_target.h"
#include "kernel/bpf.h"
#include "kernel/btf.h"
#include "kernel/map.h"
#include "kernel/syscall.h"
#include "skep/isa.h"

namespace skep::kernel {
namespace {

constexpr std::size_t kLogSize = 64u << 10;  // Enough for small programs; a longer log is asked for again.
constexpr std::size_t kLongLogSize = 16u << 20;

/// Map references become file descriptors, which is what the kernel takes without a descriptor array.
std::vector<isa::RawInsn> bound_insns(const Program& program, const std::vector<Fd>& maps) {
  isa::Insns insns = program.insns;
  for (isa::Insn& insn : insns) {
    auto* load = std::get_if<isa::LoadImm64>(&insn);
    if (load == nullptr) continue;
    const bool value = load->kind == isa::Imm64Kind::kMapValueIndex;
    if ((load->kind != isa::Imm64Kind::kMapIndex && !value) || static_cast<std::size_t>(load->low) >= maps.size())
      continue;
    load->low = maps[static_cast<std::size_t>(load->low)].get();
    load->kind = value ? isa::Imm64Kind::kMapValueFd : isa::Imm64Kind::kMapFd;
  }
  return isa::encode(insns);
}

std::uint64_t number_after(const std::string& log, const std::string& words) {
  const std::size_t at = log.rfind(words);
  return at == std::string::npos ? 0 : std::strtoull(log.c_str() + at + words.size(), nullptr, 10);
}

void refer_to(const Types& types, bpf_attr& attr) {
  if (!types.btf.valid() || types.functions.empty()) return;
  attr.prog_btf_fd = static_cast<__u32>(types.btf.get());
  attr.func_info = address_of(types.functions.data());
  attr.func_info_cnt = static_cast<__u32>(types.functions.size());
  attr.func_info_rec_size = sizeof(bpf_func_info);
  attr.line_info = address_of(types.lines.data());
  attr.line_info_cnt = static_cast<__u32>(types.lines.size());
  attr.line_info_rec_size = sizeof(bpf_line_info);
}

void load_with_log(bpf_attr& attr, Loaded& loaded) {
  std::vector<char> log(attr.log_level == 0 ? 0 : kLogSize);
  const auto ask = [&] {
    attr.log_size = static_cast<__u32>(log.size());
    attr.log_buf = log.empty() ? 0 : address_of(log.data());
    return sys_bpf(BPF_PROG_LOAD, attr);
  };
  long fd = ask();
  if (fd < 0 && errno == ENOSPC && !log.empty()) {
    log = std::vector<char>(kLongLogSize);
    fd = ask();
  }
  loaded.error = fd < 0 ? errno : 0;
  loaded.program = Fd(static_cast<int>(fd));
  if (!log.empty()) loaded.log.assign(log.data(), strnlen(log.data(), log.size()));
  loaded.processed = number_after(loaded.log, "processed ");
  loaded.states = number_after(loaded.log, "total_states ");
  loaded.verification_us = number_after(loaded.log, "verification time ");
}

}  // namespace

std::string Loaded::last_sentence() const {
  std::size_t end = log.size();
  while (end > 0) {
    const std::size_t newline = log.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    std::string line = log.substr(begin, end - begin);
    const bool statistic = line.empty() || line.starts_with("; ") || line.starts_with("processed ") ||
                           line.starts_with("verification time") || line.starts_with("stack depth") ||
                           line.starts_with("old state:") || line.starts_with(" cur state:") ||
                           line.starts_with("cur state:");
    if (!statistic) return line;
    if (begin == 0) break;
    end = begin - 1;
  }
  return {};
}

Result<Loaded> load(const Program& program, const LoadOptions& options) {
  if (const auto& why = why_unavailable()) return Error{Errc::kSystem, *why};
  if (program.type == ProgramType::kExt) return Error{Errc::kUnsupported, "replaces a function of another program"};
  TRY(const btf::AttachTarget target, btf::find_attach_target(program));
  Loaded loaded;
  const Types types = load_types(program);
  std::vector<ArenaAddress> arenas;
  for (const auto& spec : program.maps) {
    TRY(Fd map, create_map(with_defaults(*spec), types.btf));
    arenas.emplace_back(*spec, map);
    loaded.maps.push_back(std::move(map));
  }
  const auto raw = bound_insns(program, loaded.maps);
  bpf_attr attr = empty_attr();
  attr.prog_type = static_cast<__u32>(program.type);
  attr.expected_attach_type = program.type == ProgramType::kStructOps ? target.member : program.attach_type;
  attr.attach_btf_id = target.type;
  attr.insns = address_of(raw.data());
  attr.insn_cnt = static_cast<__u32>(raw.size());
  attr.license = address_of(program.license.c_str());
  attr.prog_flags = options.flags | program.flags | (program.sleepable ? BPF_F_SLEEPABLE : 0u);
  attr.kern_version = program.kernel_version;
  copy_name(attr.prog_name, program.name);
  refer_to(types, attr);
  attr.log_level = options.log_level;
  load_with_log(attr, loaded);
  return loaded;
}

}  // namespace skep::kernel
