// SPDX-License-Identifier: Apache-2.0
// Tristate numbers: 64-bit words of which some bits are known. Algorithms after Vishwanathan, Shachnai, Narayana and
// Nagarakatte, "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers" (CGO 2022).
#pragma once
#include <bit>
#include <cstdint>
#include <optional>

#include "skep/opcode.h"

namespace skep::verifier {

/// The set of words that agree with `value` on every bit that is not set in `mask`.
struct Tnum {
  std::uint64_t value = 0;
  std::uint64_t mask = ~std::uint64_t{0};
  // Invariant: (value & mask) == 0. There is no empty tnum; who meets two of them checks overlap() first.

  static constexpr Tnum unknown() { return {}; }
  static constexpr Tnum constant(std::uint64_t word) { return {word, 0}; }
  /// The smallest tnum that holds all of [low, high].
  static constexpr Tnum range(std::uint64_t low, std::uint64_t high) {
    const auto free_bits = static_cast<unsigned>(std::bit_width(low ^ high));
    if (free_bits == 64) return unknown();
    const std::uint64_t mask = (std::uint64_t{1} << free_bits) - 1;
    return {low & ~mask, mask};
  }

  [[nodiscard]] constexpr bool is_constant() const { return mask == 0; }
  [[nodiscard]] constexpr bool is_unknown() const { return mask == ~std::uint64_t{0}; }
  [[nodiscard]] constexpr bool contains(std::uint64_t word) const { return (word & ~mask) == value; }
  [[nodiscard]] constexpr std::uint64_t smallest() const { return value; }
  [[nodiscard]] constexpr std::uint64_t largest() const { return value | mask; }
  /// Inclusion of sets.
  [[nodiscard]] constexpr bool leq(Tnum other) const {
    return (mask & ~other.mask) == 0 && (value & ~other.mask) == other.value;
  }
  /// Whether some word is in both.
  [[nodiscard]] constexpr bool overlaps(Tnum other) const { return ((value ^ other.value) & ~mask & ~other.mask) == 0; }
  [[nodiscard]] constexpr Tnum join(Tnum other) const {
    const std::uint64_t unknown_bits = mask | other.mask | (value ^ other.value);
    return {value & ~unknown_bits, unknown_bits};
  }
  /// What is known of a word in both sets; of a bit on which they contradict each other, that it is set.
  [[nodiscard]] constexpr Tnum meet(Tnum other) const {
    const std::uint64_t unknown_bits = mask & other.mask;
    return {(value | other.value) & ~unknown_bits, unknown_bits};
  }

  /// The smallest member that is not below `bound`; nothing when there is none.
  [[nodiscard]] constexpr std::optional<std::uint64_t> at_least(std::uint64_t bound) const {
    const std::uint64_t wrong = (bound ^ value) & ~mask;
    if (wrong == 0) return bound;
    // The highest bit that must change. Above it the member agrees with the bound, or exceeds it by the least.
    std::uint64_t top = std::bit_floor(wrong);
    if ((value & top) == 0) {
      const std::uint64_t can_grow = mask & ~bound & ~(top | (top - 1));
      if (can_grow == 0) return std::nullopt;
      top = can_grow & (~can_grow + 1);
    }
    const std::uint64_t below = top - 1;
    return (bound & ~below) | top | (value & below);
  }

  /// The low 32 bits, zero-extended; the rest; the rest with other low bits.
  [[nodiscard]] constexpr Tnum low32() const { return {value & kLow32, mask & kLow32}; }
  [[nodiscard]] constexpr Tnum high32() const { return {value & ~kLow32, mask & ~kLow32}; }
  [[nodiscard]] constexpr Tnum with_low32(Tnum low) const {
    return {(value & ~kLow32) | (low.value & kLow32), (mask & ~kLow32) | (low.mask & kLow32)};
  }
  /// The low `size` bytes, zero-extended.
  [[nodiscard]] constexpr Tnum truncate(isa::Size size) const {
    const std::uint64_t kept = ~std::uint64_t{0} >> (64 - 8 * isa::bytes(size));
    return {value & kept, mask & kept};
  }

  friend constexpr bool operator==(Tnum, Tnum) = default;

 private:
  static constexpr std::uint64_t kLow32 = 0xffffffff;
};

/// CGO 2022, listing 1: a carry is unknown where the sums of the extremes differ.
constexpr Tnum add(Tnum a, Tnum b) {
  const std::uint64_t least = a.value + b.value;
  const std::uint64_t most = least + (a.mask + b.mask);
  const std::uint64_t unknown = (most ^ least) | a.mask | b.mask;
  return {least & ~unknown, unknown};
}
constexpr Tnum subtract(Tnum a, Tnum b) {
  const std::uint64_t difference = a.value - b.value;
  const std::uint64_t unknown = ((difference + a.mask) ^ (difference - b.mask)) | a.mask | b.mask;
  return {difference & ~unknown, unknown};
}
constexpr Tnum negate(Tnum a) { return subtract(Tnum::constant(0), a); }

constexpr Tnum bit_and(Tnum a, Tnum b) {
  const std::uint64_t set = a.value & b.value;
  return {set, a.largest() & b.largest() & ~set};
}
constexpr Tnum bit_or(Tnum a, Tnum b) {
  const std::uint64_t set = a.value | b.value;
  return {set, (a.mask | b.mask) & ~set};
}
constexpr Tnum bit_xor(Tnum a, Tnum b) {
  const std::uint64_t unknown = a.mask | b.mask;
  return {(a.value ^ b.value) & ~unknown, unknown};
}

/// The bits moved as `move` moves those of a word; a bit goes to one place or is dropped.
template <class Move>
constexpr Tnum permute(Tnum a, Move move) {
  return {move(a.value), move(a.mask)};
}

/// Shifts by a known amount below 64.
constexpr Tnum shift_left(Tnum a, unsigned amount) { return {a.value << amount, a.mask << amount}; }
constexpr Tnum shift_right(Tnum a, unsigned amount) { return {a.value >> amount, a.mask >> amount}; }
/// Of a number of `width` bits (amount < width): the sign bit, known or not, fills from above. The 32-bit result is
/// zero-extended.
constexpr Tnum shift_right_signed(Tnum a, unsigned amount, isa::Width width) {
  const auto shift = [&](std::uint64_t bits) {
    return width == isa::Width::k32
               ? std::uint64_t{static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> amount)}
               : static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> amount);
  };
  return {shift(a.value), shift(a.mask)};
}

/// Long multiplication; where a bit of `a` is unknown, both of its outcomes are joined (more precise than the paper's,
/// whose sum of masks forgets which partial products come together).
constexpr Tnum multiply(Tnum a, Tnum b) {
  Tnum sum = Tnum::constant(0);
  for (; a.largest() != 0; a = shift_right(a, 1), b = shift_left(b, 1)) {
    if ((a.value & 1) != 0)
      sum = add(sum, b);
    else if ((a.mask & 1) != 0)
      sum = sum.join(add(sum, b));
  }
  return sum;
}

static_assert(multiply(Tnum::constant(6), Tnum::constant(7)) == Tnum::constant(42));
static_assert(Tnum::range(4, 7) == Tnum{4, 3} && Tnum::range(0, ~std::uint64_t{0}).is_unknown());
static_assert(add({0, 1}, Tnum::constant(1)) == Tnum{0, 3});

}  // namespace skep::verifier
