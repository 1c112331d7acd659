// SPDX-License-Identifier: Apache-2.0
// CO-RE relocations written into the instructions of an object's functions.
#pragma once
#include <span>
#include <vector>

#include "btf/core.h"
#include "loader/btf_sections.h"
#include "loader/functions.h"

namespace skep::loader {

/// Makes the first of `insns` hold what was decided; a poisoned one becomes a call that no kernel knows, which a
/// verifier rejects only where the program can reach it. Error: the instruction is none that can hold it.
Status patch_core(std::span<isa::RawInsn> insns, const core::Decision& decision);

/// Applies every record of `types`. A function with one that cannot be applied becomes Function::unsupported.
/// `target` may be null.
void relocate_core(const ElfFile& file, const ObjectTypes& types, const Btf* target, std::vector<Function>& functions);

}  // namespace skep::loader
