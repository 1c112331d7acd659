// SPDX-License-Identifier: Apache-2.0
// Values of the kernel's configuration, as programs declare them: `extern int CONFIG_HZ __kconfig;`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "skep/btf.h"
#include "skep/object.h"

namespace skep::loader {

enum class ConfigKind : std::uint8_t { kBool, kTristate, kChar, kNumber, kText };
struct ConfigType {
  ConfigKind kind{};
  std::uint32_t size = 0, alignment = 0;
  bool is_signed = false;
};
/// Error: no configuration value has that type.
Result<ConfigType> config_type(const Btf& btf, TypeId type);

/// Writes the value of `name` to `to`, whose size is the type's. Error kNotFound: the kernel has none of that name.
Status read_config_value(std::string_view name, const ConfigType& type, const ObjectOptions& options,
                         std::span<std::byte> to);

}  // namespace skep::loader
