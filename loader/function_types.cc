// SPDX-License-Identifier: Apache-2.0
#include "loader/function_types.h"

#include <algorithm>

namespace skep::loader {
namespace {

void make_static(ObjectTypes& types, const std::vector<Function>& functions) {
  std::vector<TypeId> ids;
  for (const Function& function : functions) {
    if (function.global) continue;
    for (const TypeId id : types.btf->all_by_name(function.name)) {
      const auto* type = types.btf->find<btf::Func>(id);
      if (type != nullptr && type->linkage == btf::Linkage::kGlobal) ids.push_back(id);
    }
  }
  if (!ids.empty()) types.btf = std::make_shared<const Btf>(types.btf->with_static_functions(ids));
}

std::vector<Function>::iterator find(std::vector<Function>& functions, std::string_view name) {
  return std::find_if(functions.begin(), functions.end(),
                      [&](const Function& function) { return function.global && function.name == name; });
}

}  // namespace

void connect_types(ObjectTypes& types, std::vector<Function>& functions) {
  if (types.btf == nullptr) return;
  make_static(types, functions);
  constexpr std::string_view kTag = "exception_callback:";
  for (TypeId id = 1; id < types.btf->size(); ++id) {
    const auto* tag = types.btf->find<btf::DeclTag>(id);
    if (tag == nullptr || tag->component || !tag->value.starts_with(kTag)) continue;
    const auto program = find(functions, types.btf->name(tag->target));
    const auto callback = find(functions, tag->value.substr(kTag.size()));
    if (program == functions.end() || callback == functions.end() || callback->role != Role::kSubprogram) continue;
    program->exception_callback = static_cast<std::size_t>(callback - functions.begin());
  }
}

}  // namespace skep::loader
