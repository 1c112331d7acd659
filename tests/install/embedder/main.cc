// SPDX-License-Identifier: Apache-2.0
// Verifies and runs two instructions with a helper of its own, through the installed headers alone.
#include <skep/isa.h>
#include <skep/runner.h>
#include <skep/verify.h>
#include <skep/vm.h>

#include <cstdio>

static std::uint64_t answer(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, skep::Env&) {
  return 42;
}

int main() {
  const auto platform = skep::Platform::linux_like().with_helper(
      {.id = 10000, .name = "answer", .returns = skep::RetKind::Integer, .args = {}, .available = skep::kAllTypes},
      answer);
  if (!platform) return 1;
  const auto insns = skep::isa::assemble("call 10000\nexit\n", skep::isa::Syntax::kC);
  if (!insns) return 1;
  skep::Program program;
  program.name = "embedded";
  program.type = skep::ProgramType::kSocketFilter;
  program.insns = *insns;
  program.functions = {{.first = 0, .name = "embedded"}};
  skep::Verdict verdict = skep::verify(program, *platform);
  if (const auto* rejection = std::get_if<skep::Rejection>(&verdict)) {
    std::printf("rejected: %s\n", skep::message(rejection->reason).c_str());
    return 1;
  }
  skep::Vm vm(*platform);
  auto image = vm.load(std::get<skep::VerifiedProgram>(std::move(verdict)));
  if (!image) {
    std::printf("%s\n", image.error().message.c_str());
    return 1;
  }
  skep::Runner runner(*image);
  if (runner.run({}) != image->run({})) return 1;
  std::printf("r0 = %llu\n", static_cast<unsigned long long>(image->run({}).r0));
}
