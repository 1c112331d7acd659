// SPDX-License-Identifier: Apache-2.0
// ELF -> Object, step by step.
#include "skep/object.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/try.h"
#include "loader/btf_sections.h"
#include "loader/core.h"
#include "loader/function_types.h"
#include "loader/link.h"
#include "loader/sections.h"
#include "loader/struct_ops.h"
#include "skep/isa.h"

namespace skep {

using loader::ElfSection;
using loader::Function;
using loader::SectionIndex;

namespace {

// Subprograms are copied into each program that reaches them: these bound what a small file can make of that.
constexpr std::size_t kMaxSlots = 1'000'000;  // One program; the kernel's BPF_COMPLEXITY_LIMIT_INSNS.
constexpr std::size_t kMaxTotalSlots = 4'000'000;
constexpr std::size_t kMaxTotalText = 256u << 20;
constexpr std::size_t kMaxLicense = 127;  // The kernel copies 128 bytes with the NUL.
constexpr std::size_t kMaxSourceText = 1024;

/// Records of one section, sorted by offset.
template <class Record>
using BySection = std::vector<std::pair<std::string_view, std::vector<Record>>>;

template <class Record>
BySection<Record> sorted_records(const std::vector<SectionRecords<Record>>& tables) {
  BySection<Record> result;
  for (const auto& table : tables) {
    auto it =
        std::find_if(result.begin(), result.end(), [&](const auto& entry) { return entry.first == table.section; });
    if (it == result.end()) it = result.insert(it, {table.section, {}});
    it->second.insert(it->second.end(), table.records.begin(), table.records.end());
  }
  for (auto& [section, records] : result)
    std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  return result;
}

/// The records of the instructions of `function`.
template <class Record>
std::span<const Record> records_of(const BySection<Record>& all, std::string_view section, const Function& function) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == section; });
  if (it == all.end()) return {};
  const std::uint64_t begin = std::uint64_t{function.first} * sizeof(isa::RawInsn);
  const std::uint64_t end = begin + function.insns.size() * sizeof(isa::RawInsn);
  const auto before = [](const Record& record, std::uint64_t offset) { return record.offset < offset; };
  const auto first = std::lower_bound(it->second.begin(), it->second.end(), begin, before);
  const auto last = std::lower_bound(first, it->second.end(), end, before);
  return {first, last};
}

}  // namespace

class ObjectBuilder {
 public:
  ObjectBuilder(const loader::ElfFile& file, const ObjectOptions& options) : file_(file), options_(options) {}

  Result<Object> run() {
    TRY(types_, loader::read_types(file_));
    function_records_ = sorted_records(types_.ext.functions);
    line_records_ = sorted_records(types_.ext.lines);
    read_license();
    TRY(functions_, loader::read_functions(file_));
    loader::connect_types(types_, functions_);
    object_.btf_ = types_.btf;
    loader::relocate_core(file_, types_, options_.target_btf.get(), functions_);
    operations_ = loader::read_struct_ops(file_, types_.btf.get(), functions_);
    TRY_OK(read_maps());
    TRY_OK(list_relocations());
    for (std::size_t i = 0; i < functions_.size(); ++i)
      if (functions_[i].role == loader::Role::kProgram) TRY_OK(add_program(i));
    return std::move(object_);
  }

 private:
  void read_license() {
    if (const SectionIndex index = file_.find_section("license"); index != loader::kUndefinedSection)
      for (const std::byte byte : file_.sections[index].data) {
        if (byte == std::byte{0} || object_.license_.size() == kMaxLicense) break;
        object_.license_ += static_cast<char>(byte);
      }
    if (const SectionIndex index = file_.find_section("version"); index != loader::kUndefinedSection)
      version_ = read_at<std::uint32_t>(file_.sections[index].data, 0).value_or(0);
  }

  Status read_maps() {
    TRY(std::vector<loader::MapEntry> legacy, loader::read_legacy_maps(file_));
    TRY(std::vector<loader::MapEntry> declared, loader::read_btf_maps(file_, types_.btf));
    TRY(std::vector<loader::MapEntry> data, loader::read_data_maps(file_, types_.btf, options_.name));
    externals_ = loader::read_externals(file_, types_.btf, options_);
    if (externals_.kconfig) data.push_back(*externals_.kconfig);
    for (auto* list : {&legacy, &declared, &data})
      for (loader::MapEntry& entry : *list) {
        object_.maps_.push_back(entry.spec);
        maps_.push_back(std::move(entry));
      }
    return kOk;
  }

