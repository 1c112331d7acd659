// SPDX-License-Identifier: Apache-2.0
// What the name of a section says of the programs in it.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/program_type.h"

namespace skep::loader {

struct SectionMeaning {
  ProgramType type{};
  std::uint32_t attach_type = 0;
  std::string_view target;  ///< Behind the '/' of a name that takes a target; else empty. A view into the name.
  bool sleepable = false;
  std::uint32_t flags = 0;  ///< program_flags
};
/// nullopt: the name says nothing (libbpf: "missing BPF prog type, check ELF section name").
std::optional<SectionMeaning> classify_section(std::string_view name);

}  // namespace skep::loader
