// SPDX-License-Identifier: Apache-2.0
// Structures of operations that programs implement (struct_ops): operations.def.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "skep/btf.h"

namespace skep::verifier {

bool is_operations(std::string_view structure);
bool may_implement(std::string_view structure, std::string_view member);
bool may_sleep(std::string_view structure, std::string_view member);
bool may_call(std::string_view structure, std::string_view member, std::string_view helper);
/// The structure that a pointer to `type` among the arguments really points to.
TypeId promoted(const Btf& kernel, std::string_view structure, TypeId type);

/// Empty: programs for this structure of operations may write the bytes. Otherwise why not, as the kernel's log has it.
std::string why_not_writable(const Btf& kernel, std::string_view structure, TypeId type, std::uint32_t offset,
                             std::uint32_t size);

}  // namespace skep::verifier
