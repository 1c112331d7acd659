// SPDX-License-Identifier: Apache-2.0
#include "bench/measure.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace skep::bench {
namespace {

class Collector : public benchmark::BenchmarkReporter {
 public:
  Collector(const std::vector<Series>& series, std::size_t expected) : expected_(expected) {
    for (const Series& one : series) items_[one.name] = static_cast<double>(one.items);
  }

  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      const std::string& name = run.run_name.function_name;
      const bool manual = !run.run_name.time_type.empty();
      const double total = (manual ? run.real_accumulated_time : run.cpu_accumulated_time) * 1e9;
      results_[name].ns.push_back(total / static_cast<double>(run.iterations) / items_[name]);
      ++done_;
    }
    if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r%zu of %zu measurements ", done_, expected_);
  }

  void Finalize() override {
    if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r%40s\r", "");
  }

  Results results_;

 private:
  std::map<std::string, double> items_;
  std::size_t expected_;
  std::size_t done_ = 0;
};

double at_rank(std::vector<double> sorted, double rank) {
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(std::lround(rank * static_cast<double>(sorted.size() - 1)))];
}

void register_one(const Series& series, const MeasureOptions& options) {
  auto* registered = benchmark::RegisterBenchmark(series.name.c_str(), [series](benchmark::State& state) {
    for ([[maybe_unused]] auto step : state) {
      if (series.timed) {
        state.SetIterationTime(series.timed() * 1e-9);
      } else {
        series.work();
      }
    }
  });
  registered->Repetitions(options.repetitions)->MinTime(options.min_seconds);
  if (series.timed) registered->UseManualTime();
}

}  // namespace

double Samples::median() const { return at_rank(ns, 0.5); }
double Samples::min() const { return at_rank(ns, 0); }
double Samples::max() const { return at_rank(ns, 1); }

Results measure(const std::vector<Series>& series, const std::regex& wanted, const MeasureOptions& options) {
  std::size_t count = 0;
  for (const Series& one : series) {
    if (!std::regex_search(one.name, wanted)) continue;
    register_one(one, options);
    ++count;
  }
  std::string program = "skep_bench", interleave = "--benchmark_enable_random_interleaving=true";
  char* arguments[] = {program.data(), interleave.data(), nullptr};
  int argument_count = 2;
  benchmark::Initialize(&argument_count, arguments);
  Collector collector(series, count * static_cast<std::size_t>(options.repetitions));
  benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  return collector.results_;
}

}  // namespace skep::bench
