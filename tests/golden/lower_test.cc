// SPDX-License-Identifier: Apache-2.0
// What lowering makes of small programs: files of tests/golden/lower; and what passes make of that: those of
// tests/golden/optimize. `-- TYPE` or `-- trusted` begins the assembly (C syntax, maps by number), `-- passes NAME,...`
// in its first line says which passes run, `-- lowered` begins the text that lower::print gives. UPDATE_GOLDEN=1 writes
// the files anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <sstream>

#include "lower/lower.h"
#include "lower/optimize/optimize.h"
#include "lower/print.h"
#include "skep/btf.h"
#include "skep/isa.h"

namespace skep {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(SKEP_SOURCE_DIR) / "tests/golden";

struct GoldenFile {
  std::string input;  // All before the expected text.
  std::string kind;   // "trusted", or the program type.
  PassSet passes;
  std::string assembly;
  std::string want;
};

PassSet passes_of(const std::string& names) {
  PassSet passes;
  std::stringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    const auto* row = std::ranges::find(kPasses, name, &PassInfo::name);
    if (row == std::end(kPasses)) {
      ADD_FAILURE() << "no pass " << name;
    } else {
      passes = passes.with(static_cast<Pass>(row - std::begin(kPasses)));
    }
  }
  return passes;
}

GoldenFile read(const std::string& name) {
  std::ifstream in(kFolder / (name + ".txt"));
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  const std::string marker = "-- lowered\n";
  const std::size_t split = all.find(marker);
  GoldenFile file;
  file.input = all.substr(0, split);
  if (split != std::string::npos) file.want = all.substr(split + marker.size());
  const std::size_t line = file.input.find("-- ");
  const std::size_t end = file.input.find('\n', line);
  file.kind = file.input.substr(line + 3, end - line - 3);
  file.assembly = file.input.substr(end + 1);
  const std::string passes = "-- passes ";
  if (file.assembly.starts_with(passes)) {
    const std::size_t line_end = file.assembly.find('\n');
    file.passes = passes_of(file.assembly.substr(passes.size(), line_end - passes.size()));
    file.assembly.erase(0, line_end + 1);
  }
  return file;
}

/// Maps that the files name by number; a program has those up to the last that it names.
std::vector<std::shared_ptr<const MapSpec>> maps_of(const Program& program) {
  const MapSpec one{.name = "m", .type = MapType::kArray, .key_size = 4, .value_size = 8, .max_entries = 1};
  const auto several = [&](MapType type, std::uint32_t value_size) {
    MapSpec spec = one;
    spec.type = type;
    spec.value_size = value_size;
    spec.max_entries = 5;
    return spec;
  };
  MapSpec outer = several(MapType::kArrayOfMaps, 4);
  outer.inner = std::make_shared<const MapSpec>(several(MapType::kHash, 8));
  const std::vector<MapSpec> all = {one,   several(MapType::kArray, 8), several(MapType::kPerCpuArray, 12),
                                    outer, several(MapType::kHash, 8),  several(MapType::kProgArray, 4)};
  std::size_t count = 1;
  for (const isa::Insn& insn : program.insns)
    if (const auto* load = std::get_if<isa::LoadImm64>(&insn);
        load != nullptr && load->kind == isa::Imm64Kind::kMapIndex)
      count = std::max(count, static_cast<std::size_t>(load->low) + 1);
  std::vector<std::shared_ptr<const MapSpec>> maps;
  for (std::size_t i = 0; i < std::min(count, all.size()); ++i) maps.push_back(std::make_shared<const MapSpec>(all[i]));
  return maps;
}

/// One function without arguments and result, of type 2: BTF has no less to say of a static function.
std::shared_ptr<const Btf> types_of_a_function() {
  constexpr std::uint32_t kProto = 13u << 24, kFunc = 12u << 24, kTypeBytes = 24;
  const std::vector<std::uint32_t> words = {0x0001eb9f, 24,     0, kTypeBytes, kTypeBytes, 4,  // The header.
                                            0,          kProto, 0,                             // 1
                                            1,          kFunc,  1,                             // 2
                                            0x00006700};                                       // "", "g"
  Result<Btf> btf = Btf::parse(std::as_bytes(std::span(words)));
  if (!btf) ADD_FAILURE() << btf.error().message;
  return btf ? std::make_shared<const Btf>(*std::move(btf)) : nullptr;
}

