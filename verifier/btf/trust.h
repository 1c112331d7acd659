// SPDX-License-Identifier: Apache-2.0
// Which fields of a live object point to live objects.
#pragma once
#include <cstdint>
#include <string_view>

#include "skep/btf.h"

namespace skep::verifier {

/// What a load of the field from an object that is known to be alive gives. kRcu: alive until the RCU read-side section
/// ends.
enum class Trust : std::uint8_t { kNone, kRcu, kRcuOrNull, kTrusted, kTrustedOrNull };

/// The kernel lists such fields of its structure X in structures that are called X__safe_rcu, X__safe_trusted and so
/// on.
Trust trust_of(const Btf& kernel, TypeId structure, std::string_view field);

}  // namespace skep::verifier
