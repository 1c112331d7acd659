// SPDX-License-Identifier: Apache-2.0
// skep verify PATH...: the kernel's verdict on every program, as text for people or one JSON object per program and
// line. Programs are judged in parallel and printed in order.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/overloaded.h"
#include "skep/verify.h"
#include "tools/compare/harness.h"
#include "tools/compare/report.h"
#include "tools/judge.h"
#include "tools/programs.h"
#include "tools/render/rejection.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

struct Options {
  std::vector<std::string> paths;
  std::string program;  ///< Only programs of this name.
  ProgramType type = ProgramType::kUnspec;
  bool json = false;
  bool quiet = false;
  std::uint32_t log_level = 0;
  bool compare_kernel = false;
  std::string compare_table;  ///< Path; empty: not asked for.
  std::string csv;            ///< Where to write the rows of the comparison; empty: nowhere.
  unsigned jobs = 0;
  TargetKernel kernel;
};

nlohmann::ordered_json to_json(const Judged& one) {
  nlohmann::ordered_json json = program_json(one.object, one.program.get());
  json["insns"] = one.program == nullptr ? 0 : one.program->insns.size();
  json["verdict"] = "error";
  json["code"] = "";
  json["message"] = one.error;
  json["insn"] = nullptr;
  json["steps"] = 0;
  json["usec"] = one.usec;
  if (one.log_level != 0) json["log"] = one.log;
  if (!one.verdict) return json;
  std::visit(Overloaded{[&](const VerifiedProgram& accepted) {
                          json["verdict"] = "accept";
                          json["steps"] = accepted.stats().processed;
                        },
                        [&](const Rejection& rejection) {
                          set_rejected(json, rejection.reason);
                          json["steps"] = rejection.stats.processed;
                          json["rejection"] = rejection_json(*one.program, rejection.reason);
                        }},
             *one.verdict);
  return json;
}

void print_text(const Judged& one, const Options& options) {
  if (!one.verdict) {
    const std::string name = one.program == nullptr ? "" : ": " + one.program->name;
    std::printf("%s%s: error: %s\n", one.object.c_str(), name.c_str(), one.error.c_str());
    return;
  }
  std::visit(Overloaded{[&](const VerifiedProgram& accepted) {
                          if (options.quiet) return;
                          std::printf(
                              "%s: %s accepted: %s, %zu instructions, %llu processed, %u bytes of stack, %llu us\n",
                              one.object.c_str(), one.program->name.c_str(),
                              std::string(info(one.program->type).name).c_str(), one.program->insns.size(),
                              static_cast<unsigned long long>(accepted.stats().processed), accepted.stats().stack_depth,
                              static_cast<unsigned long long>(one.usec));
                        },
                        [&](const Rejection& rejection) {
                          std::fputs(render_rejection(one.object, *one.program, rejection).c_str(), stdout);
                        }},
             *one.verdict);
}

struct Counts {
  std::size_t accepted = 0, rejected = 0, errors = 0;
};

/// As `bpftool -d prog load` and veristat show it: the log alone, under the program's name.
void print_log(const Judged& one) {
  std::printf("%s: %s\n%s", one.object.c_str(), one.program == nullptr ? one.error.c_str() : one.program->name.c_str(),
              one.log.c_str());
}

Counts count(const std::vector<Judged>& all) {
  Counts counts;
  for (const Judged& one : all) {
    if (!one.verdict) {
      ++counts.errors;
    } else {
      ++(std::holds_alternative<VerifiedProgram>(*one.verdict) ? counts.accepted : counts.rejected);
    }
  }
  return counts;
}

