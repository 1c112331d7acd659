// SPDX-License-Identifier: Apache-2.0
// Reads one line of assembly from left to right. Every member but accept_adjacent skips white space first. A member
// that returns bool or optional does not move when it finds something else; one that returns Status or Result says what
// it expected.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skep/insn.h"
#include "skep/result.h"

namespace skep::isa::detail {

/// A number as written: its value modulo 2^64, and how it was written.
struct Number {
  std::uint64_t word = 0;
  bool negative = false;
  bool hex = false;
};

class Cursor {
 public:
  Cursor(std::string_view line, std::size_t line_number) : line_(line), line_number_(line_number) {}

  /// Only a comment or nothing is left.
  [[nodiscard]] bool at_end();
  /// The literal text, which need not end a word.
  [[nodiscard]] bool accept(std::string_view literal);
  /// The literal text where the last thing ended, without white space between.
  [[nodiscard]] bool accept_adjacent(std::string_view literal);
  /// The whole word `word`.
  [[nodiscard]] bool accept_word(std::string_view word);
  [[nodiscard]] Status expect(std::string_view literal);
  /// A name: letters, digits, '_', '.', '$'; not beginning with a digit.
  [[nodiscard]] std::optional<std::string_view> name();
  [[nodiscard]] std::optional<Number> number();
  /// prefix and a number from 0 to 10: "r3", "%r3".
  [[nodiscard]] std::optional<Reg> reg(std::string_view prefix);

  /// A number between `low` and `high`; `what` it is, for the message.
  [[nodiscard]] Result<std::int64_t> integer(std::int64_t low, std::int64_t high, std::string_view what);
  /// A 32-bit field: -2^31 to 2^32-1, the upper half meaning the same bits as the negative numbers.
  [[nodiscard]] Result<std::int32_t> imm32();
  [[nodiscard]] Result<std::int16_t> offset16();

  /// The Error "line L, column C: found X, expected WHAT", at the next thing.
  [[nodiscard]] Error expected(std::string_view what);
  /// The Error "line L, column C: MESSAGE", at the next thing.
  [[nodiscard]] Error error_here(std::string_view message);
  [[nodiscard]] std::size_t position() const { return at_; }
  void move_to(std::size_t position) { at_ = position; }
  [[nodiscard]] std::size_t line_number() const { return line_number_; }

 private:
  void skip_space();
  std::string_view line_;
  std::size_t at_ = 0;  ///< Invariant: at_ <= line_.size().
  std::size_t line_number_ = 0;
};

/// "line L, column C: MESSAGE"
Error located(std::size_t line, std::size_t column, std::string_view message);

}  // namespace skep::isa::detail
