// SPDX-License-Identifier: Apache-2.0
#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <optional>
#include <set>
#include <sstream>

namespace skep::bench {

const std::vector<Ratio> kRatios = {
    {"jit/kjit", "run", "jit", "kjit"},
    {"jit/native", "run", "jit", "native"},
    {"jit/native-O2", "run", "jit", "native-O2"},
    {"jit/dpdk", "run", "jit", "dpdk-jit"},
    {"kjit/native", "run", "kjit", "native"},
    {"jit/kernel-test-run", "run", "jit", "kernel-test-run"},
    {"entry/native", "run", "jit", "native", "ret0"},
    {"interpreter/dpdk", "run", "interpreter", "dpdk-interpreter"},
    {"jit-budget/jit", "run", "jit-budget", "jit"},
    {"jit-stop/jit", "run", "jit-stop", "jit"},
    {"jit-blind/jit", "run", "jit-blind", "jit"},
    {"jit-mask/jit", "run", "jit-mask", "jit"},
    {"jit-retpolines/jit", "run", "jit-retpolines", "jit"},
    {"compile/dpdk", "compile", "skep", "dpdk"},
    {"compile-O0/dpdk", "compile", "skep-O0", "dpdk"},
    {"verify/kernel", "verify", "skep", "kernel"},
    {"array-lookup/native", "run", "jit", "native", "maplookup-array"},
    {"array-lookup/kernel", "run", "jit", "kernel-test-run", "maplookup-array"},
    {"hash-lookup/kernel", "run", "jit", "kernel-test-run", "maplookup-hash"},
    {"percpu-lookup/kernel", "helper", "jit", "kernel-test-run", "percpu_array-lookup"},
    {"tail-call/kernel", "helper", "jit", "kernel-test-run", "tail-call"},
    {"ktime/kernel", "helper", "jit", "kernel-test-run", "ktime_get_ns"},
};

bool measures_entry(const std::string& item) {
  return item.starts_with("_") || item == "ret0" || item == "parse" || item.starts_with("maplookup");
}

namespace {

struct Name {
  std::string group, item, peer;
};
Name split(const std::string& name) {
  const std::size_t first = name.find('/'), last = name.rfind('/');
  return {name.substr(0, first), name.substr(first + 1, last - first - 1), name.substr(last + 1)};
}

struct Mean {
  double value = 0, low = 0, high = 0;
  std::size_t items = 0;
};
std::optional<Mean> geometric_mean(const Results& results, const Ratio& ratio) {
  double sum = 0;
  Mean mean{.value = 0, .low = INFINITY, .high = 0, .items = 0};
  for (const auto& [name, samples] : results) {
    const Name parts = split(name);
    if (parts.group != ratio.group || parts.peer != ratio.numerator) continue;
    if (ratio.item.empty() ? measures_entry(parts.item) : parts.item != ratio.item) continue;
    const auto other = results.find(ratio.group + "/" + parts.item + "/" + ratio.denominator);
    if (other == results.end()) continue;
    const double value = samples.median() / other->second.median();
    sum += std::log(value);
    mean.low = std::min(mean.low, value);
    mean.high = std::max(mean.high, value);
    ++mean.items;
  }
  if (mean.items == 0) return std::nullopt;
  mean.value = std::exp(sum / static_cast<double>(mean.items));
  return mean;
}

std::string number(double value) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(value < 10 ? 2 : value < 1000 ? 1 : 0) << value;
  return out.str();
}

std::vector<std::string> in_order_of_appearance(const Results& results, const std::string& group, bool peers) {
  std::set<std::string> seen;
  for (const auto& [name, samples] : results) {
    const Name parts = split(name);
    if (parts.group == group) seen.insert(peers ? parts.peer : parts.item);
  }
  return {seen.begin(), seen.end()};
}

void write_group(std::ostream& out, const Results& results, const std::string& group) {
  const auto items = in_order_of_appearance(results, group, false);
  const auto peers = in_order_of_appearance(results, group, true);
  out << "\n" << group << ": median nanoseconds\n" << std::left << std::setw(18) << "";
  for (const std::string& peer : peers) out << std::right << std::setw(18) << peer;
  out << "\n";
  double spread = 0;
  for (const std::string& item : items) {
    out << std::left << std::setw(18) << item << std::right;
    for (const std::string& peer : peers) {
      std::string name = group;
      name.append("/").append(item).append("/").append(peer);
      const auto found = results.find(name);
      out << std::setw(18) << (found == results.end() ? "-" : number(found->second.median()));
      if (found != results.end()) spread = std::max(spread, found->second.max() / found->second.min());
    }
    out << "\n";
  }
  out << "widest spread within one series: max/min = " << number(spread) << "\n";
}

}  // namespace

std::string to_text(const Results& results) {
  std::ostringstream out;
  std::set<std::string> groups;
  for (const auto& [name, samples] : results) groups.insert(split(name).group);
  for (const std::string& group : groups) write_group(out, results, group);
  out << "\ngeometric means of ratios of medians (lowest .. highest item, items)\n";
  for (const Ratio& ratio : kRatios) {
    if (const auto mean = geometric_mean(results, ratio)) {
      out << std::left << std::setw(24) << ratio.name << number(mean->value) << "  (" << number(mean->low) << " .. "
          << number(mean->high) << ", " << mean->items << ")\n";
    }
  }
  return out.str();
}

nlohmann::json to_json(const Results& results) {
  nlohmann::json json = {{"samples", nlohmann::json::object()},
                         {"geomean", nlohmann::json::object()},
                         {"spread", nlohmann::json::object()}};
  for (const auto& [name, samples] : results) {
    json["samples"][name] = {
        {"median", samples.median()}, {"min", samples.min()}, {"max", samples.max()}, {"n", samples.ns.size()}};
  }
  for (const Ratio& ratio : kRatios) {
    if (const auto mean = geometric_mean(results, ratio)) {
      json["geomean"][ratio.name] = mean->value;
      json["spread"][ratio.name] = {{"low", mean->low}, {"high", mean->high}, {"items", mean->items}};
    }
  }
  return json;
}

}  // namespace skep::bench
