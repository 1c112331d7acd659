// SPDX-License-Identifier: Apache-2.0
// The programs of one file on one Vm: verified, loaded, tail calls and maps filled.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "skep/program.h"
#include "skep/verify.h"
#include "skep/vm.h"
#include "tools/run/events.h"
#include "tools/run/options.h"

namespace skep::tools {

class Session {
 public:
  Session(const RunCommand& command, std::vector<Program> programs);

  /// The program that the user named, or the only one. Error: says which there are.
  [[nodiscard]] Result<const Program*> choose() const;
  /// Verifies and loads the program, and those that its prog_arrays declare. Error: the program cannot be judged or
  /// loaded, or (after which rejection() says more) was rejected.
  Result<Image> load(const Program& program);
  Status fill_maps();

  /// Set when load() failed because the verifier said no.
  struct Rejected {
    const Program* program = nullptr;
    Rejection rejection;
  };
  [[nodiscard]] const std::unique_ptr<Rejected>& rejection() const { return rejection_; }

  [[nodiscard]] Engine engine() const { return engine_; }
  /// Whether the program that was loaded first runs unverified, in checked memory.
  [[nodiscard]] bool checked() const { return checked_; }
  [[nodiscard]] const VerifyStats& stats() const { return stats_; }
  /// Maps in the order in which programs named them.
  [[nodiscard]] std::vector<std::shared_ptr<Map>> maps() const { return vm_.maps(); }
  /// Of all programs that were loaded; the one that runs is the first.
  [[nodiscard]] const std::vector<Image>& images() const { return images_; }
  [[nodiscard]] EventLog& events() { return *events_; }
  /// Takes what programs put into ring buffers; call it between runs.
  void drain_events() { events_->drain(maps_); }

 private:
  /// Begins again with no program loaded.
  void use_engine(Engine engine);
  Result<VerifiedProgram> judge(const Program& program);
  Status fill_declared(const Program& program);
  [[nodiscard]] const Program* find(std::string_view name) const;
  [[nodiscard]] std::string list() const;

  const RunCommand& command_;
  std::vector<Program> programs_;
  std::shared_ptr<EventLog> events_;
  Engine engine_;
  Vm vm_;
  bool checked_ = false;
  bool first_ = true;
  VerifyStats stats_;
  std::vector<Image> images_;
  std::unique_ptr<Rejected> rejection_;
  std::vector<std::shared_ptr<Map>> maps_;  // Those of vm_, as of the last load.
  std::set<std::string> declared_;          // prog_arrays whose declared contents were filled.
};

}  // namespace skep::tools
