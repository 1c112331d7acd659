// SPDX-License-Identifier: Apache-2.0
// What is known of a number in a register: its bits, and its ranges read as a signed and as an unsigned number of 64
// and of 32 bits. A product of five small domains that tell each other what they know (reduce). As precise as
// Linux 6.18, neither less nor more: a verdict may hang on either, and the kernel's log prints every field. What
// instructions do with it is in transfer/.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "verifier/domain/tnum.h"

namespace skep::verifier {

struct Scalar {
  Tnum bits;
  std::int64_t smin = std::numeric_limits<std::int64_t>::min();
  std::int64_t smax = std::numeric_limits<std::int64_t>::max();
  std::uint64_t umin = 0;
  std::uint64_t umax = std::numeric_limits<std::uint64_t>::max();
  std::int32_t s32_min = std::numeric_limits<std::int32_t>::min();
  std::int32_t s32_max = std::numeric_limits<std::int32_t>::max();
  std::uint32_t u32_min = 0;
  std::uint32_t u32_max = std::numeric_limits<std::uint32_t>::max();

  static constexpr Scalar unknown() { return {}; }
  static constexpr Scalar constant(std::uint64_t word) {
    const auto low = static_cast<std::uint32_t>(word);
    return {.bits = Tnum::constant(word),
            .smin = static_cast<std::int64_t>(word),
            .smax = static_cast<std::int64_t>(word),
            .umin = word,
            .umax = word,
            .s32_min = static_cast<std::int32_t>(low),
            .s32_max = static_cast<std::int32_t>(low),
            .u32_min = low,
            .u32_max = low};
  }
  static Scalar unsigned_range(std::uint64_t low, std::uint64_t high);
  static Scalar signed_range(std::int64_t low, std::int64_t high);

  [[nodiscard]] constexpr bool is_constant() const { return bits.is_constant(); }
  [[nodiscard]] constexpr bool is_unknown() const { return *this == unknown(); }
  /// Precondition: is_constant().
  [[nodiscard]] constexpr std::uint64_t value() const { return bits.value; }
  [[nodiscard]] constexpr bool contains(std::uint64_t word) const {
    const auto low = static_cast<std::uint32_t>(word);
    const auto sword = static_cast<std::int64_t>(word);
    const auto slow = static_cast<std::int32_t>(low);
    return bits.contains(word) && umin <= word && word <= umax && smin <= sword && sword <= smax && u32_min <= low &&
           low <= u32_max && s32_min <= slow && slow <= s32_max;
  }
  /// Inclusion, component by component (Linux: range_within and tnum_in).
  [[nodiscard]] constexpr bool leq(const Scalar& other) const {
    return other.umin <= umin && umax <= other.umax && other.smin <= smin && smax <= other.smax &&
           other.u32_min <= u32_min && u32_max <= other.u32_max && other.s32_min <= s32_min &&
           s32_max <= other.s32_max && bits.leq(other.bits);
  }
  /// The smallest Scalar over both, component by component.
  [[nodiscard]] Scalar join(const Scalar& other) const;
  /// Some component admits no number at all.
  [[nodiscard]] constexpr bool is_contradictory() const {
    return umin > umax || smin > smax || u32_min > u32_max || s32_min > s32_max ||
           (bits.is_constant() && !contains(bits.value)) ||
           (bits.low32().is_constant() && (u32_min != u32_max || u32_min != static_cast<std::uint32_t>(bits.value)));
  }

  friend constexpr bool operator==(const Scalar&, const Scalar&) = default;
};
static_assert(std::is_trivially_copyable_v<Scalar>);

/// What the components of `scalar` say of each other, exchanged as often as Linux 6.18 does.
Scalar reduce(Scalar scalar);

/// `scalar` with all ranges forgotten in 64 or 32 bit; bits are kept. To be reduced.
void forget_ranges64(Scalar& scalar);
void forget_ranges32(Scalar& scalar);

/// Text as in the kernel's log: "5", "scalar()", "scalar(smin=0,smax=umax=255,var_off=(0x0; 0xff))".
std::string print(const Scalar& scalar);
/// What stands between the parentheses; empty when nothing is known. Also describes the variable part of pointers.
std::string print_ranges(const Scalar& scalar);
/// A number as the kernel's log writes it: decimal when it is small, else hexadecimal.
std::string print_signed(std::int64_t number);
std::string print_unsigned(std::uint64_t number);

}  // namespace skep::verifier
