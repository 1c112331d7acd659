// SPDX-License-Identifier: Apache-2.0
#include "kernel/bpf.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/address.h"
#include "base/try.h"
#include "skep/btf.h"
#include "skep/isa.h"

namespace skep::kernel {
namespace {

constexpr std::size_t kLogSize = 64u << 10;  // Enough for small programs; a longer log is asked for again.
constexpr std::size_t kLongLogSize = 16u << 20;
constexpr std::size_t kPacketRoom = 4096;  // What a program may add to a packet.

long sys_bpf(bpf_cmd command, bpf_attr& attr) {
  long result = 0;
  do {
    result = syscall(SYS_bpf, command, &attr, sizeof(attr));
  } while (result < 0 && errno == EAGAIN);  // A pending signal interrupts verification.
  return result;
}

bpf_attr empty_attr() {
  bpf_attr attr;
  std::memset(&attr, 0, sizeof(attr));
  return attr;
}

template <std::size_t N>
void copy_name(char (&to)[N], const std::string& name) {
  std::size_t length = 0;
  for (const char c : name) {
    if (length + 1 >= N) break;
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    to[length++] = allowed ? c : '_';
  }
}

Error system_error(const std::string& what) { return {Errc::kSystem, what + ": " + std::strerror(errno)}; }

std::optional<std::string> probe() {
  const Program trivial{
      .name = "probe",
      .section = {},
      .type = ProgramType::kSocketFilter,
      .insns = {isa::Alu{isa::AluOp::kMov, isa::Width::k64, isa::kR0, isa::Imm{0}}, isa::Exit{}},
      .license = "GPL",
  };
  bpf_attr attr = empty_attr();
  const auto raw = isa::encode(trivial.insns);
  attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attr.insns = address_of(raw.data());
  attr.insn_cnt = static_cast<__u32>(raw.size());
  attr.license = address_of(trivial.license.c_str());
  const Fd fd(static_cast<int>(sys_bpf(BPF_PROG_LOAD, attr)));
  if (fd.valid()) return std::nullopt;
  return std::string("bpf(2) does not work here: ") + std::strerror(errno);
}

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

/// What callbacks and global functions need; nothing where a function has no type.
std::vector<bpf_func_info> function_info(const Program& program) {
  std::vector<bpf_func_info> all;
  for (const FunctionInfo& function : program.functions) {
    if (function.btf_type_id == 0) return {};
    all.push_back({.insn_off = function.first, .type_id = function.btf_type_id});
  }
  return all;
}

/// Not valid: the program has no BTF, or the kernel refuses it; its program then stands on its own.
Fd load_btf(const Program& program) {
  if (program.btf == nullptr) return {};
  const std::vector<std::byte> bytes = program.btf->encode(Btf::EncodeFor::kKernel);
  bpf_attr attr = empty_attr();
  attr.btf = address_of(bytes.data());
  attr.btf_size = static_cast<__u32>(bytes.size());
  return Fd(static_cast<int>(sys_bpf(BPF_BTF_LOAD, attr)));
}

std::uint64_t number_after(const std::string& log, const std::string& words) {
  const std::size_t at = log.rfind(words);
  return at == std::string::npos ? 0 : std::strtoull(log.c_str() + at + words.size(), nullptr, 10);
}

Status fill(const Fd& map, const MapSpec& spec) {
  const std::uint32_t zero = 0;
  if (!spec.initial.empty() && map_update(map, std::as_bytes(std::span(&zero, 1)), spec.initial, 0) != 0)
    return system_error("initial contents of map " + spec.name);
  if (!spec.frozen) return kOk;
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  if (sys_bpf(BPF_MAP_FREEZE, attr) != 0) return system_error("freezing map " + spec.name);
  return kOk;
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}
Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

const std::optional<std::string>& why_unavailable() {
  static const std::optional<std::string> why = probe();
  return why;
}

std::string Loaded::last_sentence() const {
  std::size_t end = log.size();
  while (end > 0) {
    const std::size_t newline = log.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    std::string line = log.substr(begin, end - begin);
    const bool statistic = line.empty() || line.starts_with("processed ") || line.starts_with("verification time") ||
                           line.starts_with("stack depth") || line.starts_with("old state:") ||
                           line.starts_with(" cur state:") || line.starts_with("cur state:");
    if (!statistic) return line;
    if (begin == 0) break;
    end = begin - 1;
  }
  return {};
}

Result<Fd> create_map(const MapSpec& spec) {
  bpf_attr attr = empty_attr();
  attr.map_type = static_cast<__u32>(spec.type);
  attr.key_size = spec.key_size;
  attr.value_size = spec.value_size;
  attr.max_entries = spec.max_entries;
  attr.map_flags = spec.flags;
  attr.map_extra = spec.map_extra;
  copy_name(attr.map_name, spec.name);
  Fd inner;
  if (spec.inner != nullptr) {
    TRY(inner, create_map(*spec.inner));
    attr.inner_map_fd = static_cast<__u32>(inner.get());
  }
  Fd map(static_cast<int>(sys_bpf(BPF_MAP_CREATE, attr)));
  if (!map.valid()) return system_error("the kernel refuses map " + spec.name);
  TRY_OK(fill(map, spec));
  return map;
}

int map_update(const Fd& map, std::span<const std::byte> key, std::span<const std::byte> value, std::uint64_t flags) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  attr.flags = flags;
  return sys_bpf(BPF_MAP_UPDATE_ELEM, attr) == 0 ? 0 : -errno;
}
int map_lookup(const Fd& map, std::span<const std::byte> key, std::span<std::byte> value) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  return sys_bpf(BPF_MAP_LOOKUP_ELEM, attr) == 0 ? 0 : -errno;
}
int map_delete(const Fd& map, std::span<const std::byte> key) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = address_of(key.data());
  return sys_bpf(BPF_MAP_DELETE_ELEM, attr) == 0 ? 0 : -errno;
}
int map_next_key(const Fd& map, std::span<const std::byte> key, std::span<std::byte> next) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = key.empty() ? 0 : address_of(key.data());
  attr.next_key = address_of(next.data());
  return sys_bpf(BPF_MAP_GET_NEXT_KEY, attr) == 0 ? 0 : -errno;
}

