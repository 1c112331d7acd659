// SPDX-License-Identifier: Apache-2.0
// Values that a user writes on the command line, as the bytes of a BTF type.
//
// A value is JSON ({"member": ...}, [...], numbers, strings) or bare text. Text stands for, by the type it is read as:
//   a number        80  -1  0x50  true
//   an enumerator   XDP_DROP
//   characters      eth0                          (arrays of char)
//   an address      10.1.0.2  fd00::1  02:00:00:00:00:01   (of the type's size, in network order)
//   network order   be16:80  be32:1  be64:1       (followed by zeros up to the type's size)
//   bytes           hex:0a01                      (as many as the type has)
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/btf.h"

namespace skep::tools {

/// Overwrites what `text` says of the value in `to`: members of a structure that it does not name stay as they are.
/// `type` 0 or `btf` null: no type is known. Error: names the place within the value, what was found and what the type
/// wants.
Status write_value(const Btf* btf, TypeId type, std::string_view text, std::span<std::byte> to);

}  // namespace skep::tools
