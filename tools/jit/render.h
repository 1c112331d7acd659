// SPDX-License-Identifier: Apache-2.0
// A JitListing for people, and for machines.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "tools/jit/listing.h"
#include "tools/sources.h"

namespace skep::tools {

std::string_view arch_name(jit::Arch arch);

/// Three columns under each source line: instructions, ops, machine code with its bytes. Lines end.
std::string render_listing(const JitListing& listing, Sources& sources);
/// program, section, type, arch, base, bytes, functions, parts.
nlohmann::ordered_json listing_json(const JitListing& listing, Sources& sources);

}  // namespace skep::tools
