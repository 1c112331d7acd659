// SPDX-License-Identifier: Apache-2.0
// size/PROGRAM/PEER: bytes of machine code, and the instructions (slots of 8 bytes) of the program that they were made
// from: v3 for skep and the kernel, v2 for DPDK.
#include <rte_bpf.h>

#include "base/try.h"
#include "bench/dpdk.h"
#include "bench/experiments.h"
#include "kernel/bpf.h"
#include "skep/isa.h"
#include "skep/vm.h"

namespace skep::bench {
namespace {

Result<std::size_t> skep_bytes(const Forms& forms) {
  const Verdict verdict = verify(forms.xdp);
  if (const auto* rejection = std::get_if<Rejection>(&verdict))
    return Error{Errc::kInvalid, "rejected: " + message(rejection->reason)};
  Vm vm(Platform::linux_like(), {.engine = Engine::kJit, .cpus = 1});
  TRY(const Image image, vm.load(std::get<VerifiedProgram>(verdict)));
  return image.native_code().size();
}

Result<std::size_t> kernel_bytes(const Forms& forms) {
  TRY(const kernel::Loaded loaded, kernel::load(forms.xdp));
  if (!loaded.accepted()) return Error{Errc::kInvalid, "the kernel rejects it: " + loaded.last_sentence()};
  TRY(const kernel::JitedImage image, kernel::jited_image(loaded.program));
  return image.code.size();
}

Result<std::size_t> dpdk_bytes(const Forms& forms) {
  if (!forms.xdp.maps.empty()) return Error{Errc::kUnsupported, "has no maps"};
  TRY(const DpdkProgram program, dpdk_load(forms.dpdk));
  rte_bpf_jit jit{};
  if (rte_bpf_get_jit(program.get(), &jit) != 0 || jit.func == nullptr) return Error{Errc::kUnsupported, "no JIT code"};
  return jit.sz;
}

template <class Bytes>
void add(const std::string& name, const Program& program, Bytes bytes_of, Plan& plan) {
  if (!plan.wants(name)) return;
  if (const Result<std::size_t> bytes = bytes_of()) {
    plan.sizes[name] = {.bytes = *bytes, .insns = isa::encode(program.insns).size()};
  } else {
    plan.left_out.push_back(name + ": " + bytes.error().message);
  }
}

}  // namespace

void plan_sizes(const std::vector<Forms>& programs, Plan& plan) {
  for (const Forms& forms : programs) {
    const std::string name = "size/" + forms.name;
    add(
        name + "/skep", forms.xdp, [&] { return skep_bytes(forms); }, plan);
    add(
        name + "/kernel", forms.xdp, [&] { return kernel_bytes(forms); }, plan);
    add(
        name + "/dpdk", forms.dpdk, [&] { return dpdk_bytes(forms); }, plan);
  }
}

}  // namespace skep::bench
