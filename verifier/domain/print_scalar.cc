// SPDX-License-Identifier: Apache-2.0
// Scalars as the kernel's log writes them: only what is not the default, equal numbers joined ("smin=umin=5").
#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

#include "verifier/domain/scalar.h"

namespace skep::verifier {
namespace {

constexpr std::uint64_t kUnsignedDecimalLimit = 0xffff;
constexpr std::int64_t kSignedDecimalMin = -0x8000, kSignedDecimalMax = 0x7fff;

std::string digits(std::uint64_t number, int base) {
  std::array<char, 20> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, base).ptr;
  return {buffer.data(), end};
}
std::string hexadecimal(std::uint64_t number) { return "0x" + digits(number, 16); }

struct Bound {
  std::string_view name;
  std::uint64_t value = 0;
  bool omit = false;
  [[nodiscard]] bool is_signed() const { return name.front() == 's'; }
  [[nodiscard]] bool is_negative() const { return is_signed() && static_cast<std::int64_t>(value) < 0; }
};
constexpr std::size_t kBounds = 8;

bool is_small(std::int64_t number) { return number >= kSignedDecimalMin && number <= kSignedDecimalMax; }
/// A 32-bit bound that is written in hexadecimal has eight digits, and is then the same as an unsigned one.
std::uint64_t widen(std::int32_t number) {
  return is_small(number) ? static_cast<std::uint64_t>(std::int64_t{number}) : static_cast<std::uint32_t>(number);
}

std::array<Bound, kBounds> bounds(const Scalar& s) {
  const Scalar unknown;
  return {{{"smin", static_cast<std::uint64_t>(s.smin), s.smin == unknown.smin},
           {"smax", static_cast<std::uint64_t>(s.smax), s.smax == unknown.smax},
           {"umin", s.umin, s.umin == unknown.umin},
           {"umax", s.umax, s.umax == unknown.umax},
           {"smin32", widen(s.s32_min), s.s32_min == unknown.s32_min},
           {"smax32", widen(s.s32_max), s.s32_max == unknown.s32_max},
           {"umin32", s.u32_min, s.u32_min == unknown.u32_min},
           {"umax32", s.u32_max, s.u32_max == unknown.u32_max}}};
}

}  // namespace

std::string print_unsigned(std::uint64_t number) {
  return number <= kUnsignedDecimalLimit ? digits(number, 10) : hexadecimal(number);
}

std::string print_signed(std::int64_t number) {
  if (!is_small(number)) return hexadecimal(static_cast<std::uint64_t>(number));
  return std::to_string(number);
}

std::string print_ranges(const Scalar& scalar) {
  std::string text;
  auto all = bounds(scalar);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Bound& first = all[i];
    if (first.omit) continue;
    if (!text.empty()) text += ',';
    text.append(first.name).append("=");
    for (std::size_t j = i + 2; j < all.size(); j += 2) {  // Lower with lower, upper with upper bounds.
      if (all[j].omit || all[j].value != first.value || all[j].is_negative() != first.is_negative()) continue;
      all[j].omit = true;
      text.append(all[j].name).append("=");
    }
    text += first.is_signed() ? print_signed(static_cast<std::int64_t>(first.value)) : print_unsigned(first.value);
  }
  if (scalar.bits.is_unknown()) return text;
  if (!text.empty()) text += ',';
  return text + "var_off=(" + hexadecimal(scalar.bits.value) + "; " + hexadecimal(scalar.bits.mask) + ")";
}

std::string print(const Scalar& scalar) {
  if (scalar.is_constant()) return print_signed(static_cast<std::int64_t>(scalar.value()));
  return "scalar(" + print_ranges(scalar) + ")";
}

}  // namespace skep::verifier
