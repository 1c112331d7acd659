// SPDX-License-Identifier: Apache-2.0
#include "tools/run/typed_value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/cat.h"
#include "base/overloaded.h"
#include "base/try.h"
#include "tools/hex.h"

namespace skep::tools {
namespace {

using nlohmann::json;

/// A number as written: the bits, and whether they are those of a negative one.
struct Number {
  std::uint64_t bits = 0;
  bool negative = false;
};

std::optional<Number> parse_number(std::string_view text) {
  if (text == "true") return Number{1, false};
  if (text == "false") return Number{0, false};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::uint64_t magnitude = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, magnitude, hex ? 16 : 10);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  if (negative && magnitude > std::uint64_t{1} << 63) return std::nullopt;
  return Number{negative ? ~magnitude + 1 : magnitude, negative && magnitude != 0};
}

std::optional<Number> number_of(const json& value) {
  if (value.is_boolean()) return Number{value.get<bool>() ? 1u : 0u, false};
  if (value.is_number_unsigned()) return Number{value.get<std::uint64_t>(), false};
  if (value.is_number_integer())
    return Number{static_cast<std::uint64_t>(value.get<std::int64_t>()), value.get<std::int64_t>() < 0};
  if (value.is_string()) return parse_number(value.get_ref<const std::string&>());
  return std::nullopt;
}

/// Any number of up to `bits` bits, signed or unsigned: -1 and 255 are the same byte.
bool fits(const Number& number, std::uint32_t bits) {
  if (bits >= 64) return true;
  if (!number.negative) return number.bits >> bits == 0;
  return number.bits >= ~std::uint64_t{0} << (bits - 1);
}

void store(std::uint64_t value, std::span<std::byte> to) {
  std::memcpy(to.data(), &value, std::min(sizeof(value), to.size()));
  if (to.size() > sizeof(value)) std::fill(to.begin() + sizeof(value), to.end(), std::byte{0});
}
void store_bits(std::uint64_t value, std::uint32_t first, std::uint32_t count, std::span<std::byte> to) {
  for (std::uint32_t i = 0; i < count; ++i) {
    std::byte& byte = to[(first + i) / 8];
    const std::byte bit = std::byte{1} << (first + i) % 8;
    byte = (value >> i & 1) != 0 ? byte | bit : byte & ~bit;
  }
}

bool parse_mac(const std::string& text, std::span<std::byte> to) {
  const bool shape = text.size() == 17 && std::count(text.begin(), text.end(), ':') == 5;
  std::string digits = text;
  std::replace(digits.begin(), digits.end(), ':', ' ');
  const Result<std::vector<std::byte>> bytes = parse_hex(shape ? digits : "");
  if (!bytes || bytes->size() != 6) return false;
  std::copy(bytes->begin(), bytes->end(), to.begin());
  return true;
}
bool write_address(const std::string& text, std::span<std::byte> to) {
  if (to.size() == 4) return inet_pton(AF_INET, text.c_str(), to.data()) == 1;
  if (to.size() == 6) return parse_mac(text, to);
  if (to.size() == 16) return inet_pton(AF_INET6, text.c_str(), to.data()) == 1;
  return false;
}

/// Forms that mean the same bytes whatever the type is. False: `text` is none of them.
Result<bool> write_untyped(const std::string& text, std::span<std::byte> to) {
  if (text.starts_with("hex:")) {
    TRY(const auto bytes, parse_hex(std::string_view(text).substr(4)));
    if (bytes.size() != to.size())
      return Error{Errc::kInvalid,
                   "hex: has " + std::to_string(bytes.size()) + " bytes, expected " + std::to_string(to.size())};
    std::copy(bytes.begin(), bytes.end(), to.begin());
    return true;
  }
  for (const auto& [prefix, bits] : {std::pair{"be16:", 16u}, {"be32:", 32u}, {"be64:", 64u}}) {
    if (!text.starts_with(prefix)) continue;
    const std::optional<Number> number = parse_number(std::string_view(text).substr(5));
    if (!number || !fits(*number, bits) || to.size() < bits / 8)
      return Error{Errc::kInvalid, "\"" + text + "\" is no number of " + std::to_string(bits) +
                                       " bits for a place of " + std::to_string(to.size()) + " bytes"};
    std::fill(to.begin(), to.end(), std::byte{0});
    for (std::uint32_t i = 0; i < bits / 8; ++i) to[i] = static_cast<std::byte>(number->bits >> (bits - 8 - 8 * i));
    return true;
  }
  return write_address(text, to);
}

/// Writes one value; `where` names the place within the whole for messages.
class Writer {
 public:
  explicit Writer(const Btf& btf) : btf_(btf) {}

