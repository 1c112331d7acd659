// SPDX-License-Identifier: Apache-2.0
// Which optimisations a Vm applies to code before it becomes machine code. Each can be left out by itself, so that a
// wrong result can be traced to one. docs/optimization.md describes them.
#pragma once
#include <cstdint>
#include <iterator>
#include <string_view>

namespace skep {

enum class Pass : std::uint8_t {
#define PASS(name, ...) k##name,
#include "skep/tables/passes.def"
};

struct PassInfo {
  std::string_view name;  ///< As options and messages have it.
  std::string_view summary;
};
inline constexpr PassInfo kPasses[] = {
#define PASS(name, text, summary) {#text, summary},
#include "skep/tables/passes.def"
};
constexpr const PassInfo& info(Pass pass) { return kPasses[static_cast<std::size_t>(pass)]; }

/// A set of passes. They run in the order of tables/passes.def whatever the set.
class PassSet {
 public:
  constexpr PassSet() = default;
  static constexpr PassSet none() { return {}; }
  static constexpr PassSet all() {
    PassSet set;
    set.bits_ = (std::uint32_t{1} << std::size(kPasses)) - 1;
    return set;
  }
  [[nodiscard]] constexpr bool has(Pass pass) const { return (bits_ >> static_cast<unsigned>(pass) & 1) != 0; }
  [[nodiscard]] constexpr PassSet with(Pass pass) const {
    PassSet set = *this;
    set.bits_ |= std::uint32_t{1} << static_cast<unsigned>(pass);
    return set;
  }
  [[nodiscard]] constexpr PassSet without(Pass pass) const {
    PassSet set = *this;
    set.bits_ &= ~(std::uint32_t{1} << static_cast<unsigned>(pass));
    return set;
  }
  friend constexpr bool operator==(PassSet, PassSet) = default;

 private:
  std::uint32_t bits_ = 0;
};
static_assert(std::size(kPasses) < 32);

}  // namespace skep
