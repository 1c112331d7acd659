// SPDX-License-Identifier: Apache-2.0
// `skep dump OBJECT`: what an ELF object holds, as skep loads it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/cat.h"
#include "skep/btf.h"
#include "skep/object.h"
#include "tools/subcommand.h"
#include "tools/target_kernel.h"

namespace skep::tools {

namespace {

using Json = nlohmann::ordered_json;

struct DumpOptions {
  std::string path;
  bool json = false;
  TargetKernel kernel;
  bool programs = false, maps = false, types = false, relocations = false, lines = false;
  [[nodiscard]] bool all() const { return !programs && !maps && !types && !relocations && !lines; }
};

std::string type_name(const MapSpec& map) {
  const MapTypeInfo* row = find_info(map.type);
  return row == nullptr ? cat("type ", static_cast<unsigned>(map.type)) : std::string(row->name);
}
std::string c_type(const MapSpec& map, TypeId type) {
  return type == 0 || map.btf == nullptr ? std::string() : print_declaration(*map.btf, type, "");
}
std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

void print_programs(const Object& object) {
  std::printf("programs:\n");
  for (const Program& program : object.programs()) {
    std::printf("  %s: section %s, type %s, %zu instructions%s\n", program.name.c_str(), program.section.c_str(),
                std::string(info(program.type).name).c_str(), program.insns.size(),
                program.sleepable ? ", sleepable" : "");
    if (!program.attach_target.empty()) std::printf("    target: %s\n", program.attach_target.c_str());
    if (!program.unsupported.empty()) std::printf("    cannot run: %s\n", program.unsupported.c_str());
    for (const FunctionInfo& function : program.functions) {
      const std::string text =
          function.btf_type_id == 0 ? function.name + "()" : print_definition(*program.btf, function.btf_type_id);
      std::printf("    function at %u: %s%s\n", function.first, function.global ? "" : "static ", text.c_str());
    }
    for (const auto& map : program.maps) std::printf("    uses map: %s\n", map->name.c_str());
  }
}

void print_map(const MapSpec& map, const std::string& indent) {
  std::printf("%s%s: %s, key %u bytes, value %u bytes, max_entries %u", indent.c_str(), map.name.c_str(),
              type_name(map).c_str(), map.key_size, map.value_size, map.max_entries);
  if (map.flags != 0) std::printf(", flags %s", hex(map.flags).c_str());
  if (map.map_extra != 0) std::printf(", map_extra %s", hex(map.map_extra).c_str());
  if (map.pinned_by_name) std::printf(", pinned by name");
  if (!map.section.empty()) std::printf(", section %s", map.section.c_str());
  std::printf("\n");
  if (const std::string key = c_type(map, map.key_type_id); !key.empty())
    std::printf("%s  key: %s\n", indent.c_str(), key.c_str());
  if (const std::string value = c_type(map, map.value_type_id); !value.empty())
    std::printf("%s  value: %s\n", indent.c_str(), value.c_str());
  if (!map.initial.empty() && map.btf != nullptr && map.value_type_id != 0)
    if (const auto text = print_value(*map.btf, map.value_type_id, map.initial, ValueFormat::kText))
      std::printf("%s  initially: %s\n", indent.c_str(), text->c_str());
  for (const MapSpec::Slot& slot : map.slots)
    std::printf("%s  [%u] = %s\n", indent.c_str(), slot.index, slot.target.c_str());
  if (map.inner != nullptr) print_map(*map.inner, indent + "  ");
}
void print_maps(const Object& object) {
  std::printf("maps:\n");
  for (const auto& map : object.maps()) print_map(*map, "  ");
}

void print_types(const Object& object) {
  std::printf("types:\n");
  if (object.btf() == nullptr) return;
  for (TypeId id = 1; id < object.btf()->size(); ++id)
    std::printf("  [%u] %s\n", id, print_definition(*object.btf(), id).c_str());
}

void print_relocations(const Object& object) {
  std::printf("relocations:\n");
  for (const RelocationInfo& relocation : object.relocations())
    std::printf("  %s+%s %s %s\n", relocation.section.c_str(), hex(relocation.offset).c_str(), relocation.type.c_str(),
                relocation.symbol.c_str());
}

void print_lines(const Object& object) {
  for (const Program& program : object.programs()) {
    std::printf("lines of %s:\n", program.name.c_str());
    for (const LineInfo& line : program.lines)
      std::printf("  %u: %s:%u:%u  %s\n", line.first, line.file.c_str(), line.line, line.column, line.text.c_str());
  }
}

Json json_of(const Program& program) {
  Json functions = Json::array();
  for (const FunctionInfo& function : program.functions)
    functions.push_back({{"first", function.first},
                         {"name", function.name},
                         {"global", function.global},
                         {"btf_type_id", function.btf_type_id}});
  Json lines = Json::array();
  for (const LineInfo& line : program.lines)
    lines.push_back({{"first", line.first},
                     {"file", line.file},
                     {"line", line.line},
                     {"column", line.column},
                     {"text", line.text}});
  Json maps = Json::array();
  for (const auto& map : program.maps) maps.push_back(map->name);
  return {{"name", program.name},
          {"section", program.section},
          {"type", info(program.type).name},
          {"attach_type", program.attach_type},
          {"attach_target", program.attach_target},
          {"sleepable", program.sleepable},
          {"insns", program.insns.size()},
          {"unsupported", program.unsupported},
          {"maps", std::move(maps)},
          {"functions", std::move(functions)},
          {"lines", std::move(lines)}};
}
Json json_of(const MapSpec& map) {
  Json slots = Json::array();
  for (const MapSpec::Slot& slot : map.slots) slots.push_back({{"index", slot.index}, {"target", slot.target}});
  return {{"name", map.name},
          {"section", map.section},
          {"type", type_name(map)},
          {"key_size", map.key_size},
          {"value_size", map.value_size},
          {"max_entries", map.max_entries},
          {"flags", map.flags},
          {"map_extra", map.map_extra},
          {"pinned_by_name", map.pinned_by_name},
          {"key", c_type(map, map.key_type_id)},
          {"value", c_type(map, map.value_type_id)},
          {"inner", map.inner == nullptr ? Json() : json_of(*map.inner)},
          {"slots", std::move(slots)}};
}
Json json_of(const Object& object) {
  Json programs = Json::array(), maps = Json::array(), relocations = Json::array(), types = Json::array();
  for (const Program& program : object.programs()) programs.push_back(json_of(program));
  for (const auto& map : object.maps()) maps.push_back(json_of(*map));
  for (const RelocationInfo& relocation : object.relocations())
    relocations.push_back({{"section", relocation.section},
                           {"offset", relocation.offset},
                           {"type", relocation.type},
                           {"symbol", relocation.symbol}});
  if (object.btf() != nullptr)
    for (TypeId id = 1; id < object.btf()->size(); ++id)
      types.push_back({{"id", id}, {"name", object.btf()->name(id)}, {"c", print_definition(*object.btf(), id)}});
  return {{"license", object.license()},
          {"programs", std::move(programs)},
          {"maps", std::move(maps)},
          {"relocations", std::move(relocations)},
          {"types", std::move(types)}};
}

ExitCode run(DumpOptions& options) {
  const auto bytes = read_file(options.path);
  if (!bytes) return fail(options.path, bytes.error());
  const auto object = options.kernel.load(*bytes, {.name = options.path, .default_type = ProgramType::kUnspec});
  if (!object) return fail(options.path, object.error());
  if (options.json) {
    // Names in an object are bytes; what is not UTF-8 becomes U+FFFD.
    std::printf("%s\n", json_of(*object).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return ExitCode::kOk;
  }
  if (options.all()) std::printf("license: %s\n", object->license().c_str());
  if (options.all() || options.programs) print_programs(*object);
  if (options.all() || options.maps) print_maps(*object);
  if (options.all() || options.types) print_types(*object);
  if (options.all() || options.relocations) print_relocations(*object);
  if (options.all() || options.lines) print_lines(*object);
  return ExitCode::kOk;
}

}  // namespace

Action add_dump(CLI::App& command) {
  auto options = std::make_shared<DumpOptions>();
  command.add_option("object", options->path, "ELF object, as clang -target bpf makes it")->required();
  options->kernel.add_options(command);
  command.add_flag("--json", options->json, "One JSON object with everything");
  command.add_flag("--programs", options->programs, "Only programs, with their functions");
  command.add_flag("--maps", options->maps, "Only maps");
  command.add_flag("--types", options->types, "Only BTF types, in C");
  command.add_flag("--relocations", options->relocations, "Only relocations");
  command.add_flag("--lines", options->lines, "Only the source line of each instruction");
  return [options] { return run(*options); };
}

}  // namespace skep::tools
