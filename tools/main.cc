// SPDX-License-Identifier: Apache-2.0
// The command `skep`: parses the command line and runs the subcommand that it names.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "tools/subcommand.h"

namespace {

using skep::tools::Action;
using skep::tools::ExitCode;

struct Row {
  const char* name = nullptr;
  Action (*add)(CLI::App&) = nullptr;
  const char* summary = nullptr;
};
const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
#define SUBCOMMAND(name, add, summary) {name, skep::tools::add, summary},
#include "tools/subcommands.def"
  };
  return all;
}

constexpr const char* kFooter =
    "Exit codes: 0 done; 1 the answer is no (rejected, trapped, different); 2 usage; 3 bad input; 4 the system "
    "refused.\n"
    "A file named - is standard input or output.";

int run(int argc, char** argv) {
  CLI::App app{"eBPF in user space: assemble, inspect, verify and run programs"};
  app.name("skep");
  app.set_version_flag("--version", SKEP_VERSION);
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, Action>> commands;
  for (const Row& row : rows()) {
    CLI::App* command = app.add_subcommand(row.name, row.summary);
    commands.emplace_back(command, row.add(*command));
    const std::string own = command->get_footer();
    command->footer(own.empty() ? kFooter : own + "\n" + kFooter);
  }
  app.footer(std::string(kFooter) + " `skep COMMAND --help` explains a command.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version arrive here too, with exit code 0.
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  for (const auto& [command, action] : commands)
    if (command->parsed()) return static_cast<int>(action());
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    constexpr int kRefused = static_cast<int>(ExitCode::kSystem);
    if (code == kRefused || (std::fflush(stdout) == 0 && std::ferror(stdout) == 0)) return code;
    return static_cast<int>(skep::tools::fail({skep::Errc::kSystem, "standard output: cannot write all of it"}));
  } catch (const std::exception& error) {  // The library throws nothing; the libraries of the tool may (no memory).
    std::fprintf(stderr, "skep: %s\n", error.what());
    return static_cast<int>(ExitCode::kSystem);
  }
}
