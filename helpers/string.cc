// SPDX-License-Identifier: Apache-2.0
// Strings.
#include <array>
#include <cstring>

#include "helpers/format.h"
#include "helpers/helpers.h"
#include "helpers/words.h"

namespace skep::helpers {
namespace {

constexpr Word kMaxArguments = 12;

}  // namespace

Word snprintf(Word to, Word size, Word format, Word data, Word data_size, Env& env) {
  const std::uint32_t length = low32(data_size);
  if (length % 8 != 0 || length > kMaxArguments * 8 || (length != 0 && data == 0)) return failure(EINVAL);
  std::array<std::uint64_t, kMaxArguments> arguments{};
  if (length != 0) std::memcpy(arguments.data(), bytes_at(data), length);
  const std::int64_t text = format_text({from_address<char>(to), low32(size)}, from_address<const char>(format),
                                        std::span(arguments).first(length / 8), *env.host);
  return result(text < 0 ? text : text + 1);
}

// Linux compares as unsigned bytes and gives -1, 0 or 1.
Word strncmp(Word text, Word size, Word constant, Word, Word, Env&) {
  const int order = std::strncmp(from_address<const char>(text), from_address<const char>(constant), low32(size));
  return result((order > 0) - (order < 0));
}

}  // namespace skep::helpers
