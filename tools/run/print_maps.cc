// SPDX-License-Identifier: Apache-2.0
#include "tools/run/print_maps.h"

#include <algorithm>
#include <cstring>
#include <ostream>
#include <string>

#include "skep/btf.h"

namespace skep::tools {
namespace {

using Json = nlohmann::ordered_json;
using Bytes = std::span<const std::byte>;

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

/// One CPU's part of a value.
struct CpuValue {
  std::uint32_t cpu = 0;
  Bytes bytes{};
};
std::vector<CpuValue> split_cpus(const MapSpec& spec, Bytes value) {
  const std::size_t step = (std::size_t{spec.value_size} + 7) / 8 * 8;
  std::vector<CpuValue> all;
  for (std::size_t at = 0; at + spec.value_size <= value.size(); at += step)
    all.push_back({static_cast<std::uint32_t>(at / step), value.subspan(at, spec.value_size)});
  return all;
}

/// Its elements exist from the start, so that most of them tend to be zero.
bool is_array(const Map& map) { return map.spec().type == MapType::kArray || map.spec().type == MapType::kPerCpuArray; }

/// Calls `entry(key, value)` for every element that is there, by ascending key: hash maps have an order that differs
/// from run to run.
template <class F>
void for_each_entry(Map& map, const F& entry) {
  const MapSpec& spec = map.spec();
  std::vector<std::byte> next(spec.key_size), value(map.user_value_size());
  std::vector<std::vector<std::byte>> keys;
  for (int result = map.next_key({}, next); result == 0; result = map.next_key(keys.back(), next)) keys.push_back(next);
  const auto less = [&](const auto& a, const auto& b) { return std::memcmp(a.data(), b.data(), spec.key_size) < 0; };
  if (!is_array(map)) std::sort(keys.begin(), keys.end(), less);
  for (const std::vector<std::byte>& key : keys)
    if (map.get(key, value) == 0) entry(Bytes(key), Bytes(value));
}

bool has_values(const MapTypeInfo* type) { return type != nullptr && type->value == MapValueKind::Plain; }
std::string text(const MapSpec& spec, std::uint32_t type, Bytes bytes, ValueFormat format) {
  if (spec.btf && type != 0) {
    Result<std::string> typed = print_value(*spec.btf, type, bytes, format);
    if (typed) return *typed;
  }
  return print_bytes(bytes, format);
}

void print_value_of(std::ostream& out, const Map& map, Bytes value) {
  const MapSpec& spec = map.spec();
  if (!find_info(spec.type)->per_cpu) {
    out << " = " << value_as_text(spec, spec.value_type_id, value) << '\n';
    return;
  }
  bool first = true;
  for (const CpuValue& cpu : split_cpus(spec, value)) {
    if (all_zero(cpu.bytes)) continue;
    out << (first ? " = cpu " : "; cpu ") << cpu.cpu << ": " << value_as_text(spec, spec.value_type_id, cpu.bytes);
    first = false;
  }
  out << (first ? " = 0 on every CPU\n" : "\n");
}

/// Array indices have no type in old-style declarations and in data sections; they are numbers all the same.
std::string key_text(const MapSpec& spec, Bytes key) {
  if (spec.key_type_id == 0 && key.size() == sizeof(std::uint32_t) && find_info(spec.type)->direct_value) {
    std::uint32_t index = 0;
    std::memcpy(&index, key.data(), sizeof(index));
    return std::to_string(index);
  }
  return value_as_text(spec, spec.key_type_id, key);
}
Json key_json(const MapSpec& spec, Bytes key) {
  const bool index = spec.key_type_id == 0 && find_info(spec.type)->direct_value;
  return index ? Json::parse(key_text(spec, key)) : value_as_json(spec, spec.key_type_id, key);
}

Json value_json(const Map& map, Bytes key, Bytes value) {
  const MapSpec& spec = map.spec();
  Json entry;
  entry["key"] = key_json(spec, key);
  if (!find_info(spec.type)->per_cpu) {
    entry["value"] = value_as_json(spec, spec.value_type_id, value);
    return entry;
  }
  entry["values"] = Json::array();
  for (const CpuValue& cpu : split_cpus(spec, value))
    entry["values"].push_back({{"cpu", cpu.cpu}, {"value", value_as_json(spec, spec.value_type_id, cpu.bytes)}});
  return entry;
}

}  // namespace

Json value_as_json(const MapSpec& spec, std::uint32_t type, Bytes bytes) {
  const std::string printed = text(spec, type, bytes, ValueFormat::kJson);
  Json value = Json::parse(printed, nullptr, false);
  return value.is_discarded() ? Json(printed) : value;
}
std::string value_as_text(const MapSpec& spec, std::uint32_t type, Bytes bytes) {
  return text(spec, type, bytes, ValueFormat::kText);
}

void print_maps_text(std::ostream& out, std::span<const std::shared_ptr<Map>> maps) {
  for (const std::shared_ptr<Map>& map : maps) {
    const MapSpec& spec = map->spec();
    const MapTypeInfo* type = find_info(spec.type);
    out << "map " << spec.name << " (" << (type != nullptr ? type->name : "unknown type");
    if (!has_values(type)) {
      out << ")\n";
      continue;
    }
    out << ", " << map->size() << " of " << spec.max_entries << " entries)\n";
    std::uint64_t zeros = 0;
    for_each_entry(*map, [&](Bytes key, Bytes value) {
      if (is_array(*map) && all_zero(value)) {
        ++zeros;
        return;
      }
      out << "  [" << key_text(spec, key) << ']';
      print_value_of(out, *map, value);
    });
    if (zeros != 0) out << "  " << zeros << (zeros == 1 ? " entry is zero\n" : " entries are zero\n");
  }
}

Json maps_as_json(std::span<const std::shared_ptr<Map>> maps) {
  Json all = Json::array();
  for (const std::shared_ptr<Map>& map : maps) {
    const MapSpec& spec = map->spec();
    const MapTypeInfo* type = find_info(spec.type);
    Json row = {{"name", spec.name}, {"type", type != nullptr ? type->name : "unknown"}};
    if (!spec.section.empty()) row["section"] = spec.section;
    row["max_entries"] = spec.max_entries;
    if (has_values(type)) {
      std::uint64_t zeros = 0;
      row["entries"] = Json::array();
      for_each_entry(*map, [&](Bytes key, Bytes value) {
        if (is_array(*map) && all_zero(value))
          ++zeros;
        else
          row["entries"].push_back(value_json(*map, key, value));
      });
      row["zero_entries"] = zeros;
    }
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace skep::tools
