// SPDX-License-Identifier: Apache-2.0
#include "isa/cursor.h"

#include <charconv>
#include <limits>

#include "base/try.h"

namespace skep::isa::detail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' || c == '$';
}

}  // namespace

Error located(std::size_t line, std::size_t column, std::string_view message) {
  return {Errc::kMalformed,
          "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + std::string(message)};
}

void Cursor::skip_space() {
  while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) ++at_;
}

bool Cursor::at_end() {
  skip_space();
  const std::string_view rest = line_.substr(at_);
  return rest.empty() || rest[0] == '#' || rest[0] == ';' || rest.starts_with("//");
}

bool Cursor::accept(std::string_view literal) {
  skip_space();
  return accept_adjacent(literal);
}
bool Cursor::accept_adjacent(std::string_view literal) {
  if (!line_.substr(at_).starts_with(literal)) return false;
  at_ += literal.size();
  return true;
}

bool Cursor::accept_word(std::string_view word) {
  const std::size_t start = at_;
  if (accept(word) && (at_ == line_.size() || !is_name_char(line_[at_]))) return true;
  at_ = start;
  return false;
}

Status Cursor::expect(std::string_view literal) {
  if (accept(literal)) return kOk;
  return expected("'" + std::string(literal) + "'");
}

std::optional<std::string_view> Cursor::name() {
  skip_space();
  if (at_ == line_.size() || !is_name_char(line_[at_]) || is_digit(line_[at_])) return std::nullopt;
  const std::size_t start = at_;
  while (at_ < line_.size() && is_name_char(line_[at_])) ++at_;
  return line_.substr(start, at_ - start);
}

std::optional<Number> Cursor::number() {
  const std::size_t start = at_;
  Number number{.word = 0, .negative = accept("-"), .hex = false};
  if (!number.negative) static_cast<void>(accept("+"));
  number.hex = accept("0x") || accept("0X");
  const std::string_view rest = line_.substr(at_);
  const auto [end, problem] =
      std::from_chars(rest.data(), rest.data() + rest.size(), number.word, number.hex ? 16 : 10);
  const bool ends_word = end == rest.data() + rest.size() || !is_name_char(*end);
  if (problem != std::errc{} || !ends_word) {
    at_ = start;
    return std::nullopt;
  }
  at_ += static_cast<std::size_t>(end - rest.data());
  if (number.negative) number.word = 0 - number.word;
  return number;
}

std::optional<Reg> Cursor::reg(std::string_view prefix) {
  const std::size_t start = at_;
  unsigned index = 11;
  if (accept(prefix)) {
    const std::string_view rest = line_.substr(at_);
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
    const bool ends_word = end == rest.data() + rest.size() || !is_name_char(*end);
    if (problem == std::errc{} && ends_word && index <= 10) {
      at_ += static_cast<std::size_t>(end - rest.data());
      return Reg{static_cast<std::uint8_t>(index)};
    }
  }
  at_ = start;
  return std::nullopt;
}

Result<std::int64_t> Cursor::integer(std::int64_t low, std::int64_t high, std::string_view what) {
  skip_space();
  const std::size_t start = at_;
  const std::optional<Number> read = number();
  if (!read) return expected(what);
  const auto value = static_cast<std::int64_t>(read->word);
  const bool representable = read->negative ? value <= 0 : value >= 0;
  if (representable && value >= low && value <= high) return value;
  at_ = start;
  return error_here("the number is out of range, expected " + std::string(what) + " from " + std::to_string(low) +
                    " to " + std::to_string(high));
}

Result<std::int32_t> Cursor::imm32() {
  TRY(const std::int64_t value,
      integer(std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::uint32_t>::max(), "an immediate"));
  return static_cast<std::int32_t>(value);
}

Result<std::int16_t> Cursor::offset16() {
  TRY(const std::int64_t value,
      integer(std::numeric_limits<std::int16_t>::min(), std::numeric_limits<std::int16_t>::max(), "an offset"));
  return static_cast<std::int16_t>(value);
}

Error Cursor::error_here(std::string_view message) {
  skip_space();
  return located(line_number_, at_ + 1, message);
}

Error Cursor::expected(std::string_view what) {
  if (at_end()) return error_here("the line ends, expected " + std::string(what));
  const std::size_t start = at_;
  std::size_t end = start + 1;
  if (is_name_char(line_[start]))
    while (end < line_.size() && is_name_char(line_[end])) ++end;
  return error_here("found '" + std::string(line_.substr(start, end - start)) + "', expected " + std::string(what));
}

}  // namespace skep::isa::detail
