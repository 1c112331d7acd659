// SPDX-License-Identifier: Apache-2.0
#include "tools/programs.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/cat.h"
#include "base/try.h"
#include "tools/hex.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBytecodeSection = "bytecode";  // No section of an object is called so.

Program program_of(isa::Insns insns, ProgramType type) {
  Program program;
  program.name = "main";
  program.section = kBytecodeSection;
  program.type = type;
  program.insns = std::move(insns);
  program.license = "GPL";
  program.functions = {{.first = 0, .name = "main"}};
  return program;
}

const ProgramTypeInfo* find_type(const std::string& name) {
  const auto* const row = std::find_if(std::begin(kProgramTypes), std::end(kProgramTypes),
                                       [&](const ProgramTypeInfo& one) { return one.name == name; });
  return row == std::end(kProgramTypes) ? nullptr : row;
}

/// Empty: the text names a type.
std::string is_type(const std::string& text) {
  if (find_type(text) != nullptr) return {};
  std::string known;
  for (const ProgramTypeInfo& row : kProgramTypes) known += cat(known.empty() ? "" : " ", row.name);
  return cat("unknown program type \"", text, "\"; known: ", known);
}

bool is_closed_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) && access(path.c_str(), R_OK | X_OK) != 0;
}

/// Not a pipe, which would be waited for.
bool is_object(const fs::path& path) {
  std::error_code error;
  return path.extension() == ".o" && fs::is_regular_file(path, error);
}

}  // namespace

void add_type_option(CLI::App& command, ProgramType& type, const std::string& description) {
  command
      .add_option_function<std::string>(
          "--type", [&type](const std::string& name) { type = find_type(name)->type; }, description)
      ->check(is_type);
}

FileKind kind_of(std::span<const std::byte> bytes) {
  constexpr char kMagic[] = {0x7f, 'E', 'L', 'F'};
  if (bytes.size() >= sizeof(kMagic) && std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) == 0) return FileKind::kElf;
  return looks_like_hex(bytes) ? FileKind::kHex : FileKind::kBinary;
}

Result<isa::Insns> read_bytecode(std::span<const std::byte> bytes, FileKind kind) {
  std::vector<std::byte> binary(bytes.begin(), bytes.end());
  if (kind == FileKind::kHex) {
    std::string text;
    for (const std::byte byte : bytes) text += static_cast<char>(byte);
    TRY(binary, parse_hex(text));
  }
  TRY(const auto raw, isa::raw_from_bytes(binary));
  if (raw.empty()) return Error{Errc::kTruncated, "the file is empty"};
  return isa::decode(raw);
}

Result<std::vector<Program>> read_programs(const std::string& path, ProgramType type, TargetKernel& kernel) {
  TRY(const auto bytes, read_file(path));
  const FileKind kind = kind_of(bytes);
  if (kind != FileKind::kElf) {
    TRY(isa::Insns insns, read_bytecode(bytes, kind));
    return std::vector<Program>{program_of(std::move(insns), type)};
  }
  TRY(const Object object, kernel.load(bytes, {.name = fs::path(path).filename().string(), .default_type = type}));
  return object.programs();
}

bool is_untyped_bytecode(const Program& program) {
  return program.type == ProgramType::kUnspec && program.section == kBytecodeSection;
}

Result<std::vector<const Program*>> choose_programs(const std::vector<Program>& programs, const std::string& name) {
  std::vector<const Program*> chosen;
  for (const Program& program : programs)
    if (name.empty() || program.name == name || program.section == name) chosen.push_back(&program);
  if (!chosen.empty()) return chosen;
  return Error{Errc::kNotFound, name.empty() ? "has no program" : cat("has no program or section '", name, "'")};
}

Result<std::vector<std::string>> expand(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error) || is_closed_folder(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    constexpr auto kOptions = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator it(path, kOptions, error), end; !error && it != end; it.increment(error))
      if (is_object(it->path()) || is_closed_folder(it->path())) found.push_back(it->path().string());
    if (error) return Error{Errc::kSystem, path + ": " + error.message()};
    if (found.empty()) return Error{Errc::kNotFound, path + ": no *.o below this folder"};
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace skep::tools
