// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/engines.h"

#include <memory>

#include "base/try.h"
#include "skep/runner.h"
#include "tests/jit_variants.h"
#include "tests/reference/reference.h"

namespace skep::conformance {
namespace {

/// What a helper does is no matter of the instruction set; one that returns something is there.
std::uint64_t some_helper(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, Env&) {
  return 12345;
}

Result<Runner> prepare_reference(const Program& program) {
  return Runner([program](std::span<std::byte> memory) {
    reference::Options options;
    options.context = info(program.type).context;
    options.helper = [](std::int32_t id) { return id > 0 && id < 200 ? some_helper : nullptr; };
    return reference::run(program, memory, options);
  });
}

Result<Runner> prepare_vm(const Program& program, const VmOptions& vm_options) {
  const auto vm = std::make_shared<Vm>(Platform::linux_like(), vm_options);
  TRY(const Image image, vm->load(VerifiedProgram::trust_without_verification(program)));
  RunOptions options;
  options.checked = vm_options.engine == skep::Engine::kInterpreter;
  // The ways to run an image take turns.
  const auto prepared = std::make_shared<skep::Runner>(image, options);
  return Runner([vm, image, options, prepared, turn = 0u](std::span<std::byte> memory) mutable {
    if (turn++ % 2 == 0) return prepared->run(memory);
    return options.checked ? image.run(memory, options) : image.run(memory);
  });
}

/// Hosts other than x86-64 and arm64 have no native code.
bool has_native_code() {
  Program program;
  program.insns = {isa::Exit{}};
  const Result<Runner> runner = prepare_vm(program, {.engine = skep::Engine::kJit, .cpus = 1});
  return runner.has_value() || runner.error().code != Errc::kUnsupported;
}

std::vector<Engine> make_engines() {
  std::vector<Engine> engines = {{"reference", prepare_reference, true}};
  const VmOptions interpreter{.engine = skep::Engine::kInterpreter, .cpus = 1};
  engines.push_back(
      {"interpreter", [interpreter](const Program& program) { return prepare_vm(program, interpreter); }, true});
  if (!has_native_code()) return engines;
  for (const JitVariant& variant : jit_variants())
    engines.push_back({variant.name,
                       [options = variant.options](const Program& program) { return prepare_vm(program, options); },
                       false});
  return engines;
}

}  // namespace

const std::vector<Engine>& engines() {
  static const std::vector<Engine> all = make_engines();
  return all;
}

}  // namespace skep::conformance
