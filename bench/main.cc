// SPDX-License-Identifier: Apache-2.0
// skep_bench: measures what scripts/bench.sh prepared, and prints tables. bench/README.md states the method.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>

#include "bench/experiments.h"
#include "bench/report.h"

namespace {

using namespace skep::bench;

struct Options {
  std::vector<std::string> folders;
  std::string json;
  std::string filter;  ///< Regular expression on names; empty: all.
  MeasureOptions measure;
};

int run(const Options& options) {
  std::vector<Forms> programs;
  for (const std::string& folder : options.folders) {
    auto more = read_programs(folder);
    if (!more) {
      std::cerr << "skep_bench: " << more.error().message << "\n";
      return 3;
    }
    programs.insert(programs.end(), more->begin(), more->end());
  }
  std::vector<std::byte> input = make_input();
  Plan plan;
  plan.wanted = std::regex(options.filter.empty() ? ".*" : options.filter);
  plan_runs(programs, input, plan);
  plan_compile(programs, plan);
  plan_sizes(programs, plan);
  plan_verify(programs, plan);
  plan_maps(plan);
  plan_helpers(plan);
  const Results results = measure(plan.series, plan.wanted, options.measure);
  std::cout << to_text(results);
  for (const std::string& line : plan.left_out) std::cout << "left out: " << line << "\n";
  for (const std::string& line : plan.wrong) std::cout << "WRONG RESULT: " << line << "\n";
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    nlohmann::json json = to_json(results);
    for (const auto& [name, size] : plan.sizes) json["sizes"][name] = {{"bytes", size.bytes}, {"insns", size.insns}};
    json["left_out"] = plan.left_out;
    file << json.dump(2) << "\n";
    file.close();
    if (!file) {
      std::cerr << "skep_bench: " << options.json << ": could not be written completely\n";
      return 3;
    }
  }
  return plan.wrong.empty() ? 0 : 1;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Measures skep beside native code, the kernel's JIT and DPDK's rte_bpf");
  Options options;
  app.add_option("folders", options.folders, "Folders with compiled programs (made by scripts/bench.sh)")->required();
  app.add_option("--json", options.json, "Also write all figures to this file");
  app.add_option("--filter", options.filter, "Only series whose name matches this regular expression");
  app.add_option("--repetitions", options.measure.repetitions, "Samples a series")->capture_default_str();
  app.add_option("--seconds", options.measure.min_seconds, "Least time of one sample")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return run(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {  // No memory, or a regular expression that is none.
    std::fprintf(stderr, "skep_bench: %s\n", error.what());
    return 3;
  }
}
