// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "skep/btf.h"
#include "verifier/engine/layout.h"

namespace skep::verifier {

std::variant<std::optional<InsnIndex>, Diagnostic> find_exception_callback(const Program& program) {
  constexpr std::string_view kTag = "exception_callback:";
  if (program.btf == nullptr || program.functions.empty()) return std::nullopt;
  const Btf& btf = *program.btf;
  std::optional<std::string_view> name;
  for (TypeId id = 1; id < btf.size(); ++id) {
    const auto* tag = btf.find<btf::DeclTag>(id);
    const bool names = tag != nullptr && tag->target == program.functions.front().btf_type_id && !tag->component &&
                       tag->value.starts_with(kTag);
    if (!names) continue;
    if (name) return Diagnostic{.code = DiagCode::kManyExceptionCallbacks};
    name = tag->value.substr(kTag.size());
  }
  if (!name) return std::nullopt;
  const auto found = std::find_if(
      program.functions.begin(), program.functions.end(),
      [&](const FunctionInfo& function) { return function.global && btf.name(function.btf_type_id) == *name; });
  if (found == program.functions.end())
    return Diagnostic{.code = DiagCode::kNoExceptionCallback, .args = {std::string(*name)}};
  return found->first;
}

}  // namespace skep::verifier
