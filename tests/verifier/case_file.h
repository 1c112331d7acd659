// SPDX-License-Identifier: Apache-2.0
// Files of small programs with the verdict that Linux 6.18 gave on each. A case is
//
//   == name; program type; maps; key=value...
//   assembly (isa::assemble, C syntax; `r1 = map[idx:0]` names the first map)
//   => accept                  or    => reject: last sentence of the kernel's log
//
// maps: hash(key size, value size, entries[, flags[, contents]]), separated by spaces; `array_of_maps(4,4,1)` holds its
// successor. Contents, of which the map is frozen, are text; \x20 is a byte.
// With the key functions, a map's values may be of a structure of case_types.cc (`array(4,8,1):locked`), and
// `type[NAME]` in the assembly is its number. Storages (sk_storage, task_storage...) have values of type long.
// `call kfunc NAME` calls a kernel function, `{task_struct.pid}` is the offset of a member of the kernel's structure;
// such a case needs the types of a kernel (/sys/kernel/btf/vmlinux).
// keys: license, sleepable (0 or 1), attach (expected attach type), flags (program_flags: 1 strict alignment, 2 any
// alignment, 8 states at every jump), functions (all have types, and those but the first return int or void; or they
// are global, return int and take a pointer to a dynptr, an skb, memory or, nonnull, memory that is there),
// target (what a tracing program is attached to, or nothing; needs the types of a kernel).
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "skep/program.h"
#include "skep/result.h"

namespace skep::test {

struct Case {
  std::string header;      ///< As written after "== ".
  std::string text;        ///< The assembly, as written.
  std::string assembly{};  ///< With the kernel's numbers in place of names.
  bool accepted = false;
  std::string sentence;  ///< Of a rejection.
  bool recorded = false;
  bool available =
      true;  ///< False: it calls a kernel function, and this machine's kernel has no such function or types.

  std::string name;
  std::vector<std::string> value_types;  ///< Of each map; empty: none.
  std::string functions_return;          ///< What the functions return, by their types; empty: they have no types.
  Program program;
};
Result<std::vector<Case>> parse_cases(std::string_view text);
std::string print_cases(const std::vector<Case>& cases);

struct CaseFile {
  std::filesystem::path path;
  std::vector<Case> cases;
};
/// All *.txt of a folder, by name.
Result<std::vector<CaseFile>> read_case_files(const std::filesystem::path& folder);

}  // namespace skep::test
