// SPDX-License-Identifier: Apache-2.0
#include "tools/programs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/try.h"
#include "skep/isa.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

namespace fs = std::filesystem;

bool is_elf(std::span<const std::byte> bytes) {
  constexpr char kMagic[] = {0x7f, 'E', 'L', 'F'};
  return bytes.size() >= sizeof(kMagic) && std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) == 0;
}

Result<std::vector<Program>> from_bytecode(std::span<const std::byte> bytes, ProgramType type) {
  TRY(const auto raw, isa::raw_from_bytes(bytes));
  if (raw.empty()) return Error{Errc::kTruncated, "the file is empty"};
  Program program;
  program.name = "main";
  program.section = "bytecode";
  program.type = type;
  program.insns = isa::decode(raw);
  program.license = "GPL";
  program.functions = {{.first = 0, .name = "main"}};
  return std::vector<Program>{std::move(program)};
}

}  // namespace

Result<ProgramType> parse_program_type(const std::string& name) {
  std::string known;
  for (const ProgramTypeInfo& row : kProgramTypes) {
    if (row.name == name) return row.type;
    known += (known.empty() ? "" : " ") + std::string(row.name);
  }
  return Error{Errc::kInvalid, "unknown program type \"" + name + "\"; known: " + known};
}

Result<std::vector<Program>> read_programs(const std::string& path, ProgramType type, TargetKernel& kernel) {
  TRY(const auto bytes, read_file(path));
  if (!is_elf(bytes)) return from_bytecode(bytes, type);
  TRY(const Object object, kernel.load(bytes, {.name = fs::path(path).filename().string(), .default_type = type}));
  return object.programs();
}

Result<std::vector<std::string>> expand(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    std::error_code error;
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".o") found.push_back(it->path().string());
    if (error) return Error{Errc::kSystem, path + ": " + error.message()};
    if (found.empty()) return Error{Errc::kNotFound, path + ": no *.o below this folder"};
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace skep::tools
