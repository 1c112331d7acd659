// SPDX-License-Identifier: Apache-2.0
// The kernel that programs are resolved against: its types, configuration, symbols and version.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "skep/object.h"
#include "skep/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace skep::tools {

/// Of the running kernel where nothing else is named. Each file is read once: what the user named at the first object,
/// the rest when an object needs it.
class TargetKernel {
 public:
  /// `--btf FILE` and `--kconfig FILE`.
  void add_options(CLI::App& command);
  /// Reads the files that the user named, which load() would do: for who loads many objects. Error: names the file, and
  /// is that of every load() then.
  Status read_named();
  /// Object::from_elf(), with what is known of the kernel when the object needs it.
  Result<Object> load(std::span<const std::byte> bytes, ObjectOptions options);

 private:
  Status read();
  Status read_files();

  std::string btf_path_, config_path_;
  std::optional<Status> read_;  ///< How it went, once it was tried.
  ObjectOptions known_;
};

}  // namespace skep::tools
