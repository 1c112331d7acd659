// SPDX-License-Identifier: Apache-2.0
// What is measured. Each experiment prepares its series; what could not be prepared is named, never dropped silently.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/program.h"

namespace skep::bench {

struct Plan {
  std::vector<Series> series;
  std::vector<std::string> left_out;  ///< "run/primes/kjit: why"
  std::vector<std::string> wrong;     ///< A peer whose result differs from native's.
};

/// Both inputs outlive the measurement.
void plan_runs(const std::vector<Forms>& programs, std::span<std::byte> input, Plan& plan);
void plan_compile(const std::vector<Forms>& programs, Plan& plan);
void plan_verify(const std::vector<Forms>& programs, Plan& plan);
void plan_maps(Plan& plan);

}  // namespace skep::bench
