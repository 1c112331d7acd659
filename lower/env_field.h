// SPDX-License-Identifier: Apache-2.0
// Where the members of Env are that a LoadEnv loads.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "lower/code.h"
#include "skep/env.h"

namespace skep::lower {

struct EnvFieldInfo {
  std::string_view name;
  isa::Size size{};
  std::int32_t offset = 0;
};
constexpr EnvFieldInfo info(EnvField field) {
  constexpr std::array<EnvFieldInfo, 2> kFields = {{
      {"cpu", isa::Size::k32, offsetof(Env, cpu)},
      {"context", isa::Size::k64, offsetof(Env, context)},
  }};
  return kFields[static_cast<std::size_t>(field)];
}
static_assert(sizeof(Env::cpu) == 4 && sizeof(Env::context) == 8);

}  // namespace skep::lower
