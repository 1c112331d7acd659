// SPDX-License-Identifier: Apache-2.0
// DPDK's rte_bpf. Its validator refuses loops, though its interpreter and its JIT run them; to compare engines, this
// file defines bpf_validate itself, so that the linker does not take the archive's.
#include <rte_bpf.h>
#include <rte_log.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/address.h"
#include "base/try.h"
#include "bench/dpdk.h"
#include "bench/peer.h"
#include "skep/isa.h"

// What librte_bpf.a of DPDK 22.11 keeps of a program: the validator's one result is stack_sz.
struct rte_bpf {  // NOLINT(readability-identifier-naming): DPDK's name
  rte_bpf_prm prm;
  rte_bpf_jit jit;
  std::size_t sz;
  std::uint32_t stack_sz;
};
extern "C" int bpf_validate(rte_bpf* bpf);
extern "C" int bpf_validate(rte_bpf* bpf) {
  bpf->stack_sz = 512;
  return 0;
}

namespace skep::bench {
namespace {

struct Context {
  std::uint64_t data = 0, data_end = 0;
};
struct Loaded {
  DpdkProgram program;
  Context context;
};

/// Some programs crash DPDK's JIT: a child tries first.
bool survives(const std::function<void()>& attempt) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    attempt();
    _exit(0);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<std::shared_ptr<Loaded>> load(const Forms& forms, std::span<std::byte> input) {
  if (forms.xdp.maps.size() + forms.dpdk.maps.size() > 0) return Error{Errc::kUnsupported, "has no maps"};
  TRY(DpdkProgram program, dpdk_load(forms.dpdk));
  return std::make_shared<Loaded>(Loaded{
      std::move(program), {.data = address_of(input.data()), .data_end = address_of(input.data() + input.size())}});
}

Result<Prepared> checked(Prepared runner) {
  if (!survives([&] { runner.loop(100); })) return Error{Errc::kSystem, "crashes"};
  return runner;
}

Result<Prepared> prepare_jit(const Forms& forms, std::span<std::byte> input) {
  TRY(auto loaded, load(forms, input));
  rte_bpf_jit jit{};
  if (rte_bpf_get_jit(loaded->program.get(), &jit) != 0 || jit.func == nullptr)
    return Error{Errc::kUnsupported, "no JIT code"};
  return checked({.loop =
                      [loaded, function = jit.func](std::uint64_t count) {
                        std::uint64_t r0 = 0;
                        for (std::uint64_t i = 0; i < count; ++i) r0 = function(&loaded->context);
                        return static_cast<std::uint32_t>(r0);
                      },
                  .timed = {}});
}

Result<Prepared> prepare_interpreter(const Forms& forms, std::span<std::byte> input) {
  TRY(auto loaded, load(forms, input));
  return checked({.loop =
                      [loaded](std::uint64_t count) {
                        std::uint64_t r0 = 0;
                        for (std::uint64_t i = 0; i < count; ++i)
                          r0 = rte_bpf_exec(loaded->program.get(), &loaded->context);
                        return static_cast<std::uint32_t>(r0);
                      },
                  .timed = {}});
}

}  // namespace

void DpdkDeleter::operator()(rte_bpf* bpf) const { rte_bpf_destroy(bpf); }

Result<DpdkProgram> dpdk_load(const Program& program) {
  const std::vector<isa::RawInsn> raw = isa::encode(program.insns);
  std::vector<ebpf_insn> insns(raw.size());
  static_assert(sizeof(ebpf_insn) == sizeof(isa::RawInsn));
  std::memcpy(insns.data(), raw.data(), raw.size() * sizeof(ebpf_insn));
  const rte_bpf_prm parameters = {.ins = insns.data(),
                                  .nb_ins = static_cast<std::uint32_t>(insns.size()),
                                  .xsym = nullptr,
                                  .nb_xsym = 0,
                                  .prog_arg = {.type = RTE_BPF_ARG_PTR, .size = sizeof(Context), .buf_size = 0}};
  DpdkProgram loaded(rte_bpf_load(&parameters));
  if (loaded == nullptr) return Error{Errc::kUnsupported, "rte_bpf_load refuses it"};
  return loaded;
}

std::vector<Peer> dpdk_peers() {
  rte_log_set_global_level(RTE_LOG_EMERG);  // Every run of an instruction that it does not know would be a line.
  return {{"dpdk-jit", prepare_jit}, {"dpdk-interpreter", prepare_interpreter}};
}

}  // namespace skep::bench
