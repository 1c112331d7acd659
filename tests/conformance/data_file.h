// SPDX-License-Identifier: Apache-2.0
// The format of bpf_conformance's test files: sections that begin with `-- name`.
//   asm     the program in mnemonic syntax
//   raw     the program as 64-bit numbers, one slot each; with an asm section, both must be the same
//   mem     bytes in hexadecimal; r1 is their address and r2 their number at entry
//   result  r0 at exit
//   error   the program fails: the words are those of what it fails with (any text; ours: a Trap's name)
// `#` begins a comment. Other sections (c, no register offset) say nothing about a run.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/insn.h"
#include "skep/result.h"

namespace skep::conformance {

struct DataFile {
  isa::Insns insns;
  std::vector<std::byte> memory;
  std::optional<std::uint64_t> result;
  std::optional<std::string> error;
};

/// The Error names the section at fault.
Result<DataFile> parse_data_file(std::string_view text);

}  // namespace skep::conformance
