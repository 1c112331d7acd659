// SPDX-License-Identifier: Apache-2.0
#include "tools/run/fill_maps.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>

#include "base/try.h"
#include "tools/run/typed_value.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

/// Position of the ']' that ends the key: brackets and strings within the key do not count.
std::size_t end_of_key(std::string_view text, std::size_t begin) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '"' && text[i - 1] != '\\') quoted = !quoted;
    if (quoted) continue;
    if (text[i] == '[') ++depth;
    if (text[i] == ']' && depth-- == 0) return i;
  }
  return std::string_view::npos;
}

Result<Assignment> parse_assignment(const std::string& text, const std::string& where) {
  const std::size_t open = text.find('[');
  const std::size_t close = open == std::string::npos ? open : end_of_key(text, open + 1);
  if (close == std::string::npos || open == 0 || close + 1 >= text.size() || text[close + 1] != '=')
    return Error{Errc::kInvalid, where + ": \"" + text + "\" is not of the form NAME[KEY]=VALUE"};
  return Assignment{text.substr(0, open), text.substr(open + 1, close - open - 1), text.substr(close + 2), where};
}

Status parse_file(const std::string& path, std::vector<Assignment>& all) {
  const Result<std::string> text = read_text(path);
  if (!text) return in_file(path, text.error());
  std::istringstream lines(*text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') continue;
    TRY(Assignment assignment, parse_assignment(line.substr(first), path + ":" + std::to_string(number)));
    all.push_back(std::move(assignment));
  }
  return kOk;
}

Error at(const Assignment& assignment, const char* part, const Error& error) {
  return {error.code, assignment.where + ": " + assignment.map + ": " + part + ": " + error.message};
}

/// The value of one CPU of every CPU, rounded as Map::put wants it.
std::vector<std::byte> for_all_cpus(const Map& map, std::span<const std::byte> value) {
  std::vector<std::byte> all(map.user_value_size());
  const std::size_t step = (value.size() + 7) / 8 * 8;
  for (std::size_t at = 0; at + value.size() <= all.size(); at += step)
    std::copy(value.begin(), value.end(), all.begin() + static_cast<std::ptrdiff_t>(at));
  return all;
}

Error refused(const Assignment& assignment, int result) {
  return {Errc::kInvalid, assignment.where + ": " + assignment.map + "[" + assignment.key +
                              "]: the map refuses it: " + std::strerror(-result)};
}

/// By name, or as the only one by the section that its contents come from (.data, .bss).
std::shared_ptr<Map> find_map(const Vm& vm, const std::string& name) {
  if (auto map = vm.find_map(name)) return map;
  std::shared_ptr<Map> found;
  for (const std::shared_ptr<Map>& map : vm.maps()) {
    if (map->spec().section != name) continue;
    if (found) return nullptr;
    found = map;
  }
  return found;
}

Status fill_one(Vm& vm, const Assignment& assignment, const LoadProgram& load) {
  const std::shared_ptr<Map> map = find_map(vm, assignment.map);
  if (!map) return Error{Errc::kNotFound, assignment.where + ": no map " + assignment.map + "; " + names_of(vm.maps())};
  const MapSpec& spec = map->spec();
  const MapTypeInfo* type = find_info(spec.type);
  std::vector<std::byte> key(spec.key_size);
  if (const Status status = write_value(spec.btf.get(), spec.key_type_id, assignment.key, key); !status)
    return at(assignment, "key", status.error());
  if (spec.type == MapType::kProgArray) {
    TRY(const Image image, load(assignment.value));
    std::uint32_t index = 0;
    std::memcpy(&index, key.data(), sizeof(index));
    const int result = vm.set_tail_call(*map, index, image);
    return result == 0 ? Status(kOk) : refused(assignment, result);
  }
  if (type == nullptr || type->value != MapValueKind::Plain)
    return Error{Errc::kUnsupported, assignment.where + ": " + assignment.map + ": values of a map of type " +
                                         std::string(type != nullptr ? type->name : "unknown") +
                                         " cannot be given on the command line"};
  std::vector<std::byte> current(map->user_value_size());
  if (map->get(key, current) != 0) std::fill(current.begin(), current.end(), std::byte{0});
  std::vector<std::byte> value(current.begin(), current.begin() + spec.value_size);
  if (const Status status = write_value(spec.btf.get(), spec.value_type_id, assignment.value, value); !status)
    return at(assignment, "value", status.error());
  const int result = map->put(key, type->per_cpu ? for_all_cpus(*map, value) : value, UpdateFlag::kAny);
  return result == 0 ? Status(kOk) : refused(assignment, result);
}

}  // namespace

std::string names_of(const std::vector<std::shared_ptr<Map>>& maps) {
  std::string names;
  for (const auto& map : maps) names += (names.empty() ? "" : ", ") + map->spec().name;
  return names.empty() ? "the programs use none" : "there are: " + names;
}

Result<std::vector<Assignment>> parse_assignments(const std::vector<std::string>& texts) {
  std::vector<Assignment> all;
  for (const std::string& text : texts) {
    if (text.starts_with('@')) {
      TRY_OK(parse_file(text.substr(1), all));
      continue;
    }
    TRY(Assignment assignment, parse_assignment(text, "--map"));
    all.push_back(std::move(assignment));
  }
  return all;
}

Status fill_maps(Vm& vm, const std::vector<Assignment>& assignments, const LoadProgram& load) {
  for (const Assignment& assignment : assignments) TRY_OK(fill_one(vm, assignment, load));
  return kOk;
}

}  // namespace skep::tools
