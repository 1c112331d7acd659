// SPDX-License-Identifier: Apache-2.0
#include "tools/sources.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

namespace skep::tools {
namespace {

namespace fs = std::filesystem;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

void Sources::add_options(CLI::App& command) {
  command
      .add_option("--source", folders_, "Folder that the object's names of source files are relative to; repeatable")
      ->allow_extra_args(false);
}

Sources::File& Sources::find(const std::string& file) {
  const auto [row, is_new] = files_.try_emplace(file);
  if (!is_new) return row->second;
  row->second.path = file;
  std::vector<fs::path> folders(folders_.begin(), folders_.end());
  folders.emplace_back(".");
  folders.push_back(fs::path(object_).parent_path());
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path path = folder / file;  // An absolute name stays as it is.
    if (!fs::is_regular_file(path, error)) continue;
    row->second.path = fs::weakly_canonical(path, error).string();
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) row->second.lines.push_back(line);
    break;
  }
  return row->second;
}

const std::string& Sources::path(const std::string& file) { return find(file).path; }

std::string_view Sources::text(const LineInfo& info) {
  const File& file = find(info.file);
  const bool known = info.line >= 1 && info.line <= file.lines.size();
  return trimmed(known ? file.lines[info.line - 1] : info.text);
}

std::string place(const LineInfo& info) {
  return fs::path(info.file).filename().string() + ":" + std::to_string(info.line);
}

}  // namespace skep::tools