/// Linux wants types of all functions where a program takes the address of one.
void describe_functions(Program& program) {
  std::set<InsnIndex> first;
  bool takes_address = false;
  for (const FunctionInfo& function : program.functions) first.insert(function.first);
  for (InsnIndex at = 0; at < program.insns.size(); ++at) {
    const auto* load = std::get_if<isa::LoadImm64>(&program.insns[at]);
    if (load == nullptr || load->kind != isa::Imm64Kind::kFunction) continue;
    first.insert(static_cast<InsnIndex>(std::int64_t{at} + 1 + load->low));
    takes_address = true;
  }
  if (!takes_address) return;
  program.btf = types_of_a_function();
  program.functions.clear();
  for (const InsnIndex at : first) program.functions.push_back({.first = at, .name = "g", .btf_type_id = 2});
}

Program program_of(const GoldenFile& file) {
  Program program;
  Result<isa::Insns> insns = isa::assemble(file.assembly, isa::Syntax::kC);
  if (!insns) {
    ADD_FAILURE() << insns.error().message;
    return program;
  }
  program.insns = *insns;
  program.license = "GPL";
  program.sleepable = file.kind == "syscall";  // Others of this type do not load.
  program.functions = {{.first = 0, .name = "f"}};
  for (const ProgramTypeInfo& row : kProgramTypes)
    if (row.name == file.kind) program.type = row.type;
  program.maps = maps_of(program);
  for (InsnIndex at = 0; at < program.insns.size(); ++at)
    if (const auto* call = std::get_if<isa::Call>(&program.insns[at]);
        call != nullptr && call->kind == isa::CallKind::kLocal)
      program.functions.push_back(
          {.first = static_cast<InsnIndex>(static_cast<std::int64_t>(at) + 1 + call->imm), .name = "g"});
  describe_functions(program);
  return program;
}

std::string lowered(const VerifiedProgram& program, PassSet passes) {
  Result<lower::Code> code = lower::lower(program, Platform::linux_like());
  if (!code) return "error: " + code.error().message + "\n";
  constexpr lower::Spares kTwo{.regs = 0b11 << lower::kFirstSpare, .frame = 0, .saved = 0, .lost = nullptr};
  return lower::print(lower::optimize(*std::move(code), passes, program.facts(), kTwo));
}

std::string lowered(const GoldenFile& file) {
  Program program = program_of(file);
  if (file.kind == "trusted")
    return lowered(VerifiedProgram::trust_without_verification(std::move(program)), file.passes);
  const Verdict verdict = verify(std::move(program));
  if (const auto* rejection = std::get_if<Rejection>(&verdict)) return "rejected: " + message(rejection->reason) + "\n";
  return lowered(std::get<VerifiedProgram>(verdict), file.passes);
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, LowersAsWritten) {
  const GoldenFile file = read(GetParam());
  const std::string got = lowered(file);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kFolder / (GetParam() + ".txt")) << file.input << "-- lowered\n" << got;
    return;
  }
  EXPECT_EQ(file.want, got);
}

std::vector<std::string> names(const char* folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder / folder))
    out.push_back(folder + ("/" + entry.path().stem().string()));
  std::ranges::sort(out);
  return out;
}
std::string short_name(const testing::TestParamInfo<std::string>& test) {
  return test.param.substr(test.param.find('/') + 1);
}
INSTANTIATE_TEST_SUITE_P(Lower, Golden, testing::ValuesIn(names("lower")), short_name);
INSTANTIATE_TEST_SUITE_P(Optimize, Golden, testing::ValuesIn(names("optimize")), short_name);

}  // namespace
}  // namespace skep
