// SPDX-License-Identifier: Apache-2.0
// Measuring with Google Benchmark: every series is a benchmark, all repetitions of all series are interleaved at
// random, and what counts is the median of a series and the ratio of two medians of one process.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace skep::bench {

/// Nanoseconds an item, one sample a repetition.
struct Samples {
  std::vector<double> ns;
  [[nodiscard]] double median() const;
  [[nodiscard]] double min() const;
  [[nodiscard]] double max() const;
};
/// "run/parse/jit" -> samples. Names are group/item/peer.
using Results = std::map<std::string, Samples>;

struct Series {
  std::string name;
  std::uint64_t items = 1;  ///< Items of work in one call of `work`.
  std::function<void()> work;
  std::function<double()> timed;  ///< Instead of `work`: does it and returns its nanoseconds.
};

struct MeasureOptions {
  int repetitions = 9;
  double min_seconds = 0.02;  ///< A repetition.
};
/// Of the series whose names match. Prints progress on standard error when it is a terminal.
Results measure(const std::vector<Series>& series, const std::regex& wanted, const MeasureOptions& options);

}  // namespace skep::bench
