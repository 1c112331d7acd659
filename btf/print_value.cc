// SPDX-License-Identifier: Apache-2.0
// Values in words: memory and its type -> text or JSON.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/overloaded.h"
#include "base/try.h"
#include "skep/btf.h"

namespace skep {

namespace {

std::string hex(std::uint64_t value, int digits) {
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%0*llx", digits, static_cast<unsigned long long>(value));
  return text.data();
}

/// `text` between quotation marks. JSON has no bytes: those that are not ASCII become the code points of the same
/// number.
std::string quote(std::string_view text, ValueFormat format) {
  std::string result = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      result += '\\';
      result += letter;
    } else if (letter == '\n') {
      result += "\\n";
    } else if (byte >= 0x20 && byte < 0x7f) {
      result += letter;
    } else {
      result += format == ValueFormat::kJson ? "\\u00" : "\\x";
      result += hex(byte, 2);
    }
  }
  return result + '"';
}

/// `bits` bits from bit `first` of `bytes` on, least significant first. Precondition: they lie within, bits <= 64.
std::uint64_t extract_bits(std::span<const std::byte> bytes, std::uint64_t first, std::uint32_t bits) {
  std::uint64_t value = 0;
  for (std::uint32_t done = 0; done < bits;) {
    const std::uint64_t at = first + done;
    const auto skip = static_cast<std::uint32_t>(at % 8);
    const std::uint32_t take = std::min(8 - skip, bits - done);
    const std::uint64_t part = std::to_integer<std::uint64_t>(bytes[at / 8]) >> skip & ((1u << take) - 1);
    value |= part << done;
    done += take;
  }
  return value;
}
std::int64_t sign_extend(std::uint64_t value, std::uint32_t bits) {
  if (bits == 0) return 0;  // An enumeration that is only declared.
  const std::uint32_t shift = 64 - bits;
  return std::bit_cast<std::int64_t>(value << shift) >> shift;
}

class Printer {
 public:
  Printer(const Btf& btf, ValueFormat format, std::size_t limit) : btf_(btf), format_(format), left_(limit) {}

  // Recursion ends: types nest by value at most Btf::kMaxDepth deep. Precondition: `bytes` holds the whole value.
  void print(TypeId id, std::span<const std::byte> bytes) {
    if (left_ == 0) return;
    --left_;
    const TypeId resolved = btf_.resolve(id);
    std::visit(Overloaded{[&](const btf::Int& type) { print_int(type, bytes); },
                          [&](const btf::Pointer&) { print_pointer(bytes); },
                          [&](const btf::Array& type) { print_array(type, bytes); },
                          [&](const btf::Composite& type) { print_composite(type, bytes); },
                          [&](const btf::Enum& type) { print_enum(type, extract_bits(bytes, 0, type.size * 8)); },
                          [&](const btf::Float& type) { print_float(type, bytes); },
                          [&](const btf::Var& type) { print(type.type, bytes); },
                          [&](const btf::DataSec& type) { print_section(type, bytes); },
                          [&](const auto&) { out_ += print_bytes(bytes, format_); }},
               btf_.type(resolved));
  }
  std::string take() { return std::move(out_); }
  /// The limit was reached: the text is not whole.
  [[nodiscard]] bool exhausted() const { return left_ == 0; }

 private:
  [[nodiscard]] bool json() const { return format_ == ValueFormat::kJson; }