Result<Loaded> load(const Program& program, const LoadOptions& options) {
  if (const auto& why = why_unavailable()) return Error{Errc::kSystem, *why};
  Loaded loaded;
  for (const auto& spec : program.maps) {
    TRY(Fd map, create_map(*spec));
    loaded.maps.push_back(std::move(map));
  }
  const auto raw = bound_insns(program, loaded.maps);
  std::vector<char> log(options.log_level == 0 ? 0 : kLogSize);
  bpf_attr attr = empty_attr();
  attr.prog_type = static_cast<__u32>(program.type);
  attr.expected_attach_type = program.attach_type;
  attr.insns = address_of(raw.data());
  attr.insn_cnt = static_cast<__u32>(raw.size());
  attr.license = address_of(program.license.c_str());
  attr.log_level = options.log_level;
  attr.log_size = static_cast<__u32>(log.size());
  attr.log_buf = log.empty() ? 0 : address_of(log.data());
  attr.prog_flags = options.flags | (program.sleepable ? BPF_F_SLEEPABLE : 0u);
  attr.kern_version = program.kernel_version;
  copy_name(attr.prog_name, program.name);
  const Fd btf = load_btf(program);
  const auto functions = function_info(program);
  if (btf.valid() && !functions.empty()) {
    attr.prog_btf_fd = static_cast<__u32>(btf.get());
    attr.func_info = address_of(functions.data());
    attr.func_info_cnt = static_cast<__u32>(functions.size());
    attr.func_info_rec_size = sizeof(bpf_func_info);
  }
  long fd = sys_bpf(BPF_PROG_LOAD, attr);
  if (fd < 0 && errno == ENOSPC && !log.empty()) {
    log = std::vector<char>(kLongLogSize);
    attr.log_size = static_cast<__u32>(log.size());
    attr.log_buf = address_of(log.data());
    fd = sys_bpf(BPF_PROG_LOAD, attr);
  }
  loaded.error = fd < 0 ? errno : 0;
  loaded.program = Fd(static_cast<int>(fd));
  if (!log.empty()) loaded.log.assign(log.data(), strnlen(log.data(), log.size()));
  loaded.processed = number_after(loaded.log, "processed ");
  loaded.verification_us = number_after(loaded.log, "verification time ");
  return loaded;
}

Result<TestRun> test_run(const Fd& program, const TestRunOptions& options) {
  TestRun run;
  run.data_out.resize(options.data.empty() ? 0 : options.data.size() + kPacketRoom);
  run.context_out.resize(options.context.size());
  bpf_attr attr = empty_attr();
  attr.test.prog_fd = static_cast<__u32>(program.get());
  attr.test.data_in = options.data.empty() ? 0 : address_of(options.data.data());
  attr.test.data_size_in = static_cast<__u32>(options.data.size());
  attr.test.data_out = run.data_out.empty() ? 0 : address_of(run.data_out.data());
  attr.test.data_size_out = static_cast<__u32>(run.data_out.size());
  attr.test.ctx_in = options.context.empty() ? 0 : address_of(options.context.data());
  attr.test.ctx_size_in = static_cast<__u32>(options.context.size());
  attr.test.ctx_out = run.context_out.empty() ? 0 : address_of(run.context_out.data());
  attr.test.ctx_size_out = static_cast<__u32>(run.context_out.size());
  attr.test.repeat = options.repeat == 1 ? 0 : options.repeat;  // Tracing types refuse any repeat.
  if (sys_bpf(BPF_PROG_TEST_RUN, attr) != 0) return system_error("BPF_PROG_TEST_RUN");
  run.retval = attr.test.retval;
  run.duration_ns = attr.test.duration;
  run.data_out.resize(attr.test.data_size_out);
  run.context_out.resize(attr.test.ctx_size_out);
  return run;
}

Result<JitedImage> jited_image(const Fd& program) {
  bpf_prog_info info;
  std::memset(&info, 0, sizeof(info));
  bpf_attr attr = empty_attr();
  attr.info.bpf_fd = static_cast<__u32>(program.get());
  attr.info.info_len = sizeof(info);
  attr.info.info = address_of(&info);
  if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, attr) != 0) return system_error("BPF_OBJ_GET_INFO_BY_FD");
  JitedImage image;
  image.code.resize(info.jited_prog_len);
  if (image.code.empty()) return Error{Errc::kNotFound, "the kernel shows no native code (is its JIT on?)"};
  if (info.nr_jited_ksyms > 1) return Error{Errc::kUnsupported, "has subprograms, which the kernel places one by one"};
  std::memset(&info, 0, sizeof(info));
  info.jited_prog_insns = address_of(image.code.data());
  info.jited_prog_len = static_cast<__u32>(image.code.size());
  info.jited_ksyms = address_of(&image.address);
  info.nr_jited_ksyms = 1;
  if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, attr) != 0) return system_error("BPF_OBJ_GET_INFO_BY_FD");
  if (info.jited_prog_insns == 0) return Error{Errc::kNotFound, "the kernel hides native code (kptr_restrict)"};
  return image;
}

}  // namespace skep::kernel
