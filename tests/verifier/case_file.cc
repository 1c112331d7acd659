// SPDX-License-Identifier: Apache-2.0
#include "tests/verifier/case_file.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <span>
#include <sstream>

#include "base/try.h"
#include "skep/btf.h"
#include "skep/isa.h"
#include "tests/verifier/case_types.h"

namespace skep::test {
namespace {

Error bad(const std::string& name, const std::string& what) { return {Errc::kMalformed, "case " + name + ": " + what}; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(trim(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}
std::uint32_t number(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The bytes of a text, in which \x20 stands for one.
std::vector<std::byte> contents(std::string_view text) {
  constexpr std::string_view kByte = "\\x";
  constexpr std::size_t kDigits = 2;
  std::vector<std::byte> bytes;
  while (!text.empty()) {
    std::uint8_t byte = static_cast<std::uint8_t>(text.front());
    std::size_t length = 1;
    if (text.starts_with(kByte) && text.size() >= kByte.size() + kDigits) {
      length = kByte.size() + kDigits;
      std::from_chars(text.data() + kByte.size(), text.data() + length, byte, 16);
    }
    bytes.push_back(std::byte{byte});
    text.remove_prefix(length);
  }
  return bytes;
}

/// Maps that belong to objects of the kernel: their values must have types.
bool is_storage(MapType type) {
  return type == MapType::kSkStorage || type == MapType::kInodeStorage || type == MapType::kTaskStorage ||
         type == MapType::kCgrpStorage;
}

Result<std::shared_ptr<MapSpec>> parse_map(std::string_view text, std::size_t index) {
  const std::size_t open = text.find('(');
  const std::string_view type = text.substr(0, open);
  const MapTypeInfo* const row = find_info(type);
  if (open == std::string_view::npos || row == nullptr)
    return Error{Errc::kMalformed, "map '" + std::string(text) + "': expected TYPE(key,value,entries[,flags])"};
  const auto fields = split(text.substr(open + 1, text.size() - open - 2), ',');
  auto spec = std::make_shared<MapSpec>();
  spec->name = "m" + std::to_string(index);
  spec->type = row->type;
  spec->key_size = number(fields.at(0));
  spec->value_size = number(fields.at(1));
  spec->max_entries = number(fields.at(2));
  if (fields.size() > 3) spec->flags = number(fields[3]);
  if (fields.size() > 4) {  // Contents, from here on frozen.
    spec->initial = contents(fields[4]);
    spec->initial.resize(spec->value_size);
    spec->frozen = true;
  }
  return spec;
}

Status parse_maps(std::string_view text, Case& test) {
  std::vector<std::shared_ptr<MapSpec>> specs;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    const std::size_t colon = word.find(':');
    TRY(auto spec, parse_map(word.substr(0, colon), specs.size()));
    const std::string_view otherwise = is_storage(spec->type) ? "long" : "";
    test.value_types.emplace_back(colon == std::string_view::npos ? otherwise : word.substr(colon + 1));
    if (is_storage(spec->type)) test.functions_return = "int";
    specs.push_back(std::move(spec));
  }
  for (std::size_t i = 0; i + 1 < specs.size(); ++i)
    if (find_info(specs[i]->type)->value == MapValueKind::Map) specs[i]->inner = specs[i + 1];
  test.program.maps.assign(specs.begin(), specs.end());
  return kOk;
}

/// The types of this machine's kernel; nullptr: it has none.
std::shared_ptr<const Btf> kernel_types() {
  static const std::shared_ptr<const Btf> types = [] {
    std::stringstream bytes;
    bytes << std::ifstream("/sys/kernel/btf/vmlinux", std::ios::binary).rdbuf();
    const std::string text = bytes.str();
    auto parsed = Btf::parse(std::as_bytes(std::span(text)));
    return parsed ? std::make_shared<const Btf>(*std::move(parsed)) : nullptr;
  }();
  return types;
}

Status parse_header(Case& test) {
  const auto parts = split(test.header, ';');
  test.name = parts[0];
  if (parts.size() < 2) return bad(test.name, "the header has no program type");
  const auto type = std::find_if(kProgramTypes.begin(), kProgramTypes.end(),
                                 [&](const ProgramTypeInfo& row) { return row.name == parts[1]; });
  if (type == kProgramTypes.end()) return bad(test.name, "unknown program type " + std::string(parts[1]));
  Program& program = test.program;
  program.name = "case";
  program.type = type->type;
  program.license = "GPL";
  program.sleepable = program.type == ProgramType::kSyscall;  // As the loader has it.
  if (parts.size() > 2) TRY_OK(parse_maps(parts[2], test));
  for (std::size_t i = 3; i < parts.size(); ++i) {
    const auto pair = split(parts[i], '=');
    if (pair.size() != 2) return bad(test.name, "expected key=value");
    if (pair[0] == "license")
      program.license = pair[1];
    else if (pair[0] == "sleepable")
      program.sleepable = number(pair[1]) != 0;
    else if (pair[0] == "functions")
      test.functions_return = pair[1];
    else if (pair[0] == "attach")
      program.attach_type = number(pair[1]);
    else if (pair[0] == "target") {
      program.attach_target = pair[1];
      program.target_btf = kernel_types();
      test.available = program.target_btf != nullptr;
    } else if (pair[0] == "flags")
      program.flags = number(pair[1]);
    else
      return bad(test.name, "unknown key " + std::string(pair[0]));
  }
  return kOk;
}

/// The first function, and every target of a local call or of a function's address.
std::vector<FunctionInfo> functions(const isa::Insns& insns) {
  std::vector<isa::InsnIndex> starts = {0};
  for (std::size_t at = 0; at < insns.size(); ++at) {
    if (const auto* call = std::get_if<isa::Call>(&insns[at]); call && call->kind == isa::CallKind::kLocal)
      starts.push_back(static_cast<isa::InsnIndex>(static_cast<std::int64_t>(at) + 1 + call->imm));
    if (const auto* load = std::get_if<isa::LoadImm64>(&insns[at]); load && load->kind == isa::Imm64Kind::kFunction)
      starts.push_back(static_cast<isa::InsnIndex>(static_cast<std::int64_t>(at) + 1 + load->low));
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<FunctionInfo> found;
  for (const auto start : starts)
    if (start < insns.size()) found.push_back({.first = start, .name = "f" + std::to_string(start)});
  return found;
}

/// Writes the number of each kernel function in place of its name.
void number_kfuncs(Case& test) {
  constexpr std::string_view kCall = "call kfunc ";
  std::string& text = test.assembly;
  for (std::size_t at = 0; (at = text.find(kCall, at)) != std::string::npos; at += kCall.size()) {
    const std::size_t begin = at + kCall.size();
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    if (!name.empty() && name.find_first_not_of("0123456789,") == std::string::npos) continue;
    test.program.target_btf = kernel_types();
    const TypeId id = test.program.target_btf == nullptr ? 0 : test.program.target_btf->find_by_name<btf::Func>(name);
    test.available = test.available && id != 0;
    text.replace(begin, end - begin, std::to_string(id));
  }
}

/// Where the first member of that name lies, however deep.
std::optional<std::uint32_t> member_offset(const Btf& btf, TypeId type, std::string_view name) {
  const auto* composite = btf.find<btf::Composite>(btf.resolve(type));
  if (composite == nullptr) return std::nullopt;
  for (const btf::Member& member : composite->members) {
    if (member.name == name) return member.bit_offset / 8;
    if (const auto inner = member_offset(btf, member.type, name)) return member.bit_offset / 8 + *inner;
  }
  return std::nullopt;
}

/// Writes the offset of each `{structure.member}` of the kernel in its place.
void number_members(Case& test) {
  std::string& text = test.assembly;
  for (std::size_t at = 0; (at = text.find('{', at)) != std::string::npos;) {
    const std::size_t dot = text.find('.', at), end = text.find('}', at);
    if (dot == std::string::npos || end == std::string::npos || dot > end) break;
    const auto kernel = kernel_types();
    const TypeId type = kernel == nullptr ? 0 : kernel->find_by_name<btf::Composite>(text.substr(at + 1, dot - at - 1));
    const auto offset = type == 0 ? std::nullopt : member_offset(*kernel, type, text.substr(dot + 1, end - dot - 1));
    test.available = test.available && offset;
    text.replace(at, end + 1 - at, std::to_string(offset.value_or(0)));
  }
}

/// Writes the number of each structure in place of `type[NAME]`.
std::string number_types(std::string text, const Btf& types) {
  constexpr std::string_view kType = "type[";
  for (std::size_t at = 0; (at = text.find(kType, at)) != std::string::npos;) {
    const std::size_t end = std::min(text.find(']', at), text.size() - 1);
    const std::string name = text.substr(at + kType.size(), end - at - kType.size());
    text.replace(at, end + 1 - at, std::to_string(types.find_by_name<btf::Composite>(name)));
  }
  return text;
}

/// The map's values are of that structure; its keys are numbers.
void type_values(Program& program, const std::vector<std::string>& value_types) {
  for (std::size_t i = 0; i < program.maps.size(); ++i) {
    if (value_types[i].empty()) continue;
    auto typed = std::make_shared<MapSpec>(*program.maps[i]);
    typed->btf = program.btf;
    typed->key_type_id = program.btf->find_by_name<btf::Int>("int");
    typed->value_type_id = value_types[i] == "long" ? program.btf->find_by_name<btf::Int>("long")
                                                    : program.btf->find_by_name<btf::Composite>(value_types[i]);
    for (auto& outer : program.maps)
      if (outer->inner == program.maps[i]) {
        auto copy = std::make_shared<MapSpec>(*outer);
        copy->inner = typed;
        outer = std::move(copy);
      }
    program.maps[i] = std::move(typed);
  }
}

Status finish(Case& test) {
  TRY_OK(parse_header(test));
  test.assembly = test.text;
  number_members(test);
  number_kfuncs(test);
  if (!test.functions_return.empty()) {
    std::vector<FunctionInfo> none;
    TRY(const std::shared_ptr<const Btf> types, give_types(none, test.functions_return));
    test.assembly = number_types(std::move(test.assembly), *types);
    test.program.target_btf = kernel_types();
  }
  auto insns = isa::assemble(test.assembly, isa::Syntax::kC);
  if (!insns) return bad(test.name, insns.error().message);
  test.program.insns = *std::move(insns);
  test.program.functions = functions(test.program.insns);
  if (!test.functions_return.empty()) {
    TRY(test.program.btf, give_types(test.program.functions, test.functions_return));
    type_values(test.program, test.value_types);
  }
  return kOk;
}

}  // namespace

Result<std::vector<Case>> parse_cases(std::string_view text) {
  std::vector<Case> cases;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("== ")) {
      cases.emplace_back().header = line.substr(3);
    } else if (cases.empty() || (line.empty() || cases.back().recorded)) {
      continue;
    } else if (line.starts_with("=> ")) {
      Case& test = cases.back();
      test.recorded = true;
      test.accepted = line == "=> accept";
      if (const std::size_t colon = line.find(": "); colon != std::string::npos) test.sentence = line.substr(colon + 2);
    } else {
      cases.back().text += line + "\n";
    }
  }
  for (Case& test : cases) TRY_OK(finish(test));
  return cases;
}

std::string print_cases(const std::vector<Case>& cases) {
  std::string text;
  for (const Case& test : cases) {
    text += "== " + test.header + "\n" + test.text;
    text += test.accepted ? "=> accept\n\n" : "=> reject: " + test.sentence + "\n\n";
  }
  return text;
}

Result<std::vector<CaseFile>> read_case_files(const std::filesystem::path& folder) {
  std::vector<CaseFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    auto cases = parse_cases(text.str());
    if (!cases) return Error{cases.error().code, entry.path().filename().string() + ": " + cases.error().message};
    files.push_back({entry.path(), *std::move(cases)});
  }
  std::sort(files.begin(), files.end(), [](const CaseFile& a, const CaseFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace skep::test
