// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace skep {

/// Builds a visitor from lambdas; std::visit then fails to compile when an alternative has no lambda.
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;  // clang-14 needs the guide.

}  // namespace skep
