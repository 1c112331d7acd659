// SPDX-License-Identifier: Apache-2.0
// What a subcommand of `skep` is, and what the command's exit code says. A subcommand is one file NAME.cc that defines
// `Action add_NAME(CLI::App& command)` and one row of subcommands.def. add_NAME declares options on `command`; the
// Action it returns runs after the command line was parsed, and owns what the options were parsed into.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace skep::tools {

/// The exit codes of every subcommand; main.cc prints them in --help.
enum class ExitCode : int {
  kOk = 0,
  kNegative = 1,  ///< The answer is no: rejected by the verifier, trapped, or a comparison failed.
  kUsage = 2,     ///< The command line makes no sense.
  kBadInput = 3,  ///< A file cannot be read or is not what it should be.
  kSystem = 4,    ///< The operating system refused something, or this host lacks what was asked for.
};

using Action = std::function<ExitCode()>;

#define SUBCOMMAND(name, add, summary) Action add(CLI::App& command);
#include "tools/subcommands.def"

/// The error with the name of the file that was read before its message.
Error in_file(const std::string& path, const Error& error);
/// Prints `skep: MESSAGE` on standard error and says which exit code the Error means.
ExitCode fail(const Error& error);
ExitCode fail(const std::string& path, const Error& error);  ///< Of in_file().
/// Prints `skep COMMAND: MESSAGE`: options that contradict each other.
ExitCode usage(const std::string& command, const std::string& message);

/// The whole file, which must not be larger than any that makes sense; "-" is standard input. Errors do not name the
/// file, as those in what it holds do not: in_file() does.
Result<std::vector<std::byte>> read_file(const std::string& path);
Result<std::string> read_text(const std::string& path);
/// Writes all of it; "-" is standard output. Errors name the file.
Status write_file(const std::string& path, std::string_view contents);

}  // namespace skep::tools
