// SPDX-License-Identifier: Apache-2.0
// The kernel that programs are resolved against: its types, configuration, symbols and version.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "skep/object.h"
#include "skep/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace skep::tools {

/// Of the running kernel where nothing else is named. Each file is read once, and only when an object needs it.
class TargetKernel {
 public:
  /// `--btf FILE` and `--kconfig FILE`.
  void add_options(CLI::App& command);
  /// Object::from_elf(), with what is known of the kernel when the object needs it.
  Result<Object> load(std::span<const std::byte> bytes, ObjectOptions options);

 private:
  Status read();

  std::string btf_path_, config_path_;
  bool read_ = false;
  ObjectOptions known_;
};

}  // namespace skep::tools
