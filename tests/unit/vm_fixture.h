// SPDX-License-Identifier: Apache-2.0
// What the tests of running share: programs from text, a few maps, and a Vm on each engine that this host has.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/isa.h"
#include "skep/vm.h"

namespace skep::vm_tests {

using Maps = std::vector<std::shared_ptr<const MapSpec>>;

inline VerifiedProgram program(std::string_view text, Maps maps = {}, std::string name = "p",
                               ProgramType type = ProgramType::kSyscall) {
  Program out;
  Result<isa::Insns> insns = isa::assemble(text, isa::Syntax::kC);
  if (!insns) ADD_FAILURE() << insns.error().message;
  if (insns) out.insns = *insns;
  out.maps = std::move(maps);
  out.name = std::move(name);
  out.type = type;
  out.functions = {{.first = 0, .name = "f"}};
  return VerifiedProgram::trust_without_verification(std::move(out));
}
/// The same as the verifier judges it, as an XDP program.
inline VerifiedProgram verified(std::string_view text, Maps maps = {}, std::string name = "p") {
  const VerifiedProgram trusted = program(text, std::move(maps), std::move(name), ProgramType::kXdp);
  Verdict verdict = verify(trusted.program());
  if (auto* accepted = std::get_if<VerifiedProgram>(&verdict)) return std::move(*accepted);
  ADD_FAILURE() << message(std::get<Rejection>(verdict).reason);
  return trusted;
}
inline std::shared_ptr<const MapSpec> spec(MapSpec value) { return std::make_shared<const MapSpec>(std::move(value)); }
inline std::shared_ptr<const MapSpec> prog_array(std::vector<MapSpec::Slot> slots = {}) {
  return spec({.name = "jumps",
               .type = MapType::kProgArray,
               .key_size = 4,
               .value_size = 4,
               .max_entries = 4,
               .slots = std::move(slots)});
}
inline std::shared_ptr<const MapSpec> counters(MapType type = MapType::kArray) {
  return spec({.name = "counters", .type = type, .key_size = 4, .value_size = 8, .max_entries = 2});
}

/// 5, or what the program in slot 1 of `jumps` returns.
inline constexpr std::string_view kJumpToSlot1 = "r2 = map[idx:0]\nr3 = 1\ncall 12\nr0 = 5\nexit\n";

inline bool has_native_code() {
  Vm vm(Platform::linux_like(), {.engine = Engine::kJit, .cpus = 1, .host = nullptr});
  return vm.load(program("r0 = 0\nexit\n")).has_value();
}
inline std::vector<Engine> available_engines() {
  if (has_native_code()) return {Engine::kInterpreter, Engine::kJit};
  return {Engine::kInterpreter};
}
inline std::string engine_name(const testing::TestParamInfo<Engine>& one) {
  return one.param == Engine::kJit ? "jit" : "interpreter";
}

class OnEngine : public testing::TestWithParam<Engine> {
 protected:
  Image load(const VerifiedProgram& verified) {
    Result<Image> image = vm.load(verified);
    if (image) return *image;
    ADD_FAILURE() << image.error().message;
    return Image(nullptr);
  }
  Vm vm{Platform::linux_like(), {.engine = GetParam(), .cpus = 8, .host = nullptr}};
};

}  // namespace skep::vm_tests