  Status list_relocations() {
    for (const ElfSection& section : file_.sections)
      for (const loader::ElfRelocation& relocation : section.relocations) {
        const loader::ElfSymbol& symbol = file_.symbols[relocation.symbol];
        const std::string_view target = symbol.type == loader::SymbolType::kSection && symbol.name.empty()
                                            ? file_.sections[symbol.section].name
                                            : symbol.name;
        TRY_OK(spend_text(section.name.size() + target.size()));
        object_.relocations_.push_back({.section = std::string(section.name),
                                        .offset = relocation.offset,
                                        .type = std::string(name(relocation.type)),
                                        .symbol = std::string(target)});
      }
    return kOk;
  }

  Status add_program(std::size_t index) {
    const std::size_t left = kMaxTotalSlots - slots_;
    const loader::LinkInput input{.file = file_, .functions = functions_, .maps = maps_, .externals = externals_};
    TRY(loader::LinkedProgram linked, link_program(input, index, std::min(kMaxSlots, left)));
    slots_ += linked.insns.size();
    Program program = describe(index);
    program.insns = isa::decode(linked.insns);
    for (const std::size_t map : linked.maps) program.maps.push_back(maps_[map].spec);
    program.unsupported = std::move(linked.unsupported);
    for (const loader::Placement& placement : linked.functions)
      TRY_OK(add_function(program, functions_[placement.function], placement.first));
    object_.programs_.push_back(std::move(program));
    return kOk;
  }

  [[nodiscard]] Program describe(std::size_t index) const {
    const Function& function = functions_[index];
    const std::string_view section = file_.sections[function.section].name;
    Program program;
    program.name = std::string(function.name);
    program.section = std::string(section.substr(section.starts_with('?') ? 1 : 0));
    program.type = options_.default_type;
    if (const auto meaning = loader::classify_section(section)) {
      program.type = meaning->type;
      program.attach_type = meaning->attach_type;
      program.attach_target = std::string(meaning->target);
      program.sleepable = meaning->sleepable;
      program.flags = meaning->flags;
    }
    if (program.type == ProgramType::kStructOps) {
      const auto operation = operations_.find(index);
      program.attach_target = operation == operations_.end() ? std::string() : operation->second;
    }
    program.license = object_.license_;
    program.kernel_version = version_;
    program.btf = types_.btf;
    program.target_btf = options_.target_btf;
    return program;
  }

  /// What BTF says of the function, moved to where it was placed.
  Status add_function(Program& program, const Function& function, std::uint32_t first) {
    const std::string_view section = file_.sections[function.section].name;
    FunctionInfo info{.first = first, .name = std::string(function.name), .btf_type_id = 0, .global = function.global};
    TRY_OK(spend_text(function.name.size()));
    const auto types = records_of(function_records_, section, function);
    if (!types.empty() && types[0].offset == function.first * sizeof(isa::RawInsn)) info.btf_type_id = types[0].type;
    program.functions.push_back(std::move(info));
    for (const LineRecord& record : records_of(line_records_, section, function)) {
      const auto slot = static_cast<InsnIndex>(record.offset / sizeof(isa::RawInsn) - function.first + first);
      if (!program.lines.empty() && program.lines.back().first == slot) continue;
      const std::string_view text = record.text.substr(0, kMaxSourceText);
      const std::string_view path = record.file.substr(0, kMaxSourceText);
      TRY_OK(spend_text(text.size() + path.size()));
      program.lines.push_back({.first = slot,
                               .file = std::string(path),
                               .text = std::string(text),
                               .line = record.line,
                               .column = record.column});
    }
    return kOk;
  }

  Status spend_text(std::size_t bytes) {
    text_ += bytes;
    if (text_ > kMaxTotalText)
      return Error{Errc::kLimit,
                   cat("the names and source lines of the programs take more than ", kMaxTotalText, " bytes")};
    return kOk;
  }

  const loader::ElfFile& file_;
  const ObjectOptions& options_;
  loader::ObjectTypes types_;
  BySection<FuncRecord> function_records_;
  BySection<LineRecord> line_records_;
  std::vector<Function> functions_;
  std::unordered_map<std::size_t, std::string> operations_;  // Of functions_, by number.
  std::vector<loader::MapEntry> maps_;
  loader::Externals externals_;
  std::uint32_t version_ = 0;
  std::size_t slots_ = 0;  // Of all programs so far.
  std::size_t text_ = 0;   // Characters copied into programs so far.
  Object object_;
};

Result<Object> Object::from_elf(std::span<const std::byte> bytes, const ObjectOptions& options) {
  TRY(const loader::ElfFile file, loader::read_elf(bytes));
  return ObjectBuilder(file, options).run();
}

const Program* Object::find_program(std::string_view name) const {
  const auto by_name =
      std::find_if(programs_.begin(), programs_.end(), [&](const Program& p) { return p.name == name; });
  if (by_name != programs_.end()) return &*by_name;
  const Program* found = nullptr;
  for (const Program& program : programs_) {
    if (program.section != name) continue;
    if (found != nullptr) return nullptr;
    found = &program;
  }
  return found;
}

}  // namespace skep
