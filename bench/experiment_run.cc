// SPDX-License-Identifier: Apache-2.0
// run/PROGRAM/PEER: one run of the program on the input.
#include "bench/experiments.h"
#include "bench/peer.h"
#include "bench/report.h"

namespace skep::bench {
namespace {

/// Runs a call of the series makes: enough that reading the clock does not count, few enough that repetitions stay
/// short.
std::uint64_t batch_size(const Prepared& runner) {
  if (runner.timed) return 2000;
  std::uint64_t count = 1;
  for (; count < 4096; count *= 4) {
    timespec begin{}, end{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    runner.loop(count);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    if ((end.tv_sec - begin.tv_sec) * 1'000'000'000L + end.tv_nsec - begin.tv_nsec > 100'000) break;
  }
  return count;
}

std::vector<Peer> all_peers() {
  std::vector<Peer> all;
  for (const auto& group : {native_peers(), skep_peers(), dpdk_peers(), kernel_peers()})
    all.insert(all.end(), group.begin(), group.end());
  return all;
}

Series series_of(const std::string& name, const Prepared& runner) {
  const std::uint64_t batch = batch_size(runner);
  Series series{.name = name, .items = batch, .work = [runner, batch] { runner.loop(batch); }, .timed = {}};
  if (runner.timed) series.timed = [runner, batch] { return runner.timed(batch); };
  return series;
}

}  // namespace

void plan_runs(const std::vector<Forms>& programs, std::span<std::byte> input, Plan& plan) {
  const std::vector<Peer> peers = all_peers();
  for (const Forms& forms : programs) {
    const auto expected = static_cast<std::uint32_t>(forms.native(input.data(), input.size()));
    for (const Peer& peer : peers) {
      if (peer.entry_only && !measures_entry(forms.name)) continue;
      const std::string name = "run/" + forms.name + "/" + peer.name;
      if (!plan.wants(name)) continue;
      auto runner = peer.prepare(forms, input);
      if (!runner) {
        plan.left_out.push_back(name + ": " + runner.error().message);
        continue;
      }
      const std::uint32_t got = runner->loop(1);
      if (got != expected) {
        plan.wrong.push_back(name + ": returns " + std::to_string(got) + ", native code " + std::to_string(expected));
        continue;
      }
      plan.series.push_back(series_of(name, *runner));
    }
  }
}

}  // namespace skep::bench
