// SPDX-License-Identifier: Apache-2.0
// The option --syntax of the subcommands that read or write assembly.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "skep/isa.h"

namespace skep::tools {

inline void add_syntax_option(CLI::App& command, isa::Syntax& syntax) {
  command
      .add_option_function<std::string>(
          "--syntax",
          [&syntax](const std::string& name) {
            syntax = name == "c" ? isa::Syntax::kC : name == "kernel" ? isa::Syntax::kKernel : isa::Syntax::kMnemonic;
          },
          "c (default): `r1 += 2`, as llvm-objdump; mnemonic: `add %r1, 2`, as uBPF; kernel: as the kernel's log")
      ->check(CLI::IsMember({"c", "mnemonic", "kernel"}));
}

}  // namespace skep::tools
