// SPDX-License-Identifier: Apache-2.0
// The contents of maps, typed through BTF.
#pragma once
#include <iosfwd>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "skep/map.h"

namespace skep::tools {

/// Value of type `type` in `bytes` as JSON; without a type, or when it does not fit, hexadecimal digits.
nlohmann::ordered_json value_as_json(const MapSpec& spec, std::uint32_t type, std::span<const std::byte> bytes);
std::string value_as_text(const MapSpec& spec, std::uint32_t type, std::span<const std::byte> bytes);

/// Entries of arrays that are all zero are counted, not printed; likewise the CPUs of a per-CPU value.
void print_maps_text(std::ostream& out, std::span<const std::shared_ptr<Map>> maps);
/// [{"name", "type", "entries": [{"key", "value"} or {"key", "values": [{"cpu", "value"}]}], "zero_entries"}]
nlohmann::ordered_json maps_as_json(std::span<const std::shared_ptr<Map>> maps);

}  // namespace skep::tools
