// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/address.h"
#include "kernel/bpf.h"
#include "skep/isa.h"

namespace skep::kernel {

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

Error system_error(const std::string& what) { return {Errc::kSystem, what + ": " + std::strerror(errno)}; }

namespace {

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

}  // namespace skep::kernel
