// SPDX-License-Identifier: Apache-2.0
// Any bytes are slots: decoding loses nothing, and the text of what was decoded assembles to the same slots.
#include <cstdlib>
#include <span>
#include <string>

#include "skep/isa.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skep::isa;
  const auto raw = raw_from_bytes(std::as_bytes(std::span(data, size / sizeof(RawInsn) * sizeof(RawInsn))));
  check(raw.has_value());
  const Insns insns = decode(*raw);
  check(encode(insns) == *raw);
  static_cast<void>(check_encoding(insns));
  for (const Syntax syntax : {Syntax::kC, Syntax::kMnemonic, Syntax::kKernel}) {
    std::string text;
    for (InsnIndex at = 0; at < insns.size(); ++at)
      if (const std::string line = print(insns, at, syntax); !line.empty()) text += line + "\n";
    const auto again = assemble(text, syntax);
    check(again.has_value());
    check(encode(*again) == *raw);
  }
  return 0;
}