  [[nodiscard]] Status write(TypeId id, const json& value, std::span<std::byte> to, const std::string& where) const {
    if (value.is_string()) {
      TRY(const bool done, in(where, write_untyped(value.get_ref<const std::string&>(), to)));
      if (done) return kOk;
    }
    return std::visit(
        Overloaded{
            [&](const btf::Int& type) { return write_number(value, type.size * 8, to, where, std::string(type.name)); },
            [&](const btf::Pointer&) { return write_number(value, 64, to, where, "a pointer"); },
            [&](const btf::Enum& type) { return write_enum(type, value, to, where); },
            [&](const btf::Array& type) { return write_array(type, value, to, where); },
            [&](const btf::Composite& type) { return write_composite(type, value, to, where); },
            [&](const btf::Var& type) { return write(btf_.resolve(type.type), value, to, where); },
            [&](const btf::DataSec& type) { return write_section(type, value, to, where); },
            [&](const auto&) -> Status {
              return Error{Errc::kUnsupported, where + ": values of its type cannot be written; give hex:BYTES"};
            }},
        btf_.type(id));
  }

 private:
  template <class T>
  static Result<T> in(const std::string& where, Result<T> result) {
    if (result) return result;
    return Error{result.error().code, where + ": " + result.error().message};
  }
  static Error expected(const std::string& where, const json& value, const std::string& what) {
    return {Errc::kInvalid, where + ": found " + value.dump() + ", expected " + what};
  }
  static Status write_number(const json& value, std::uint32_t bits, std::span<std::byte> to, const std::string& where,
                             const std::string& type) {
    const std::optional<Number> number = number_of(value);
    if (!number || !fits(*number, bits))
      return expected(where, value, "a number of " + std::to_string(bits) + " bits (" + type + ")");
    store(number->bits, to);
    return kOk;
  }
  static std::optional<Number> enumerator(const btf::Enum& type, const json& value) {
    if (value.is_string())
      for (const btf::Enumerator& row : type.values)
        if (row.name == value.get_ref<const std::string&>()) return Number{row.value, false};
    return number_of(value);
  }
  static Status write_enum(const btf::Enum& type, const json& value, std::span<std::byte> to,
                           const std::string& where) {
    const std::optional<Number> number = enumerator(type, value);
    if (number) {
      store(number->bits, to);
      return kOk;
    }
    std::string names;
    for (const btf::Enumerator& row : type.values) names += (names.empty() ? "" : ", ") + std::string(row.name);
    return expected(where, value, "a number or one of " + names);
  }
  [[nodiscard]] Status write_array(const btf::Array& type, const json& value, std::span<std::byte> to,
                                   const std::string& where) const {
    const TypeId element = btf_.resolve(type.element);
    TRY(const std::uint32_t size, btf_.size_of(element));
    if (value.is_string() && size == 1) {
      const std::string& text = value.get_ref<const std::string&>();
      if (text.size() > to.size())
        return expected(where, value, "at most " + std::to_string(to.size()) + " characters");
      std::fill(to.begin(), to.end(), std::byte{0});
      std::memcpy(to.data(), text.data(), text.size());
      return kOk;
    }
    if (!value.is_array() || value.size() > type.count)
      return expected(where, value, "an array of at most " + std::to_string(type.count) + " values");
    for (std::size_t i = 0; i < value.size(); ++i)
      TRY_OK(write(element, value[i], to.subspan(i * size, size), where + "[" + std::to_string(i) + "]"));
    return kOk;
  }

