// SPDX-License-Identifier: Apache-2.0
// The source files that an object's line information names: where they are, and their lines.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "skep/program.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace skep::tools {

/// Relative names are tried from the folders that the user gave, from here, then from the object's folder. Files are
/// read once. A file that is not there has no lines but those in the object.
class Sources {
 public:
  /// `--source DIR`.
  void add_options(CLI::App& command);
  void set_object(const std::string& path) { object_ = path; }

  /// Of a name in a LineInfo: an absolute path, or the name itself where there is no such file.
  const std::string& path(const std::string& file);
  /// The line that `info` is about, without the blanks around it.
  std::string_view text(const LineInfo& info);

 private:
  struct File {
    std::string path;
    std::vector<std::string> lines;
  };
  File& find(const std::string& file);

  std::string object_;
  std::vector<std::string> folders_;
  std::map<std::string, File> files_;
};

/// "flows.bpf.c:80"; the last part of the file's name is enough for people.
std::string place(const LineInfo& info);
inline bool same_line(const LineInfo& a, const LineInfo& b) { return a.line == b.line && a.file == b.file; }

}  // namespace skep::tools
