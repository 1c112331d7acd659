// SPDX-License-Identifier: Apache-2.0
#include "loader/externs.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/cat.h"
#include "btf/core.h"
#include "loader/kconfig.h"

namespace skep::loader {

namespace {

enum class Section : std::uint8_t { kKconfig, kKsyms, kUnlisted };

/// An external symbol and what the object's BTF says of it.
struct Declaration {
  SymbolIndex symbol = 0;
  std::string_view name;
  bool weak = false;
  Section section = Section::kUnlisted;
  const btf::Var* variable = nullptr;   // Else
  const btf::Func* function = nullptr;  // one of them, unless kUnlisted.
  std::optional<ConfigType> config{};   // kKconfig, when the type is one.
  std::string problem{};                // kKconfig, when it is none.
};

/// Variables and functions of the data sections .kconfig and .ksyms, by name.
std::unordered_map<std::string_view, Declaration> list_declarations(const Btf& btf) {
  std::unordered_map<std::string_view, Declaration> found;
  for (const auto& [name, kind] : {std::pair{".kconfig", Section::kKconfig}, {".ksyms", Section::kKsyms}}) {
    const auto* section = btf.find<btf::DataSec>(btf.find_by_name<btf::DataSec>(name));
    if (section == nullptr) continue;
    for (const btf::SectionVar& entry : section->vars) {
      Declaration declaration;
      declaration.section = kind;
      declaration.variable = btf.find<btf::Var>(entry.var);
      declaration.function = btf.find<btf::Func>(entry.var);
      found.emplace(btf.name(entry.var), declaration);
    }
  }
  return found;
}

void describe_config(const Btf& btf, Declaration& declaration) {
  if (declaration.variable == nullptr) {
    declaration.problem = "a function cannot be a configuration value";
    return;
  }
  const auto type = config_type(btf, declaration.variable->type);
  if (type) {
    declaration.config = *type;
  } else {
    declaration.problem = type.error().message;
  }
}

/// libbpf's order: it decides where configuration values lie and how absent functions are numbered.
auto order(const Declaration& declaration) {
  const ConfigType type = declaration.config.value_or(ConfigType{});
  return std::tuple(declaration.section, ~type.alignment, type.size, declaration.name);
}

std::vector<Declaration> declarations(const ElfFile& file, const Btf* btf) {
  const auto listed = btf == nullptr ? std::unordered_map<std::string_view, Declaration>{} : list_declarations(*btf);
  std::vector<Declaration> all;
  for (SymbolIndex i = 1; i < file.symbols.size(); ++i) {
    const ElfSymbol& symbol = file.symbols[i];
    if (!symbol.external || symbol.name.empty()) continue;
    const auto found = listed.find(symbol.name);
    Declaration declaration;
    if (found != listed.end()) declaration = found->second;
    declaration.symbol = i;
    declaration.name = symbol.name;
    declaration.weak = symbol.binding == Binding::kWeak;
    if (declaration.section == Section::kKconfig) describe_config(*btf, declaration);
    all.push_back(std::move(declaration));
  }
  std::sort(all.begin(), all.end(), [](const Declaration& a, const Declaration& b) { return order(a) < order(b); });
  return all;
}

Unresolved missing_types(std::string_view what, std::string_view name) {
  return {cat("needs the kernel ", what, " '", name,
              "' (extern in .ksyms), which the kernel's types describe; give them (--btf FILE, or "
              "/sys/kernel/btf/vmlinux)")};
}

External resolve_function(const Declaration& declaration, std::uint32_t number, const Btf& btf, const Btf* target) {
  if (target == nullptr) return missing_types("function", declaration.name);
  const TypeId id = target->find_by_name<btf::Func>(core::essential_name(declaration.name));
  const auto* found = target->find<btf::Func>(id);
  const std::string where = cat("calls the kernel function '", declaration.name, "' (kfunc, extern in .ksyms), ");
  if (found == nullptr) {
    if (declaration.weak) return Absent{number};
    return Unresolved{where + "which the kernel does not have (modules are not looked at)"};
  }
  const auto fits = core::types_compatible(btf, declaration.function->prototype, *target, found->prototype);
  if (fits && *fits) return KernelFunction{id};
  if (declaration.weak) return Absent{number};
  return Unresolved{where + "which has another prototype in the kernel"};
}

External resolve_typed(const Declaration& declaration, std::uint32_t number, const Btf& btf, const Btf* target) {
  if (target == nullptr) return missing_types("variable", declaration.name);
  const TypeId id = target->find_by_name<btf::Var>(core::essential_name(declaration.name));
  const auto* found = target->find<btf::Var>(id);
  const std::string where = cat("needs the kernel variable '", declaration.name, "' (extern in .ksyms), ");
  if (found == nullptr) {
    if (declaration.weak) return Absent{number};
    return Unresolved{where + "which the kernel's types do not list"};
  }
  const auto fits =
      core::types_compatible(btf, btf.resolve(declaration.variable->type), *target, target->resolve(found->type));
  if (fits && *fits) return KernelVariable{id};
  return Unresolved{where + "which has another type in the kernel"};
}

/// Lines of /proc/kallsyms: "ffffffff81000000 T name" and, of modules, a tab and the module.
External resolve_untyped(const Declaration& declaration, std::uint32_t number, const ObjectOptions& options) {
  const std::string where = cat("needs the address of the kernel symbol '", declaration.name, "' (extern in .ksyms), ");
  if (options.target_symbols == nullptr)
    return Unresolved{where + "and the kernel's symbols (/proc/kallsyms) are not given"};
  const std::string_view text = *options.target_symbols;
  std::optional<std::uint64_t> found;
  for (std::size_t at = text.find(declaration.name); at != std::string_view::npos;
       at = text.find(declaration.name, at + 1)) {
    const std::size_t end = at + declaration.name.size();
    const bool whole = at != 0 && text[at - 1] == ' ' && (end == text.size() || text[end] == '\n' || text[end] == '\t');
    if (!whole) continue;
    const std::size_t newline = text.rfind('\n', at);
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    std::uint64_t address = 0;
    if (std::from_chars(text.data() + begin, text.data() + at, address, 16).ec != std::errc{}) continue;
    if (found && *found != address) return Unresolved{where + "which stands for several addresses"};
    found = address;
  }
  if (found) return KernelAddress{*found};
  if (declaration.weak) return Absent{number};
  return Unresolved{where + "which the kernel does not have"};
}

/// Lays the configuration values out in a map, as libbpf does.
class ConfigBuilder {
 public:
  explicit ConfigBuilder(const ObjectOptions& options) : options_(options) {}

