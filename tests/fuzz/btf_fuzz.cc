// SPDX-License-Identifier: Apache-2.0
// Any bytes are types or an Error; types that were read print, and so do values of them.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "skep/btf.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr std::uint32_t kLargestValue = 4096;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto btf = skep::Btf::parse(bytes);
  if (!btf) {
    check(btf.error().message.starts_with(".BTF"));
    return 0;
  }
  for (skep::TypeId id = 0; id < btf->size(); ++id) {
    check(btf->resolve(id) < btf->size());
    static_cast<void>(print_definition(*btf, id));
    const auto value_size = btf->size_of(id);
    if (!value_size || *value_size > kLargestValue) continue;
    // The input itself serves as the value.
    std::vector<std::byte> value(bytes.begin(),
                                 bytes.begin() + std::min<std::ptrdiff_t>(*value_size, std::ssize(bytes)));
    value.resize(*value_size);
    for (const auto format : {skep::ValueFormat::kText, skep::ValueFormat::kJson})
      if (const auto printed = print_value(*btf, id, value, format); !printed)
        check(printed.error().code == skep::Errc::kLimit);
  }
  return 0;
}
