// SPDX-License-Identifier: Apache-2.0
// The answer of every rule: may verification go on? Works with TRY_OK, so that rules read as lists of steps.
#pragma once

namespace skep::verifier {

/// Rejected: the reason was recorded in Run::rejection.
class [[nodiscard]] Check {
 public:
  static constexpr Check ok() { return Check{false}; }
  static constexpr Check rejected() { return Check{true}; }
  [[nodiscard]] constexpr bool has_value() const { return !rejected_; }
  [[nodiscard]] constexpr Check error() const { return *this; }

 private:
  explicit constexpr Check(bool rejected) : rejected_(rejected) {}
  bool rejected_;
};

}  // namespace skep::verifier
