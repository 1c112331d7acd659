// SPDX-License-Identifier: Apache-2.0
#include "loader/externs.h"

#include "base/cat.h"

namespace skep::loader {

namespace {

/// Name of the data section that lists the external variable or function; empty: BTF does not know it.
std::string_view listing_section(std::string_view symbol, const Btf& btf) {
  const TypeId var = btf.find_by_name<btf::Var>(symbol);
  const TypeId func = btf.find_by_name<btf::Func>(symbol);
  for (TypeId id = 1; id < btf.size(); ++id) {
    const auto* section = btf.find<btf::DataSec>(id);
    if (section == nullptr || (section->name != ".kconfig" && section->name != ".ksyms")) continue;
    for (const btf::SectionVar& entry : section->vars)
      if (entry.var != 0 && (entry.var == var || entry.var == func)) return section->name;
  }
  return {};
}

}  // namespace

std::string describe_external(const ElfSymbol& symbol, const Btf* btf) {
  const std::string_view section = btf == nullptr ? std::string_view{} : listing_section(symbol.name, *btf);
  if (section == ".kconfig")
    return cat("needs the kernel configuration value '", symbol.name, "' (extern in .kconfig), which is not supported");
  if (section == ".ksyms" && btf->find_by_name<btf::Func>(symbol.name) != 0)
    return cat("calls the kernel function '", symbol.name, "' (kfunc, extern in .ksyms), which is not supported");
  if (section == ".ksyms")
    return cat("needs the kernel symbol '", symbol.name, "' (extern in .ksyms), which is not supported");
  return cat("needs '", symbol.name, "', which the object does not define; link the objects with `bpftool gen object`");
}

}  // namespace skep::loader
