// SPDX-License-Identifier: Apache-2.0
#include "tools/run/passes.h"

#include <optional>

#include "base/try.h"
#include "vm/blame_passes.h"

namespace skep::tools {
namespace {

Result<PassSet> apply(PassSet set, std::string_view word) {
  if (word == "all") return PassSet::all();
  if (word == "none") return PassSet::none();
  const bool without = word.starts_with('-');
  const std::string_view name = without ? word.substr(1) : word;
  for (std::size_t i = 0; i < std::size(kPasses); ++i)
    if (kPasses[i].name == name) return without ? set.without(static_cast<Pass>(i)) : set.with(static_cast<Pass>(i));
  return Error{Errc::kInvalid, "no pass '" + std::string(name) + "'; there are: all, none, " + pass_names()};
}

}  // namespace

Result<PassSet> parse_passes(std::string_view text) {
  PassSet set;
  for (;;) {
    const std::size_t comma = text.find(',');
    TRY(set, apply(set, text.substr(0, comma)));
    if (comma == std::string_view::npos) return set;
    text.remove_prefix(comma + 1);
  }
}

std::string pass_names() { return text(PassSet::all()); }

}  // namespace skep::tools
