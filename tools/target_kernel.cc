// SPDX-License-Identifier: Apache-2.0
#include "tools/target_kernel.h"

#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include "base/cat.h"
#include "base/try.h"
#include "skep/btf.h"
#include "skep/platform.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

constexpr const char* kBtf = "/sys/kernel/btf/vmlinux";
constexpr const char* kSymbols = "/proc/kallsyms";

std::string running_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

/// KERNEL_VERSION() of "6.18.5-generic"; 0: no version.
std::uint32_t version_of(const std::string& release) {
  unsigned major = 0, minor = 0, patch = 0;
  if (std::sscanf(release.c_str(), "%u.%u.%u", &major, &minor, &patch) < 2) return 0;
  return major << 16 | minor << 8 | std::min(patch, 255u);
}

/// A text that may be compressed.
Result<std::string> read_config(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return Error{Errc::kInvalid, cat("cannot open: ", std::strerror(errno))};
  constexpr std::size_t kLargest = 16u << 20;
  std::string text;
  char buffer[1 << 16];
  int count = 0;
  while ((count = gzread(file, buffer, sizeof(buffer))) > 0 && text.size() < kLargest)
    text.append(buffer, static_cast<std::size_t>(count));
  gzclose(file);
  if (count < 0) return Error{Errc::kMalformed, "damaged"};
  if (text.find("CONFIG_") == std::string::npos)
    return Error{Errc::kMalformed, "no line sets CONFIG_..., expected a kernel's configuration"};
  return text;
}

Result<Btf> read_types(const std::string& path) {
  TRY(const auto bytes, read_file(path));
  return Btf::parse(bytes);
}

/// The file that the user named, or the first of the usual ones that can be read; empty: there is none.
std::string choose(const std::string& named, std::initializer_list<std::string> usual) {
  if (!named.empty()) return named;
  const auto* const found =
      std::find_if(usual.begin(), usual.end(), [](const std::string& path) { return access(path.c_str(), R_OK) == 0; });
  return found == usual.end() ? std::string() : *found;
}

/// What the file holds; null: there is no file.
template <class T>
Result<std::shared_ptr<const T>> read_with(Result<T> (&read)(const std::string&), const std::string& path) {
  if (path.empty()) return std::shared_ptr<const T>();
  Result<T> contents = read(path);
  if (!contents) return in_file(path, contents.error());
  return std::make_shared<const T>(*std::move(contents));
}

/// A pointer into the kernel in a map's value.
bool has_kernel_pointers(const Btf& types) {
  for (TypeId id = 1; id < types.size(); ++id)
    if (const auto* tag = types.find<btf::TypeTag>(id);
        tag != nullptr && tag->value.find("kptr") != std::string_view::npos)
      return true;
  return false;
}

/// Takes or gives an object of the kernel.
bool names_kernel_type(const HelperProto& proto) {
  return proto.returns.kind == RetKind::PtrToBtfId || proto.returns.kind == RetKind::PtrToBtfIdOrNull ||
         std::any_of(proto.args.begin(), proto.args.end(), [](const Arg& arg) { return !arg.btf_type.empty(); });
}

bool calls_for_kernel_types(const Program& program) {
  return std::any_of(program.insns.begin(), program.insns.end(), [&](const isa::Insn& insn) {
    const auto* call = std::get_if<isa::Call>(&insn);
    if (call == nullptr || call->kind != isa::CallKind::kHelper) return false;
    const HelperProto* const proto = Platform::linux_like().helper(call->imm);
    return proto != nullptr && names_kernel_type(*proto);
  });
}

/// Looks into the kernel's structure of a map. To see it needs no more than straight code: the address is loaded for
/// that.
bool reads_a_map(const Program& program) {
  std::uint32_t maps = 0;  // Bit r: register r holds the address of a map.
  for (const isa::Insn& insn : program.insns) {
    const auto bit = [](isa::Reg reg) { return std::uint32_t{1} << reg.index; };
    if (const auto* load = std::get_if<isa::Load>(&insn)) {
      if ((maps & bit(load->base)) != 0) return true;
      maps &= ~bit(load->dst);
    } else if (const auto* constant = std::get_if<isa::LoadImm64>(&insn)) {
      maps &= ~bit(constant->dst);
      if (constant->kind == isa::Imm64Kind::kMapIndex) maps |= bit(constant->dst);
    } else if (const auto* alu = std::get_if<isa::Alu>(&insn)) {
      const auto* src = std::get_if<isa::Reg>(&alu->src);
      const bool copy = alu->op == isa::AluOp::kMov && src != nullptr && (maps & bit(*src)) != 0;
      if (alu->op == isa::AluOp::kMov) maps &= ~bit(alu->dst);
      if (copy) maps |= bit(alu->dst);
    } else if (!std::holds_alternative<isa::Store>(insn) && !std::holds_alternative<isa::Continuation>(insn)) {
      maps = 0;
    }
  }
  return false;
}

/// What a lookup in it gives is a map too, and may be looked into.
bool holds_maps(const MapSpec& map) { return map.type == MapType::kArrayOfMaps || map.type == MapType::kHashOfMaps; }

bool needs_kernel(const Object& object) {
  if (object.btf() != nullptr && has_kernel_pointers(*object.btf())) return true;
  if (std::any_of(object.maps().begin(), object.maps().end(), [](const auto& map) { return holds_maps(*map); }))
    return true;
  return std::any_of(object.programs().begin(), object.programs().end(), [](const Program& program) {
    if (calls_for_kernel_types(program) || reads_a_map(program)) return true;
    return !program.unsupported.empty() || program.type == ProgramType::kTracing || program.type == ProgramType::kLsm ||
           program.type == ProgramType::kStructOps || program.type == ProgramType::kExt ||
           program.type == ProgramType::kNetfilter;
  });
}

}  // namespace

void TargetKernel::add_options(CLI::App& command) {
  command
      .add_option("--btf", btf_path_, "Types of the kernel that the programs are for (default: the running kernel's)")
      ->check(CLI::ExistingFile);
  command.add_option("--kconfig", config_path_, "That kernel's configuration, may be compressed")
      ->check(CLI::ExistingFile);
}

Status TargetKernel::read() {
  if (!read_) read_ = read_files();
  return *read_;
}

Status TargetKernel::read_files() {
  const std::string release = running_release();
  TRY(known_.target_btf, read_with(read_types, choose(btf_path_, {kBtf})));
  TRY(known_.target_config,
      read_with(read_config, choose(config_path_, {"/proc/config.gz", "/boot/config-" + release})));
  TRY(known_.target_symbols, read_with(read_text, choose("", {kSymbols})));
  known_.target_version = version_of(release);
  return kOk;
}

Status TargetKernel::read_named() { return btf_path_.empty() && config_path_.empty() ? Status(kOk) : read(); }

Result<Object> TargetKernel::load(std::span<const std::byte> bytes, ObjectOptions options) {
  TRY_OK(read_named());
  // Reading the kernel's types takes longer than most objects do: first without.
  Result<Object> plain = Object::from_elf(bytes, options);
  if (!plain || (!needs_kernel(*plain) && btf_path_.empty())) return plain;
  TRY_OK(read());
  options.target_btf = known_.target_btf;
  options.target_config = known_.target_config;
  options.target_symbols = known_.target_symbols;
  options.target_version = known_.target_version;
  return Object::from_elf(bytes, options);
}

}  // namespace skep::tools
