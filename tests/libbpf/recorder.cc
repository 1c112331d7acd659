// SPDX-License-Identifier: Apache-2.0
#include "tests/libbpf/recorder.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>

namespace {

int fake_descriptor() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

long answer(long command) {
  switch (command) {
    case BPF_MAP_CREATE:
    case BPF_PROG_LOAD:
    case BPF_BTF_LOAD:
    case BPF_LINK_CREATE:
      return fake_descriptor();
    case BPF_MAP_UPDATE_ELEM:
    case BPF_MAP_FREEZE:
    case BPF_PROG_BIND_MAP:
      return 0;
    default:
      errno = ENOENT;
      return -1;
  }
}

}  // namespace

// libbpf's only way to bpf(2). All others go on to libc.
extern "C" long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_bpf) return answer(arguments[0]);
  using Syscall = long (*)(long, ...);
  static const auto next = std::bit_cast<Syscall>(dlsym(RTLD_NEXT, "syscall"));
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

namespace skep::oracle {

namespace {

struct Close {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Handle = std::unique_ptr<bpf_object, Close>;

std::string last_warning;
int keep_warning(libbpf_print_level level, const char* format, va_list list) {
  if (level != LIBBPF_WARN) return 0;
  char text[512];
  std::vsnprintf(text, sizeof(text), format, list);
  if (last_warning.empty()) last_warning = text;
  while (!last_warning.empty() && last_warning.back() == '\n') last_warning.pop_back();
  return 0;
}

Handle open_object(const std::string& path) {
  libbpf_set_print(keep_warning);
  last_warning.clear();
  bpf_object_open_opts options{};
  options.sz = sizeof(options);
  options.relaxed_maps = true;
  bpf_object* object = bpf_object__open_file(path.c_str(), &options);
  if (libbpf_get_error(object) != 0) return nullptr;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) bpf_map__set_pin_path(map, nullptr);
  return Handle(object);
}

/// File descriptors replaced by numbers of map_names.
std::vector<isa::RawInsn> instructions(const bpf_program* program, const std::map<int, std::size_t>& numbers) {
  std::vector<isa::RawInsn> insns;
  for (std::size_t i = 0; i < bpf_program__insn_cnt(program); ++i) {
    auto insn = std::bit_cast<isa::RawInsn>(bpf_program__insns(program)[i]);
    const bool map = insn.opcode == 0x18 && (insn.src == BPF_PSEUDO_MAP_FD || insn.src == BPF_PSEUDO_MAP_VALUE);
    if (map) {
      const auto found = numbers.find(insn.imm);
      if (found == numbers.end()) {  // Written so in the object.
        insns.push_back(insn);
        continue;
      }
      insn.src = insn.src == BPF_PSEUDO_MAP_FD ? BPF_PSEUDO_MAP_IDX : BPF_PSEUDO_MAP_IDX_VALUE;
      insn.imm = static_cast<std::int32_t>(found->second);
    }
    insns.push_back(insn);
  }
  return insns;
}

std::map<int, std::size_t> descriptors(bpf_object* object) {
  std::map<int, std::size_t> numbers;
  bpf_map* map = nullptr;
  std::size_t count = 0;
  bpf_object__for_each_map(map, object) numbers.emplace(bpf_map__fd(map), count++);
  return numbers;
}

/// Loads only the program of that name; nullptr: all.
int load(bpf_object* object, const char* only) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    // Types that the section's name does not say (libbpf: "missing BPF prog type") are judged as any other.
    if (bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC) bpf_program__set_type(program, BPF_PROG_TYPE_SOCKET_FILTER);
    bpf_program__set_autoload(program, only == nullptr || std::strcmp(bpf_program__name(program), only) == 0);
  }
  last_warning.clear();
  return bpf_object__load(object);
}

RecordedProgram load_alone(const std::string& path, const std::string& name) {
  RecordedProgram result{.name = name, .error = {}, .insns = {}};
  const Handle object = open_object(path);
  const int error = load(object.get(), name.c_str());
  if (error != 0) {
    result.error = std::string(std::strerror(-error)) + ": " + last_warning;
    return result;
  }
  const auto numbers = descriptors(object.get());
  result.insns = instructions(bpf_object__find_program_by_name(object.get(), name.c_str()), numbers);
  return result;
}

}  // namespace

Recording record(const std::string& path) {
  Recording recording;
  const Handle object = open_object(path);
  if (!object) {
    recording.error = std::string(std::strerror(errno)) + ": " + last_warning;
    return recording;
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object.get()) {
    const char* const name = bpf_map__name(map);
    const bool internal = bpf_map__is_internal(map);
    const char* const dot = internal ? std::strchr(name, '.') : nullptr;
    recording.map_names.emplace_back(dot == nullptr ? name : dot);
  }
  const bool all = load(object.get(), nullptr) == 0;
  const auto numbers = all ? descriptors(object.get()) : std::map<int, std::size_t>{};
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object.get()) {
    const std::string name = bpf_program__name(program);
    recording.programs.push_back(
        all ? RecordedProgram{.name = name, .error = {}, .insns = instructions(program, numbers)}
            : load_alone(path, name));
  }
  return recording;
}

}  // namespace skep::oracle
