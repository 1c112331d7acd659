// SPDX-License-Identifier: Apache-2.0
// What this host's CPU can do.
#include "jit/target.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace skep::jit {
namespace {

#if defined(__x86_64__)
Target detect() {
  Target target{.arch = Arch::kX86_64, .features = {}};
  CpuFeatures& features = target.features;
  features.bmi1 = __builtin_cpu_supports("bmi") != 0;
  features.bmi2 = __builtin_cpu_supports("bmi2") != 0;
  features.popcnt = __builtin_cpu_supports("popcnt") != 0;
  features.avx2 = __builtin_cpu_supports("avx2") != 0;  // Asks about the operating system, too.
  // The builtin of clang 14 does not know these.
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  features.movbe = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_MOVBE) != 0;
  features.lzcnt = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_LZCNT) != 0;
  return target;
}
#elif defined(__aarch64__)
Target detect() {
  constexpr unsigned long kHwcapAtomics = 1ul << 8;
  Target target{.arch = Arch::kArm64, .features = {}};
  target.features.lse = (getauxval(AT_HWCAP) & kHwcapAtomics) != 0;
  return target;
}
#else
Target detect() { return {}; }
#endif

}  // namespace

const Target& host_target() {
  static const Target target = detect();
  return target;
}

}  // namespace skep::jit
