// SPDX-License-Identifier: Apache-2.0
#include "loader/kconfig.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/cat.h"
#include "base/try.h"

namespace skep::loader {

namespace {

constexpr std::uint32_t version(std::uint32_t major, std::uint32_t minor) { return major << 16 | minor << 8; }

/// What follows "NAME=" in the text, up to the end of the line.
std::optional<std::string_view> find_setting(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const bool begins = at == 0 || text[at - 1] == '\n';
    const std::string_view rest = text.substr(at + name.size());
    if (begins && rest.starts_with('=')) return rest.substr(1, rest.find('\n') - 1);
  }
  return std::nullopt;
}

Error mismatch(std::string_view name, std::string_view value) {
  return Error{Errc::kInvalid, cat("the kernel's configuration has ", name, "=", value,
                                   ", which does not fit the type that the program declares")};
}

Status write_number(std::string_view name, std::uint64_t value, const ConfigType& type, std::span<std::byte> to) {
  const bool whole = type.size == sizeof(value);
  const unsigned bits = type.size * 8;
  const auto as_signed = static_cast<std::int64_t>(value);
  const bool fits = whole || (type.is_signed ? as_signed >= -(std::int64_t{1} << (bits - 1)) &&
                                                   as_signed < std::int64_t{1} << (bits - 1)
                                             : value >> bits == 0);
  const bool number = type.kind == ConfigKind::kNumber || type.kind == ConfigKind::kChar;
  if (!number || !fits) return mismatch(name, std::to_string(value));
  std::memcpy(to.data(), &value, to.size());  // Little-endian, as the targets are.
  return kOk;
}

/// y, m or n.
Status write_choice(std::string_view name, char value, const ConfigType& type, std::span<std::byte> to) {
  switch (type.kind) {
    case ConfigKind::kBool:
      if (value == 'm') return mismatch(name, "m");
      to[0] = value == 'y' ? std::byte{1} : std::byte{0};
      return kOk;
    case ConfigKind::kTristate: {  // enum libbpf_tristate: TRI_NO, TRI_YES, TRI_MODULE.
      const std::uint32_t number = value == 'y' ? 1 : value == 'm' ? 2 : 0;
      std::memcpy(to.data(), &number, to.size());
      return kOk;
    }
    case ConfigKind::kChar:
      to[0] = static_cast<std::byte>(value);
      return kOk;
    case ConfigKind::kNumber:
    case ConfigKind::kText:
      break;
  }
  return mismatch(name, std::string_view(&value, 1));
}

/// Cut to what fits with the NUL.
Status write_text(std::string_view name, std::string_view value, const ConfigType& type, std::span<std::byte> to) {
  if (type.kind != ConfigKind::kText || value.size() < 2 || !value.ends_with('"')) return mismatch(name, value);
  const std::string_view text = value.substr(1, std::min(value.size() - 2, to.size() - 1));
  std::memcpy(to.data(), text.data(), text.size());
  return kOk;
}

Status write_setting(std::string_view name, std::string_view value, const ConfigType& type, std::span<std::byte> to) {
  if (value == "y" || value == "m" || value == "n") return write_choice(name, value[0], type, to);
  if (value.starts_with('"')) return write_text(name, value, type, to);
  const bool negative = value.starts_with('-');
  std::string_view digits = value.substr(negative ? 1 : 0);
  const int base = digits.starts_with("0x") ? 16 : 10;
  if (base == 16) digits.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty()) return mismatch(name, value);
  return write_number(name, negative ? 0 - number : number, type, to);
}

}  // namespace

Result<ConfigType> config_type(const Btf& btf, TypeId type) {
  const TypeId id = btf.resolve(type);
  TRY(const std::uint32_t size, btf.size_of(id));
  if (const auto* number = btf.find<btf::Int>(id)) {
    if (number->is_bool && size == 1)
      return ConfigType{.kind = ConfigKind::kBool, .size = 1, .alignment = 1, .is_signed = false};
    if (!number->is_bool && size <= 8)
      return ConfigType{.kind = size == 1 ? ConfigKind::kChar : ConfigKind::kNumber,
                        .size = size,
                        .alignment = size,
                        .is_signed = number->is_signed};
  }
  if (const auto* values = btf.find<btf::Enum>(id); values != nullptr && values->name == "libbpf_tristate" && size == 4)
    return ConfigType{.kind = ConfigKind::kTristate, .size = size, .alignment = size, .is_signed = false};
  if (const auto* array = btf.find<btf::Array>(id); array != nullptr && size != 0) {
    const auto* letter = btf.find<btf::Int>(btf.resolve(array->element));
    if (letter != nullptr && letter->size == 1 && !letter->is_bool)
      return ConfigType{.kind = ConfigKind::kText, .size = size, .alignment = 1, .is_signed = false};
  }
  return Error{Errc::kUnsupported,
               "expected bool, enum libbpf_tristate, an integer or an array of characters as its type"};
}

Status read_config_value(std::string_view name, const ConfigType& type, const ObjectOptions& options,
                         std::span<std::byte> to) {
  const bool of_version = name.starts_with("LINUX_");
  if (of_version && options.target_version == 0)
    return Error{Errc::kNotFound, "the version of the target kernel is not given"};
  if (name == "LINUX_KERNEL_VERSION") return write_number(name, options.target_version, type, to);
  // Since when kprobes have cookies, and system calls take their arguments from struct pt_regs.
  if (name == "LINUX_HAS_BPF_COOKIE" || name == "LINUX_HAS_SYSCALL_WRAPPER") {
    const std::uint32_t since = name == "LINUX_HAS_BPF_COOKIE" ? version(5, 15) : version(4, 17);
    const bool has = options.target_version >= since;
    return type.kind == ConfigKind::kBool ? write_choice(name, has ? 'y' : 'n', type, to)
                                          : write_number(name, has ? 1 : 0, type, to);
  }
  if (!name.starts_with("CONFIG_"))
    return Error{Errc::kNotFound, "no value of the configuration; its name should begin with CONFIG_"};
  if (options.target_config == nullptr)
    return Error{Errc::kNotFound, "the configuration of the target kernel is not given"};
  const auto setting = find_setting(*options.target_config, name);
  if (!setting) return Error{Errc::kNotFound, "the target kernel's configuration does not set it"};
  return write_setting(name, *setting, type, to);
}

}  // namespace skep::loader