void print_json(const Judged& one) {
  nlohmann::ordered_json json = to_json(one);
  if (one.kernel) {
    constexpr const char* kVerdicts[] = {"none", "accept", "reject"};
    json["relation"] = name(relate(one));
    json["kernel"] = {{"verdict", kVerdicts[static_cast<std::size_t>(one.kernel->kind)]},
                      {"message", one.kernel->sentence},
                      {"steps", one.kernel->processed},
                      {"usec", one.kernel->usec}};
  }
  // Names come from the file: bytes that are no UTF-8 must not stop the output.
  std::puts(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

/// A folder may hold what nobody can load, and the table counts it; what the user named must load.
ExitCode say_what_is_missing(const std::vector<Judged>& all, const Options& options) {
  const auto is_judged = [](const Judged& one) { return one.verdict.has_value(); };
  ExitCode code = std::any_of(all.begin(), all.end(), is_judged) ? ExitCode::kOk : ExitCode::kBadInput;
  for (const Judged& one : all) {
    const bool named = std::find(options.paths.begin(), options.paths.end(), one.object) != options.paths.end();
    if (named && one.program == nullptr) code = fail(one.object, {Errc::kInvalid, one.error});
  }
  return code;
}

ExitCode compare(std::vector<Judged>& all, const Options& options, const Judge& kernel) {
  for (Judged& one : all)
    if (one.program != nullptr) one.program = std::make_shared<const Program>(as_harness_loads(*one.program));
  judge_all(all, {}, options.jobs, kernel);
  if (!options.csv.empty())
    if (const Status written = write_file(options.csv, comparison_csv(all)); !written) return fail(written.error());
  if (options.json) {
    for (const Judged& one : all) print_json(one);
  } else {
    print_comparison(all, options.quiet ? Listing::kTableOnly : Listing::kEachDifference);
  }
  const ExitCode loaded = say_what_is_missing(all, options);
  return std::all_of(all.begin(), all.end(), agrees) ? loaded : ExitCode::kNegative;
}

ExitCode run(Options& options) {
  const bool compares = options.compare_kernel || !options.compare_table.empty();
  if (!options.csv.empty() && !compares)
    return usage("verify", "--csv writes a comparison; give --compare-kernel or --compare-table too");
  if (const Status known = options.kernel.read_named(); !known) return fail(known.error());
  const auto files = expand(options.paths);
  if (!files) return fail(files.error());
  std::vector<Judged> all = collect(*files, options.program, options.type, options.kernel);
  if (all.empty()) {
    const std::string wanted = options.program.empty() ? "no program" : "no program named \"" + options.program + "\"";
    return fail(Error{Errc::kNotFound, options.paths.front() + ": " + wanted + " in it"});
  }
  if (options.jobs == 0) options.jobs = std::max(1u, std::thread::hardware_concurrency());
  if (compares) {
    const auto kernel = options.compare_kernel ? running_kernel() : stored_table(options.compare_table);
    if (kernel) return compare(all, options, *kernel);
    return options.compare_kernel ? fail(kernel.error()) : fail(options.compare_table, kernel.error());
  }
  for (Judged& one : all) one.log_level = options.log_level;
  judge_all(all, {}, options.jobs, {});
  for (const Judged& one : all) {
    if (options.log_level != 0 && !options.json) {
      print_log(one);
      continue;
    }
    if (options.json) {
      print_json(one);
    } else {
      print_text(one, options);
    }
  }
  const Counts counts = count(all);
  if (!options.json && all.size() > 1)
    std::printf("%zu programs: %zu accepted, %zu rejected, %zu errors\n", all.size(), counts.accepted, counts.rejected,
                counts.errors);
  if (counts.errors > 0) return ExitCode::kBadInput;
  return counts.rejected > 0 ? ExitCode::kNegative : ExitCode::kOk;
}

}  // namespace

Action add_verify(CLI::App& command) {
  auto options = std::make_shared<Options>();
  command.add_option("path", options->paths, "BPF objects, folders of them, or bare bytecode (with --type)")
      ->required();
  command.add_option("--program", options->program, "Only programs of this name");
  add_type_option(command, options->type, "Program type of bytecode, and of sections whose name says none");
  options->kernel.add_options(command);
  command.add_flag("--json", options->json, "One JSON object per program and line");
  command
      .add_option("--log-level", options->log_level,
                  "Print the log that Linux's verifier would write: 1 the path that was rejected, 2 every path, 4 "
                  "statistics; add them up. With --json, the member \"log\"")
      ->check(CLI::Range(0, 7));
  command.add_flag("-q,--quiet", options->quiet, "Say nothing of accepted programs");
  CLI::Option* const kernel = command.add_flag(
      "--compare-kernel", options->compare_kernel,
      "Let the running kernel judge them too (needs root; nothing is attached), and print where both differ");
  command
      .add_option("--compare-table", options->compare_table,
                  "The same with what a kernel said earlier: a file that --compare-kernel --csv wrote")
      ->check(CLI::ExistingFile)
      ->excludes(kernel);
  command.add_option("--csv", options->csv, "Write a row a program of the comparison to this file");
  command.add_option("-j,--jobs", options->jobs, "Programs judged at once; 0: one a core")->check(CLI::Range(0, 1024));
  return [options] { return run(*options); };
}

}  // namespace skep::tools
