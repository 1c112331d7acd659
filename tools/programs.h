// SPDX-License-Identifier: Apache-2.0
// Programs out of files, for the subcommands that take a BPF object or bare bytecode.
#pragma once
#include <string>
#include <vector>

#include "skep/object.h"
#include "skep/result.h"
#include "tools/target_kernel.h"

namespace skep::tools {

/// "xdp", "sched_cls"...: names as bpftool prints them. Error: lists those that exist.
Result<ProgramType> parse_program_type(const std::string& name);

/// The programs in `path`: an ELF object, or bare bytecode, which is one program `main` of type `type`.
Result<std::vector<Program>> read_programs(const std::string& path, ProgramType type, TargetKernel& kernel);

/// Every *.o below a folder, sorted; a path that is no folder stands for itself.
Result<std::vector<std::string>> expand(const std::vector<std::string>& paths);

}  // namespace skep::tools
