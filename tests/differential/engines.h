// SPDX-License-Identifier: Apache-2.0
// The engines in all their forms, and what to say when one differs from the reference.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/differential/outcome.h"

namespace skep::differential {

/// One way to run a program.
struct Variant {
  std::string name;
  VmOptions options;
  RunOptions run{};
};

class Engines {
 public:
  /// Native code where this host has any.
  Engines();
  [[nodiscard]] bool has_jit() const { return has_jit_; }

  struct Difference {
    std::string text;
    Variant variant;
  };
  /// Runs the program in the forms that every program runs in, and in some of the others as the seed has it: native
  /// code and interpreter with no pass, with one, with all but one, native code for CPUs that lack something.
  std::optional<Difference> compare(const VerifiedProgram& program, const Outcome& want, std::uint64_t seed);

 private:
  struct Machine {
    Variant variant;
    std::unique_ptr<Vm> vm;  // Made when first needed.
  };
  std::optional<Difference> compare(Machine& machine, const VerifiedProgram& program, const Outcome& want,
                                    std::uint64_t seed);

  bool has_jit_ = false;
  std::vector<Machine> always_, sometimes_;
};

/// What is tested of one program; where the program is none of its subject any more (it traps, it is not verifiable),
/// there is no difference.
using Find = std::function<std::optional<Engines::Difference>(const Program&)>;
/// Fails the test with the smallest program that differs, and the pass that makes it differ.
void expect_same(const Program& program, std::uint64_t seed, const Find& find);

/// SKEP_DIFFERENTIAL_SEED and the like.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise);
/// Says the seed of the program that runs, when native code crashes or does not end.
class SeedGuard {
 public:
  SeedGuard();
  void at(std::uint64_t seed);
};

}  // namespace skep::differential