  /// A member by name, also one within a nameless structure or union; `bit_offset` from the start of the outermost.
  struct Found {
    const btf::Member* member = nullptr;
    std::uint32_t bit_offset = 0;
  };
  [[nodiscard]] std::optional<Found> find_member(const btf::Composite& type, std::string_view name,
                                                 std::uint32_t base = 0) const {
    for (const btf::Member& member : type.members) {
      if (member.name == name) return Found{&member, base + member.bit_offset};
      const auto* inner = member.name.empty() ? btf_.find<btf::Composite>(btf_.resolve(member.type)) : nullptr;
      if (inner == nullptr) continue;
      if (const auto found = find_member(*inner, name, base + member.bit_offset)) return found;
    }
    return std::nullopt;
  }
  void add_names(const btf::Composite& type, std::string& names) const {
    for (const btf::Member& member : type.members) {
      const auto* inner = member.name.empty() ? btf_.find<btf::Composite>(btf_.resolve(member.type)) : nullptr;
      if (inner != nullptr) add_names(*inner, names);
      if (!member.name.empty()) names += (names.empty() ? "" : ", ") + std::string(member.name);
    }
  }
  [[nodiscard]] Status write_composite(const btf::Composite& type, const json& value, std::span<std::byte> to,
                                       const std::string& where) const {
    if (!value.is_object()) return expected(where, value, "an object of members");
    for (const auto& [name, inner] : value.items()) {
      const std::optional<Found> found = find_member(type, name);
      if (!found) {
        std::string names;
        add_names(type, names);
        return Error{Errc::kNotFound, cat(where, ": no member ", name, "; there are: ", names)};
      }
      TRY_OK(write_member(*found, inner, to, cat(where, ".", name)));
    }
    return kOk;
  }
  [[nodiscard]] Status write_member(const Found& found, const json& value, std::span<std::byte> to,
                                    const std::string& where) const {
    const TypeId id = btf_.resolve(found.member->type);
    const std::uint32_t bits = found.member->bitfield_bits;
    if (bits != 0) {
      const auto* named = btf_.find<btf::Enum>(id);
      const std::optional<Number> number = named != nullptr ? enumerator(*named, value) : number_of(value);
      if (!number || !fits(*number, bits))
        return expected(where, value, "a number of " + std::to_string(bits) + " bits");
      store_bits(number->bits, found.bit_offset, bits, to);
      return kOk;
    }
    TRY(const std::uint32_t size, btf_.size_of(id));
    return write(id, value, to.subspan(found.bit_offset / 8, size), where);
  }
  [[nodiscard]] Status write_section(const btf::DataSec& type, const json& value, std::span<std::byte> to,
                                     const std::string& where) const {
    if (!value.is_object()) return expected(where, value, "an object of variables");
    for (const auto& [name, inner] : value.items()) {
      const auto row = std::find_if(type.vars.begin(), type.vars.end(), [&, wanted = name](const btf::SectionVar& var) {
        return btf_.name(var.var) == wanted;
      });
      if (row == type.vars.end()) {
        std::string names;
        for (const btf::SectionVar& var : type.vars)
          names += (names.empty() ? "" : ", ") + std::string(btf_.name(var.var));
        return Error{Errc::kNotFound, cat(where, ": no variable ", name, "; there are: ", names)};
      }
      TRY_OK(write(row->var, inner, to.subspan(row->offset, row->size), cat(where, ".", name)));
    }
    return kOk;
  }

  const Btf& btf_;
};

Status write_without_type(const std::string& text, std::span<std::byte> to) {
  TRY(const bool done, write_untyped(text, to));
  if (done) return kOk;
  const std::optional<Number> number = parse_number(text);
  if (number && fits(*number, static_cast<std::uint32_t>(std::min<std::size_t>(to.size(), 8) * 8))) {
    store(number->bits, to);
    return kOk;
  }
  return Error{Errc::kInvalid, "\"" + text + "\" cannot be read as " + std::to_string(to.size()) +
                                   " bytes without a type; give a number, an address or hex:BYTES"};
}

}  // namespace

Status write_value(const Btf* btf, TypeId type, std::string_view text, std::span<std::byte> to) {
  const std::string bare(text);
  if (btf == nullptr || type == 0) return write_without_type(bare, to);
  json value = json::parse(bare, nullptr, false);
  // Text that is no JSON is a string: 10.1.0.2, XDP_DROP, 0x50.
  if (value.is_discarded()) {
    if (bare.starts_with('{') || bare.starts_with('[')) return Error{Errc::kMalformed, bare + " is not valid JSON"};
    value = bare;
  }
  const TypeId id = btf->resolve(type);
  TRY(const std::uint32_t size, btf->size_of(id));
  if (size > to.size())
    return Error{Errc::kInvalid,
                 "its type has " + std::to_string(size) + " bytes, the map " + std::to_string(to.size())};
  return Writer(*btf).write(id, value, to.first(size), "value");
}

}  // namespace skep::tools
