// SPDX-License-Identifier: Apache-2.0
// What a program needs of the kernel that it runs on: kconfig values, kernel symbols, kfuncs, CO-RE. None of it is
// resolved yet; each is said clearly of the program that needs it.
#pragma once
#include <cstdint>
#include <string>

#include "btf/btf_ext.h"
#include "loader/elf.h"
#include "loader/functions.h"

namespace skep::loader {

/// Why `symbol`, which the object does not define, cannot be resolved.
std::string describe_external(const ElfSymbol& symbol, const Btf* btf);

}  // namespace skep::loader
