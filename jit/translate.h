// SPDX-License-Identifier: Apache-2.0
// The one loop over lower::Code outside the interpreter. An architecture is a class with one emit() for each
// alternative of lower::Op; one that lacks an op does not compile.
#pragma once
#include <cassert>
#include <concepts>
#include <cstddef>
#include <variant>

#include "jit/plan.h"
#include "lower/code.h"
#include "lower/effects.h"

namespace skep::jit {

namespace detail {
template <class E, class Op>
concept Emits = requires(E e, const Op& op) {
  { e.emit(op) } -> std::same_as<void>;
};
template <class E, class Ops>
inline constexpr bool kEmitsAll = false;
template <class E, class... Ops>
inline constexpr bool kEmitsAll<E, std::variant<Ops...>> = (Emits<E, Ops> && ...);
}  // namespace detail

/// begin_function() emits the prologue of function number `index`, end_function() what lies behind its last op; bind()
/// comes before each op. offset() is the number of bytes so far.
template <class E>
concept Emitter = detail::kEmitsAll<E, lower::Op> && requires(E e, std::size_t index, lower::Label label) {
  { e.begin_function(index) } -> std::same_as<void>;
  { e.end_function() } -> std::same_as<void>;
  { e.bind(label) } -> std::same_as<void>;
  { e.offset() } -> std::same_as<std::size_t>;
};

template <Emitter E>
void translate(const lower::Code& code, const Plan& plan, E& emitter) {
  for (std::size_t i = 0; i < plan.functions.size(); ++i) {
    emitter.begin_function(i);
    [[maybe_unused]] std::size_t left = 0;  // What ops may have taken that left their work to another.
    for (lower::Label at = plan.functions[i].entry; at < plan.functions[i].end; ++at) {
      emitter.bind(at);
      const std::size_t before = emitter.offset();
      std::visit([&](const auto& op) { emitter.emit(op); }, code.ops[at]);
      // Short branches rely on the bounds.
      const std::size_t bytes = emitter.offset() - before, most = plan.position[at + 1] - plan.position[at];
      if (plan.marks[at] != Mark::kNone) left = 0;
      assert(bytes <= left + most);
      if (bytes > most) left -= bytes - most;
      if (bytes == 0) left += most;
      if (lower::target_of(code.ops[at]) != nullptr) left = 0;
    }
    emitter.end_function();
  }
}

}  // namespace skep::jit
