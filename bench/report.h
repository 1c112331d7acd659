// SPDX-License-Identifier: Apache-2.0
// Tables and JSON from the samples.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "bench/measure.h"

namespace skep::bench {

/// Items that measure the entry into a program (or a map) rather than code are shown, and kept out of the means: those
/// named with a leading '_', and ret0, parse and the map lookups.
bool measures_entry(const std::string& item);

/// A ratio between two peers of one group, taken item by item and summed up as a geometric mean.
struct Ratio {
  std::string name;         ///< Key in the JSON's `geomean`: "jit/kjit".
  std::string group;        ///< "run"
  std::string numerator;    ///< "jit"
  std::string denominator;  ///< "kjit"
  std::string item = {};    ///< Only this item; empty: all.
};
extern const std::vector<Ratio> kRatios;

/// Text for people: a table a group (medians, with the spread of the widest series below), then the geometric means.
std::string to_text(const Results& results);
/// {"samples": {name: {median, min, max, n}}, "geomean": {ratio: {value, min, max, items}}}
nlohmann::json to_json(const Results& results);

}  // namespace skep::bench
