// SPDX-License-Identifier: Apache-2.0
// The one loop over lower::Code outside the interpreter. An architecture is a class with one emit() for each
// alternative of lower::Op and of Fused; one that lacks an op does not compile.
#pragma once
#include <cassert>
#include <concepts>
#include <cstddef>
#include <variant>

#include "jit/fuse.h"
#include "jit/plan.h"
#include "lower/code.h"

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
concept Emitter = detail::kEmitsAll<E, lower::Op> && detail::kEmitsAll<E, Fused> &&
    requires(E e, std::size_t index, lower::Label label) {
  { e.begin_function(index) } -> std::same_as<void>;
  { e.end_function() } -> std::same_as<void>;
  { e.bind(label) } -> std::same_as<void>;
  { e.offset() } -> std::same_as<std::size_t>;
};

template <Emitter E>
void translate(const lower::Code& code, const Plan& plan, E& emitter) {
  for (std::size_t i = 0; i < plan.functions.size(); ++i) {
    emitter.begin_function(i);
    for (lower::Label at = plan.functions[i].entry, next = at; at < plan.functions[i].end; at = next) {
      emitter.bind(at);
      [[maybe_unused]] const std::size_t before = emitter.offset();
      if (const Match found = match(code, plan, at); found.ops != 0) {
        std::visit([&](const auto& fused) { emitter.emit(fused); }, found.fused);
        next = at + found.ops;
      } else {
        std::visit([&](const auto& op) { emitter.emit(op); }, code.ops[at]);
        next = at + 1;
      }
      // Short branches rely on the bounds.
      assert(emitter.offset() - before <= plan.position[next] - plan.position[at]);
    }
    emitter.end_function();
  }
}

}  // namespace skep::jit
