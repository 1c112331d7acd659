// SPDX-License-Identifier: Apache-2.0
// When an object of one of the kernel's types may be passed for one of another.
#pragma once
#include <cstdint>

#include "skep/btf.h"

namespace skep::verifier {

enum class Matching : std::uint8_t {
  kExact,     ///< The type itself, at offset 0: its owner will free it as such.
  kEmbedded,  ///< The object may also lie at `offset` inside the one pointed to (C: the first member of a structure).
};
/// A pointer to `type` plus `offset` points to a `wanted`. Both are resolved ids of `btf`.
bool struct_matches(const Btf& btf, TypeId type, std::int64_t offset, TypeId wanted, Matching how);
/// One of the types is an alias of the other that must not be passed for it: "nf_conn" and "nf_conn___init"
/// (docs.kernel.org/bpf/kfuncs.html, section 2.6).
bool is_no_cast_alias(const Btf& btf, TypeId a, TypeId b);

}  // namespace skep::verifier
