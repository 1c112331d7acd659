// SPDX-License-Identifier: Apache-2.0
// Any text is assembled or refused with a place; what was assembled prints to text that assembles to the same.
#include <cstdlib>
#include <string>
#include <string_view>

#include "skep/isa.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skep::isa;
  std::string text;
  for (std::size_t at = 0; at < size; ++at) text += static_cast<char>(data[at]);
  for (const Syntax syntax : {Syntax::kC, Syntax::kMnemonic, Syntax::kKernel}) {
    const auto insns = assemble(text, syntax);
    if (!insns) {
      check(insns.error().message.starts_with("line "));
      continue;
    }
    std::string printed;
    for (InsnIndex at = 0; at < insns->size(); ++at)
      if (const std::string line = print(*insns, at, syntax); !line.empty()) printed += line + "\n";
    const auto again = assemble(printed, syntax);
    check(again.has_value());
    check(encode(*again) == encode(*insns));
  }
  return 0;
}
