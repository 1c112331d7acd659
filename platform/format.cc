// SPDX-License-Identifier: Apache-2.0
#include "platform/format.h"

#include <algorithm>

namespace skep {
namespace {

using Kind = FormatSpecifier::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_ascii(char c) { return (static_cast<unsigned char>(c) & 0x80) == 0; }
bool may_stand_for_itself(char c) { return !is_ascii(c) || (c >= ' ' && c <= '~') || is_space(c); }

/// Space or punctuation. Linux classifies what is not ASCII as Latin-1.
bool separates(char c) {
  if (is_ascii(c)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_space(c) || (c > ' ' && c <= '~' && !letter && !is_digit(c));
  }
  const auto latin1 = static_cast<unsigned char>(c);
  constexpr unsigned char kNoBreakSpace = 0xa0, kFirstLetter = 0xc0, kTimes = 0xd7, kDividedBy = 0xf7;
  return (latin1 >= kNoBreakSpace && latin1 < kFirstLetter) || latin1 == kTimes || latin1 == kDividedBy;
}

/// Reads one specifier after its '%'; moves `rest` past it.
class SpecifierReader {
 public:
  explicit SpecifierReader(std::string_view& rest) : rest_(rest) {}

  std::optional<FormatSpecifier> read() {
    read_flags();
    if (take('p')) return read_pointer();
    if (take('s')) return at_end_of_word(Kind::kString);
    if (take('c')) return with(Kind::kChar);
    if (take('l')) {
      out_.wide = true;
      take('l');
    }
    if (take('d') || take('i')) return with(Kind::kSigned);
    if (take('u')) return with(Kind::kUnsigned);
    if (take('x')) return with(Kind::kHex);
    if (take('X')) return with(Kind::kUpperHex);
    return std::nullopt;
  }

 private:
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  FormatSpecifier with(Kind kind) {
    out_.kind = kind;
    return out_;
  }
  std::optional<FormatSpecifier> at_end_of_word(Kind kind) {
    if (!rest_.empty() && !separates(rest_.front())) return std::nullopt;
    return with(kind);
  }
  void read_flags() {
    constexpr std::size_t kMaxWidth = (1u << 23) - 1;
    for (bool more = true; more;) {
      more = true;
      if (take('0')) {
        out_.zero = true;
      } else if (take('-')) {
        out_.left = true;
      } else if (take('+')) {
        out_.plus = true;
      } else if (take(' ')) {
        out_.space = true;
      } else {
        more = false;
      }
    }
    for (; is_digit(peek()); rest_.remove_prefix(1))
      out_.width = std::min(out_.width * 10 + static_cast<std::size_t>(peek() - '0'), kMaxWidth);
  }
  std::optional<FormatSpecifier> read_pointer() {
    out_.wide = true;
    if ((peek() == 'k' || peek() == 'u') && rest_.size() > 1 && rest_[1] == 's') {
      rest_.remove_prefix(2);
      return at_end_of_word(Kind::kString);
    }
    if (take('x') || take('K')) return with(Kind::kPointer);
    if (take('s') || take('S') || take('B')) return with(Kind::kSymbol);
    if ((peek() == 'i' || peek() == 'I') && rest_.size() > 1 && (rest_[1] == '4' || rest_[1] == '6')) {
      out_.name = rest_.substr(0, 2);
      rest_.remove_prefix(2);
      return with(Kind::kIp);
    }
    return at_end_of_word(Kind::kPointer);
  }

  std::string_view& rest_;
  FormatSpecifier out_;
};

}  // namespace

std::optional<FormatPiece> read_format(std::string_view& rest) {
  const char c = rest.front();
  if (!may_stand_for_itself(c)) return std::nullopt;
  rest.remove_prefix(1);
  if (c != '%') return c;
  if (!rest.empty() && rest.front() == '%') {
    rest.remove_prefix(1);
    return '%';
  }
  if (const auto specifier = SpecifierReader(rest).read()) return *specifier;
  return std::nullopt;
}

bool is_format(std::string_view format, std::size_t arguments) {
  std::size_t wanted = 0;
  while (!format.empty()) {
    const auto piece = read_format(format);
    if (!piece) return false;
    wanted += std::holds_alternative<FormatSpecifier>(*piece) ? 1 : 0;
  }
  return wanted <= arguments;
}

}  // namespace skep
