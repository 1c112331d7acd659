// SPDX-License-Identifier: Apache-2.0
// What a kernel says of a program, and who can be asked: the running one, or a table that was written down.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "skep/program.h"
#include "skep/result.h"

namespace skep::tools {

enum class OpinionKind : std::uint8_t { kNone, kAccept, kReject };
struct Opinion {
  OpinionKind kind = OpinionKind::kNone;
  std::string sentence{};  ///< kReject: the last of the log; kNone: why the kernel does not judge the program.
  int error = 0;           ///< errno.
  std::uint64_t processed = 0, states = 0, usec = 0;
};
/// Of a program of that object file. May be called from several threads at once.
using Judge = std::function<Opinion(const std::string& object, const Program& program)>;

/// Error: bpf(2) does not work here.
Result<Judge> running_kernel();
/// Reads a CSV file with the columns object, program, verdict and, where it has them, env_or_subclass, errno,
/// error_line, processed_insns, total_states, verif_us. Any other columns are left alone. Errors do not name the file.
Result<Judge> stored_table(const std::string& path);

}  // namespace skep::tools
