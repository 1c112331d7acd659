// SPDX-License-Identifier: Apache-2.0
// Memory as the executor touches it. Programs may access any alignment, which memcpy allows; atomics of aligned words
// are atomic, others are done in parts (no host guarantees more).
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/address.h"
#include "isa/semantics.h"

namespace skep::interpreter {

// Programs may race for what they share with others, as under Linux; that is not for the thread sanitizer to judge.
// Inlined, a function would be judged as part of its caller.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SKEP_UNJUDGED [[gnu::noinline, gnu::no_sanitize_thread]]
#endif
#elif defined(__SANITIZE_THREAD__)
#define SKEP_UNJUDGED [[gnu::noinline, gnu::no_sanitize_thread]]
#endif
#ifndef SKEP_UNJUDGED
#define SKEP_UNJUDGED
#endif

template <class W>
SKEP_UNJUDGED W load(std::uint64_t address) {
  W word;
  std::memcpy(&word, from_address<const void>(address), sizeof(W));
  return word;
}
template <class W>
SKEP_UNJUDGED void store(std::uint64_t address, W word) {
  std::memcpy(from_address<void>(address), &word, sizeof(W));
}
template <class W>
bool aligned(std::uint64_t address) {
  return (address & (sizeof(W) - 1)) == 0;
}
template <class W>
W load_acquire(std::uint64_t address) {
  return aligned<W>(address) ? __atomic_load_n(from_address<const W>(address), __ATOMIC_ACQUIRE) : load<W>(address);
}
template <class W>
void store_release(std::uint64_t address, W word) {
  if (aligned<W>(address))
    __atomic_store_n(from_address<W>(address), word, __ATOMIC_RELEASE);
  else
    store<W>(address, word);
}

/// The old value. `expected` is of kCmpXchg only.
template <isa::AtomicOp op, class W>
W exchange(std::uint64_t address, W operand, W expected) {
  using isa::AtomicOp;
  if (!aligned<W>(address)) {
    const W old = load<W>(address);
    store<W>(address, isa::atomic_store<W>(op, old, operand, expected));
    return old;
  }
  W* const word = from_address<W>(address);
  if constexpr (op == AtomicOp::kAdd || op == AtomicOp::kFetchAdd) {
    return __atomic_fetch_add(word, operand, __ATOMIC_SEQ_CST);
  } else if constexpr (op == AtomicOp::kOr || op == AtomicOp::kFetchOr) {
    return __atomic_fetch_or(word, operand, __ATOMIC_SEQ_CST);
  } else if constexpr (op == AtomicOp::kAnd || op == AtomicOp::kFetchAnd) {
    return __atomic_fetch_and(word, operand, __ATOMIC_SEQ_CST);
  } else if constexpr (op == AtomicOp::kXor || op == AtomicOp::kFetchXor) {
    return __atomic_fetch_xor(word, operand, __ATOMIC_SEQ_CST);
  } else if constexpr (op == AtomicOp::kXchg) {
    return __atomic_exchange_n(word, operand, __ATOMIC_SEQ_CST);
  } else if constexpr (op == AtomicOp::kCmpXchg) {
    __atomic_compare_exchange_n(word, &expected, operand, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
  } else {
    return *word;  // Lowering makes loads and stores of load_acquire and store_release.
  }
}

#undef SKEP_UNJUDGED

}  // namespace skep::interpreter
