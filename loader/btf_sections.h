// SPDX-License-Identifier: Apache-2.0
// .BTF and .BTF.ext of an object: relocated, parsed, and with the layout of the data sections filled in.
#pragma once
#include <memory>

#include "btf/btf_ext.h"
#include "loader/elf.h"

namespace skep::loader {

struct ObjectTypes {
  std::shared_ptr<const Btf> btf;  ///< Null: the object has none.
  BtfExt ext;
};
Result<ObjectTypes> read_types(const ElfFile& file);

}  // namespace skep::loader
