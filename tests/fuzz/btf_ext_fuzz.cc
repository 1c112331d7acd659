// SPDX-License-Identifier: Apache-2.0
// The input is the size of a .BTF (two bytes, little-endian), that .BTF, and a .BTF.ext of it.
#include <algorithm>
#include <cstdlib>
#include <span>

#include "btf/btf_ext.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data + 2, size - 2));
  const std::size_t types_size = std::min<std::size_t>(data[0] + 256u * data[1], bytes.size());
  const auto btf = skep::Btf::parse(bytes.first(types_size));
  if (!btf) return 0;
  const auto ext = skep::parse_btf_ext(bytes.subspan(types_size), *btf);
  if (!ext) {
    check(ext.error().message.starts_with(".BTF.ext"));
    return 0;
  }
  for (const auto& table : ext->functions)
    for (const auto& record : table.records) check(btf->find<skep::btf::Func>(record.type) != nullptr);
  for (const auto& table : ext->core)
    for (const auto& record : table.records) check(record.type < btf->size());
  return 0;
}
