// SPDX-License-Identifier: Apache-2.0
// Writes what a format says (platform/format.h).
#include "helpers/format.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <variant>

#include "helpers/read_string.h"
#include "platform/format.h"

namespace skep::helpers {
namespace {

/// Room that Linux has for the arguments in binary form, strings included.
constexpr std::size_t kArgumentBytes = 512;

/// Counts what does not fit.
class Sink {
 public:
  explicit Sink(std::span<char> to) : to_(to) {}
  void put(char c) {
    if (length_ + 1 < to_.size()) to_[length_] = c;
    ++length_;
  }
  void put(std::string_view text) {
    for (const char c : text) put(c);
  }
  void pad(char c, std::size_t count) {
    for (; count > 0 && length_ + 1 < to_.size(); --count) put(c);
    length_ += count;
  }
  std::int64_t finish() {
    if (!to_.empty()) to_[std::min(length_, to_.size() - 1)] = '\0';
    return static_cast<std::int64_t>(length_);
  }

 private:
  std::span<char> to_;
  std::size_t length_ = 0;
};

using Kind = FormatSpecifier::Kind;

void put_padded(Sink& sink, const FormatSpecifier& spec, std::string_view text) {
  const std::size_t padding = spec.width > text.size() ? spec.width - text.size() : 0;
  if (!spec.left) sink.pad(' ', padding);
  sink.put(text);
  if (spec.left) sink.pad(' ', padding);
}

void put_number(Sink& sink, const FormatSpecifier& spec, std::uint64_t value, unsigned base, std::string_view prefix) {
  const char* digits = spec.kind == Kind::kUpperHex ? "0123456789ABCDEF" : "0123456789abcdef";
  std::array<char, 24> text{};
  std::size_t at = text.size();
  do {
    text[--at] = digits[value % base];
    value /= base;
  } while (value != 0);
  const std::string_view number(text.data() + at, text.size() - at);
  const std::size_t length = prefix.size() + number.size();
  const std::size_t padding = spec.width > length ? spec.width - length : 0;
  if (!spec.left && !spec.zero) sink.pad(' ', padding);
  sink.put(prefix);
  if (!spec.left && spec.zero) sink.pad('0', padding);
  sink.put(number);
  if (spec.left) sink.pad(' ', padding);
}

void put_signed(Sink& sink, const FormatSpecifier& spec, std::uint64_t word) {
  const std::int64_t value = spec.wide ? static_cast<std::int64_t>(word) : static_cast<std::int32_t>(word);
  const std::string_view sign = value < 0 ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  put_number(sink, spec, value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value), 10,
             sign);
}

/// Formats the argument for one specifier; holds what all of a string's specifiers share.
class Formatter {
 public:
  Formatter(Sink& sink, Host& host) : sink_(sink), host_(host) {}

  /// 0 or -ENOSPC.
  int put(const FormatSpecifier& spec, std::uint64_t word) {
    const std::uint64_t number = spec.wide ? word : static_cast<std::uint32_t>(word);
    switch (spec.kind) {
      case Kind::kSigned:
        put_signed(sink_, spec, word);
        return reserve(spec.wide ? 8 : 4);
      case Kind::kUnsigned:
        put_number(sink_, spec, number, 10, "");
        return reserve(spec.wide ? 8 : 4);
      case Kind::kHex:
      case Kind::kUpperHex:
        put_number(sink_, spec, number, 16, "");
        return reserve(spec.wide ? 8 : 4);
      case Kind::kChar: {
        const char c = static_cast<char>(word);
        put_padded(sink_, spec, {&c, 1});
        return reserve(4);
      }
      case Kind::kString:
        return put_string(spec, word);
      case Kind::kPointer: {
        FormatSpecifier padded = spec;
        if (padded.width == 0) {
          padded.width = 16;
          padded.zero = true;
        }
        put_number(sink_, padded, word, 16, "");
        return reserve(8);
      }
      case Kind::kSymbol:
        put_number(sink_, spec, word, 16, "0x");
        return reserve(8);
      case Kind::kIp:
        return put_address(spec, word);
    }
    return 0;
  }

 private:
  int reserve(std::size_t bytes) {
    if (used_ + bytes > kArgumentBytes) return -ENOSPC;
    used_ += bytes;
    return 0;
  }

  int put_string(const FormatSpecifier& spec, std::uint64_t from) {
    if (used_ >= kArgumentBytes) return -ENOSPC;
    std::array<std::byte, kArgumentBytes> buffer{};
    const std::int64_t length = read_string(host_, from, std::span(buffer).first(kArgumentBytes - used_));
    std::array<char, kArgumentBytes> text{};
    std::memcpy(text.data(), buffer.data(), buffer.size());
    const std::size_t size = length > 0 ? static_cast<std::size_t>(length) - 1 : 0;  // Unreadable: empty.
    put_padded(sink_, spec, {text.data(), size});
    return reserve(size + 1);
  }

  int put_address(const FormatSpecifier& spec, std::uint64_t from) {
    std::array<std::byte, 16> bytes{};
    const bool v4 = spec.name[1] == '4';
    const std::size_t size = v4 ? 4 : 16;
    if (!host_.read_memory(from, std::span(bytes).first(size))) bytes = {};
    std::array<char, 40> text{};
    Sink into(text);
    for (std::size_t i = 0; i < size; ++i) {
      const auto value = std::to_integer<std::uint64_t>(bytes[i]);
      FormatSpecifier part;
      part.zero = true;
      if (v4) {
        if (i > 0) into.put('.');
        part.width = spec.name[0] == 'i' ? 3 : 1;
        put_number(into, part, value, 10, "");
      } else {
        if (i > 0 && i % 2 == 0 && spec.name[0] == 'I') into.put(':');
        part.width = 2;
        put_number(into, part, value, 16, "");
      }
    }
    const auto length = static_cast<std::size_t>(into.finish());
    put_padded(sink_, spec, {text.data(), length});
    return reserve(length + 1);
  }

  Sink& sink_;
  Host& host_;
  std::size_t used_ = 0;
};

}  // namespace

std::int64_t format_text(std::span<char> to, std::string_view format, std::span<const std::uint64_t> arguments,
                         Host& host) {
  if (!is_format(format, arguments.size())) return -EINVAL;
  Sink sink(to);
  Formatter formatter(sink, host);
  for (std::size_t next = 0; !format.empty();) {
    const FormatPiece piece = *read_format(format);
    if (const char* c = std::get_if<char>(&piece)) {
      sink.put(*c);
    } else if (const int error = formatter.put(std::get<FormatSpecifier>(piece), arguments[next++]); error != 0) {
      return error;
    }
  }
  return sink.finish();
}

}  // namespace skep::helpers