  void print_number(std::uint64_t value, std::uint32_t bits, bool is_signed) {
    if (is_signed)
      out_ += std::to_string(sign_extend(value, bits));
    else
      out_ += std::to_string(value);
  }
  void print_bits(const btf::Int& type, std::uint64_t value, std::uint32_t bits) {
    if (type.is_bool)
      out_ += value != 0 ? "true" : "false";
    else
      print_number(value, bits, type.is_signed);
  }
  void print_int(const btf::Int& type, std::span<const std::byte> bytes) {
    if (type.bits <= 64) return print_bits(type, extract_bits(bytes, type.bit_offset, type.bits), type.bits);
    const std::string digits = "0x" + hex(extract_bits(bytes, 64, 64), 16) + hex(extract_bits(bytes, 0, 64), 16);
    out_ += json() ? '"' + digits + '"' : digits;
  }
  void print_pointer(std::span<const std::byte> bytes) {
    const std::string text = "0x" + hex(extract_bits(bytes, 0, 64), 1);
    out_ += json() ? '"' + text + '"' : text;
  }
  void print_enum(const btf::Enum& type, std::uint64_t value) {
    const std::uint64_t mask = type.size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << type.size * 8) - 1;
    const auto found = std::find_if(type.values.begin(), type.values.end(),
                                    [&](const btf::Enumerator& e) { return (e.value & mask) == (value & mask); });
    if (found == type.values.end()) return print_number(value, type.size * 8, type.is_signed);
    if (json()) {
      out_ += quote(found->name, format_);
    } else {
      out_ += cat(found->name, " (");
      print_number(value, type.size * 8, type.is_signed);
      out_ += ')';
    }
  }
  void print_float(const btf::Float& type, std::span<const std::byte> bytes) {
    double value = std::nan("");
    if (type.size == sizeof(float)) value = static_cast<double>(*read_at<float>(bytes, 0));
    if (type.size == sizeof(double)) value = *read_at<double>(bytes, 0);
    if (!std::isfinite(value) && json()) {
      out_ += "null";
      return;
    }
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.17g", value);
    out_ += text.data();
  }

  /// The contents of a char array up to its first NUL; nullopt: something follows that NUL, or it is no text.
  [[nodiscard]] std::optional<std::string> as_text(const btf::Array& type, std::span<const std::byte> bytes) const {
    const auto* element = btf_.find<btf::Int>(btf_.resolve(type.element));
    if (element == nullptr || element->size != 1 || element->is_bool) return std::nullopt;
    if (!element->is_char && element->name != "char") return std::nullopt;
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    if (std::any_of(end, bytes.end(), [](std::byte b) { return b != std::byte{0}; })) return std::nullopt;
    std::string text;
    for (auto it = bytes.begin(); it != end; ++it) text += static_cast<char>(*it);
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte >= 0x20 || c == '\t' || c == '\n' || c == '\r';
    });
    return printable ? std::optional(text) : std::nullopt;
  }
  void print_array(const btf::Array& type, std::span<const std::byte> bytes) {
    if (const auto text = as_text(type, bytes)) {
      out_ += quote(*text, format_);
      return;
    }
    const std::size_t size = bytes.size() / std::max<std::size_t>(type.count, 1);
    out_ += json() ? "[" : "{";
    // A thousand million elements of no size are a legal array; their values have nothing to show.
    const std::uint32_t shown = size == 0 ? 0 : type.count;
    for (std::uint32_t i = 0; i < shown && left_ != 0; ++i) {
      if (i != 0) out_ += ", ";
      print(type.element, bytes.subspan(i * size, size));
    }
    out_ += json() ? "]" : "}";
  }

  void begin_member(std::string_view name, bool& first) {
    if (!first) out_ += ", ";
    first = false;
    if (json())
      out_ += quote(name, format_) + ": ";
    else if (!name.empty())
      out_ += cat('.', name, " = ");
  }
  void print_composite(const btf::Composite& type, std::span<const std::byte> bytes) {
    out_ += '{';
    bool first = true;
    print_members(type, bytes, first);
    out_ += '}';
  }
  /// Members of an anonymous structure or union appear among those of the one around it, as C has them.
  void print_members(const btf::Composite& type, std::span<const std::byte> bytes, bool& first) {
    for (const btf::Member& member : type.members) {
      if (left_ == 0) return;
      const TypeId resolved = btf_.resolve(member.type);
      const Result<std::uint32_t> size = btf_.size_of(resolved);
      if (!size) continue;
      const auto* number = btf_.find<btf::Int>(resolved);
      const bool narrow = number != nullptr && number->bits != number->size * 8;
      if (member.bitfield_bits != 0 || narrow) {
        if (member.name.empty()) continue;
        begin_member(member.name, first);
        print_bitfield(member, resolved, bytes);
        continue;
      }
      const auto part = slice(bytes, member.bit_offset / 8, *size);
      if (!part) continue;
      const auto* nested = btf_.find<btf::Composite>(resolved);
      if (nested != nullptr && member.name.empty()) {
        --left_;
        print_members(*nested, *part, first);
        continue;
      }
      begin_member(member.name, first);
      print(resolved, *part);
    }
  }
  void print_bitfield(const btf::Member& member, TypeId resolved, std::span<const std::byte> bytes) {
    const auto* number = btf_.find<btf::Int>(resolved);
    std::uint64_t at = member.bit_offset;
    std::uint32_t bits = member.bitfield_bits;
    if (bits == 0) {  // The old encoding: the integer's type says where its bits are.
      at += number->bit_offset;
      bits = number->bits;
    }
    const std::uint64_t value = extract_bits(bytes, at, bits);
    if (const auto* values = btf_.find<btf::Enum>(resolved))
      return print_enum(*values, values->is_signed ? std::bit_cast<std::uint64_t>(sign_extend(value, bits)) : value);
    if (number != nullptr) return print_bits(*number, value, bits);
    print_number(value, bits, false);
  }
  void print_section(const btf::DataSec& type, std::span<const std::byte> bytes) {
    out_ += '{';
    bool first = true;
    for (const btf::SectionVar& var : type.vars) {
      const Result<std::uint32_t> size = btf_.size_of(var.var);
      if (!size) continue;
      const auto part = slice(bytes, var.offset, *size);
      if (!part) continue;
      begin_member(btf_.name(var.var), first);
      print(var.var, *part);
    }
    out_ += '}';
  }

  const Btf& btf_;
  ValueFormat format_;
  // Unions of unions hold more values than their bytes suggest, in hostile types without bound.
  std::size_t left_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> print_value(const Btf& btf, TypeId type, std::span<const std::byte> bytes, ValueFormat format) {
  if (type == 0) return print_bytes(bytes, format);
  TRY(const std::uint32_t size, btf.size_of(type));
  if (bytes.size() < size)
    return Error{Errc::kInvalid, cat("BTF type ", type, " '", btf.name(type), "' takes ", size,
                                     " bytes; the value has ", bytes.size())};
  constexpr std::size_t kOverlapping = 100'000;
  Printer printer(btf, format, kOverlapping + std::size_t{size} * 8);
  printer.print(type, bytes.first(size));
  if (printer.exhausted())
    return Error{Errc::kLimit, cat("BTF type ", type, " '", btf.name(type), "' holds too many values to print")};
  return printer.take();
}

std::string print_bytes(std::span<const std::byte> bytes, ValueFormat format) {
  std::string text;
  for (const std::byte byte : bytes) {
    if (!text.empty() && format == ValueFormat::kText) text += ' ';
    text += hex(std::to_integer<std::uint64_t>(byte), 2);
  }
  return format == ValueFormat::kJson ? '"' + text + '"' : text;
}

}  // namespace skep
