// SPDX-License-Identifier: Apache-2.0
// std::visit that compilers inline. The standard library calls one function an alternative through a table, which
// costs more than it does where the functions are a few instructions long and every op of a program comes by.
#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

namespace skep {

/// f(the alternative that `variant` holds); it holds one. Frequent alternatives come first.
template <std::size_t first = 0, class F, class Variant>
[[gnu::always_inline]] constexpr decltype(auto) inline_visit(F&& f, Variant&& variant) {
  if constexpr (first + 1 < std::variant_size_v<std::remove_cvref_t<Variant>>)
    if (variant.index() != first) return inline_visit<first + 1>(std::forward<F>(f), std::forward<Variant>(variant));
  return std::forward<F>(f)(*std::get_if<first>(&variant));
}

}  // namespace skep
