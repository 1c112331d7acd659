// SPDX-License-Identifier: Apache-2.0
// What an object needs of the kernel that it runs on: configuration values (.kconfig), variables and functions
// (.ksyms).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "loader/elf.h"
#include "loader/maps.h"
#include "skep/btf.h"
#include "skep/object.h"

namespace skep::loader {

/// A value at this offset of the map .kconfig.
struct ConfigValue {
  std::uint32_t offset = 0;
};
/// A typed variable: its id in the target's BTF.
struct KernelVariable {
  TypeId id = 0;
};
struct KernelFunction {
  TypeId id = 0;
};
/// An untyped symbol.
struct KernelAddress {
  std::uint64_t address = 0;
};
/// Weak, and not there: its address is 0, and to call it is a mistake that names `number`.
struct Absent {
  std::uint32_t number = 0;
};
struct Unresolved {
  std::string reason;
};
using External = std::variant<ConfigValue, KernelVariable, KernelFunction, KernelAddress, Absent, Unresolved>;

struct Externals {
  std::unordered_map<SymbolIndex, External> by_symbol;
  std::optional<MapEntry> kconfig;  ///< The map that the ConfigValues lie in.
};

/// Every external symbol of the object. One that cannot be resolved is Unresolved, not an error: it costs only the
/// programs that use it.
Externals read_externals(const ElfFile& file, const std::shared_ptr<const Btf>& btf, const ObjectOptions& options);

}  // namespace skep::loader
