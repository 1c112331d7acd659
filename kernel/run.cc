// SPDX-License-Identifier: Apache-2.0
// What is asked of a loaded program: a test run, its native code.
#include <cstring>

#include "base/address.h"
#include "kernel/bpf.h"
#include "kernel/syscall.h"

namespace skep::kernel {
namespace {

constexpr std::size_t kPacketRoom = 4096;  // What a program may add to a packet.

}  // namespace

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