  External add(const Declaration& declaration) {
    const std::string where =
        cat("needs the kernel configuration value '", declaration.name, "' (extern in .kconfig): ");
    if (!declaration.config) return Unresolved{where + declaration.problem};
    const ConfigType& type = *declaration.config;
    const std::size_t offset = (bytes_.size() + type.alignment - 1) / type.alignment * type.alignment;
    if (offset + type.size > kLargest) return Unresolved{where + "the values are too large together"};
    bytes_.resize(offset + type.size);
    const Status status =
        read_config_value(declaration.name, type, options_, std::span(bytes_).subspan(offset, type.size));
    if (!status && !(declaration.weak && status.error().code == Errc::kNotFound))
      return Unresolved{where + status.error().message};
    return ConfigValue{static_cast<std::uint32_t>(offset)};
  }

  std::optional<MapEntry> take(const std::shared_ptr<const Btf>& btf) {
    if (bytes_.empty()) return std::nullopt;
    return make_data_map({.section = ".kconfig", .object = options_.name, .size = bytes_.size(), .initial = bytes_},
                         btf);
  }

 private:
  static constexpr std::size_t kLargest = 1u << 20;
  const ObjectOptions& options_;
  std::vector<std::byte> bytes_;
};

}  // namespace

Externals read_externals(const ElfFile& file, const std::shared_ptr<const Btf>& btf, const ObjectOptions& options) {
  Externals result;
  ConfigBuilder config(options);
  const Btf* const target = options.target_btf.get();
  std::uint32_t number = 0;
  for (const Declaration& declaration : declarations(file, btf.get())) {
    External external =
        Unresolved{cat("needs '", declaration.name,
                       "', which the object does not define; link the objects with `bpftool gen object`")};
    if (declaration.section == Section::kKconfig) {
      external = config.add(declaration);
    } else if (declaration.function != nullptr) {
      external = resolve_function(declaration, number, *btf, target);
    } else if (declaration.variable != nullptr) {
      const bool typed = btf->resolve(declaration.variable->type) != 0;
      external =
          typed ? resolve_typed(declaration, number, *btf, target) : resolve_untyped(declaration, number, options);
    }
    result.by_symbol.emplace(declaration.symbol, std::move(external));
    ++number;
  }
  result.kconfig = config.take(btf);
  return result;
}

}  // namespace skep::loader
