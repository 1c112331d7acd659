// SPDX-License-Identifier: Apache-2.0
// How the library says that something outside a program's meaning failed: I/O, a malformed object, a limit, a bad
// argument. A program that the verifier rejects is not an Error, it is a Verdict; a program that traps is not an Error,
// it is a RunResult.
#pragma once
#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace skep {

enum class Errc : std::uint8_t {
  kTruncated,    ///< The input ends before the structure that it announces.
  kMalformed,    ///< The input contradicts its format.
  kUnsupported,  ///< The input is legal, and skep does not do it.
  kOutOfRange,   ///< A number lies outside what the operation allows.
  kNotFound,     ///< What the input refers to is not there.
  kLimit,        ///< A limit (size, count, depth) was reached.
  kInvalid,      ///< An argument or a combination of arguments makes no sense.
  kSystem,       ///< The operating system refused; the message carries its reason.
};

/// What failed: `message` says what was found, where, and what was expected. One line, no trailing full stop.
struct Error {
  Errc code{};
  std::string message{};
  friend bool operator==(const Error&, const Error&) = default;
};

/// A value or an Error: std::expected (C++23) with the same member names. Thread-compatible like its T.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  /// Precondition of the following: has_value(), respectively !has_value(). Asserted.
  [[nodiscard]] T& value() & { return *checked(std::get_if<0>(&state_)); }
  [[nodiscard]] const T& value() const& { return *checked(std::get_if<0>(&state_)); }
  [[nodiscard]] T&& value() && { return std::move(*checked(std::get_if<0>(&state_))); }
  [[nodiscard]] const Error& error() const { return *checked(std::get_if<1>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  template <class P>
  static P* checked(P* pointer) {
    assert(pointer != nullptr);
    return pointer;
  }
  std::variant<T, Error> state_;
};

/// The value of an operation that has none: `Status f() { ...; return kOk; }`.
struct Ok {
  friend bool operator==(Ok, Ok) = default;
};
inline constexpr Ok kOk;
using Status = Result<Ok>;

}  // namespace skep
