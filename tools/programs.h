// SPDX-License-Identifier: Apache-2.0
// Programs out of files, for the subcommands that take a BPF object or bare bytecode.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "skep/isa.h"
#include "skep/object.h"
#include "skep/result.h"
#include "tools/target_kernel.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace skep::tools {

/// `--type NAME`: "xdp", "sched_cls"..., names as bpftool prints them.
void add_type_option(CLI::App& command, ProgramType& type, const std::string& description);

enum class FileKind : std::uint8_t { kElf, kBinary, kHex };
FileKind kind_of(std::span<const std::byte> bytes);
/// Of a file that is no ELF object. Error: it holds none, or a part of an instruction.
Result<isa::Insns> read_bytecode(std::span<const std::byte> bytes, FileKind kind);

/// The programs in `path`: an ELF object, or bare bytecode, which is one program `main` of type `type`. Errors do not
/// name the file.
Result<std::vector<Program>> read_programs(const std::string& path, ProgramType type, TargetKernel& kernel);
/// Whether read_programs() made it from bytecode that nobody gave a type: nothing can be said of what it may do.
bool is_untyped_bytecode(const Program& program);

/// Those of this name or in this section; empty: all. Error: there are none.
Result<std::vector<const Program*>> choose_programs(const std::vector<Program>& programs, const std::string& name);

/// Every *.o below a folder, sorted; a path that is no folder stands for itself, as does a folder that cannot be
/// opened: who reads it finds out why.
Result<std::vector<std::string>> expand(const std::vector<std::string>& paths);

}  // namespace skep::tools
