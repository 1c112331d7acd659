// SPDX-License-Identifier: Apache-2.0
// cat("at ", 12, ": ", name): text from pieces, for messages.
#pragma once
#include <concepts>
#include <string>
#include <string_view>

namespace skep {

namespace detail {
inline void append_piece(std::string& to, std::string_view text) { to += text; }
inline void append_piece(std::string& to, char letter) { to += letter; }
template <std::integral T>
void append_piece(std::string& to, T number) {
  to += std::to_string(number);
}
}  // namespace detail

template <class... Pieces>
std::string cat(const Pieces&... pieces) {
  std::string text;
  (detail::append_piece(text, pieces), ...);
  return text;
}

}  // namespace skep
