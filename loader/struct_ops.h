// SPDX-License-Identifier: Apache-2.0
// Tables of kernel operations that programs implement: variables of sections .struct_ops and .struct_ops.link.
#pragma once
#include <string>
#include <unordered_map>

#include "loader/elf.h"
#include "loader/functions.h"
#include "skep/btf.h"

namespace skep::loader {

/// "TYPE.MEMBER" of the first table that names the function, by its number; functions that no table names are left out.
std::unordered_map<std::size_t, std::string> read_struct_ops(const ElfFile& file, const Btf* btf,
                                                             const std::vector<Function>& functions);

}  // namespace skep::loader
