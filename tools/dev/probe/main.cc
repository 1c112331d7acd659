// SPDX-License-Identifier: Apache-2.0
// usage: probe SUBJECT
#include <sys/utsname.h>

#include <cstdio>
#include <string_view>

#include "kernel/bpf.h"
#include "tools/dev/probe/probe.h"

namespace {

constexpr struct {
  std::string_view name;
  void (*run)();
} kSubjects[] = {
    {"hooks", skep::probe::probe_hooks},
    {"contexts", skep::probe::probe_contexts},
    {"kfuncs", skep::probe::probe_kfuncs},
    {"helpers", skep::probe::probe_helpers},
};

}  // namespace

int main(int argc, char** argv) {
  if (const auto& why = skep::kernel::why_unavailable()) return std::fprintf(stderr, "%s\n", why->c_str()), 1;
  utsname system{};
  for (const auto& subject : kSubjects) {
    if (argc != 2 || subject.name != argv[1]) continue;
    if (uname(&system) == 0) std::printf("Linux %s\n", system.release);
    return subject.run(), 0;
  }
  std::fputs("usage: probe SUBJECT, one of:", stderr);
  for (const auto& subject : kSubjects) std::fprintf(stderr, " %s", subject.name.data());
  return std::fputs("\n", stderr), 2;
}
