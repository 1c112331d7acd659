// SPDX-License-Identifier: Apache-2.0
// What is measured. Each experiment prepares its series; what could not be prepared is named, never dropped silently.
#pragma once
#include <cstdint>
#include <map>
#include <regex>
#include <span>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/program.h"

namespace skep::bench {

/// Machine code of one program by one peer.
struct CodeSize {
  std::uint64_t bytes = 0, insns = 0;
};

struct Plan {
  /// Names of series and sizes. The kernel takes its time to load a program: what is not wanted is not prepared.
  std::regex wanted;
  std::vector<Series> series;
  std::map<std::string, CodeSize> sizes;  ///< "size/PROGRAM/PEER": nothing to be timed.
  std::vector<std::string> left_out;      ///< "run/primes/kjit: why"
  std::vector<std::string> wrong;         ///< A peer whose result differs from native's.

  [[nodiscard]] bool wants(const std::string& name) const { return std::regex_search(name, wanted); }
};

/// Both inputs outlive the measurement.
void plan_runs(const std::vector<Forms>& programs, std::span<std::byte> input, Plan& plan);
void plan_compile(const std::vector<Forms>& programs, Plan& plan);
void plan_sizes(const std::vector<Forms>& programs, Plan& plan);
void plan_verify(const std::vector<Forms>& programs, Plan& plan);
void plan_maps(Plan& plan);
void plan_helpers(Plan& plan);

}  // namespace skep::bench
