// SPDX-License-Identifier: Apache-2.0
// Runs of random programs: what they leave, by the reference and by a Vm.
#pragma once
#include <array>
#include <cstddef>
#include <string>

#include "skep/vm.h"
#include "tests/differential/random_program.h"
#include "tests/listing.h"

namespace skep::differential {

/// What a run starts from, and what it leaves.
struct Outcome {
  RunResult result;
  alignas(8) std::array<std::byte, kContextBytes> memory{};
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
std::string text(const Outcome& outcome);
/// Before a run; depends on the seed.
Outcome fresh(std::uint64_t seed);

/// With the helper kMixHelper.
const Platform& platform();
Outcome run_reference(const Program& program, std::uint64_t seed);
/// Fails the test where the program does not load.
Outcome run(Vm& vm, const VerifiedProgram& program, std::uint64_t seed, const RunOptions& options);

using test::listing;

}  // namespace skep::differential
