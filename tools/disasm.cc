// SPDX-License-Identifier: Apache-2.0
// skep disasm: bytecode, hexadecimal text or an ELF object -> assembly.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <variant>

#include "base/try.h"
#include "skep/isa.h"
#include "skep/object.h"
#include "tools/hex.h"
#include "tools/programs.h"
#include "tools/subcommand.h"
#include "tools/syntax.h"
#include "tools/target_kernel.h"

namespace skep::tools {
namespace {

/// kListing: number, bytes and text, as llvm-objdump -d; kPlain: what `skep asm` takes.
enum class Layout : std::uint8_t { kListing, kPlain };

struct Options {
  std::string file = "-";
  std::string program;
  std::optional<FileKind> kind;  ///< Empty: what the bytes look like.
  isa::Syntax syntax = isa::Syntax::kC;
  bool plain = false;
  TargetKernel kernel;
};

/// "       3:\tb7 00 00 00 07 00 00 00\tr0 = 7"; a 16-byte load's bytes in one line, as llvm-objdump has it.
std::string line(std::span<const isa::Insn> insns, isa::InsnIndex at, const std::string& text) {
  const bool wide = at + 1 < insns.size() && std::holds_alternative<isa::Continuation>(insns[at + 1]);
  const auto raw = isa::encode(insns.subspan(at, wide ? 2 : 1));
  char number[16];
  std::snprintf(number, sizeof number, "%8u:\t", at);
  return number + print_hex(std::as_bytes(std::span(raw))) + "\t" + text + "\n";
}

std::string listing(std::span<const isa::Insn> insns, isa::Syntax syntax, Layout layout,
                    const std::vector<FunctionInfo>& functions = {}) {
  std::string all;
  auto function = functions.begin();
  for (isa::InsnIndex at = 0; at < insns.size(); ++at) {
    for (; function != functions.end() && function->first <= at; ++function)
      if (!function->name.empty()) all += function->name + ":\n";
    const std::string text = isa::print(insns, at, syntax);
    if (text.empty()) continue;
    all += layout == Layout::kPlain ? text + "\n" : line(insns, at, text);
  }
  return all;
}

Result<std::string> disassemble_object(std::span<const std::byte> bytes, Options& options, Layout layout) {
  TRY(const Object object, options.kernel.load(bytes, {.name = options.file, .default_type = {}}));
  TRY(const std::vector<const Program*> chosen, choose_programs(object.programs(), options.program));
  std::string all;
  for (const Program* program : chosen) {
    const std::string comment = layout == Layout::kPlain ? "# " : "";
    all += comment + "program " + program->name + ", section " + program->section + "\n";
    all += listing(program->insns, options.syntax, layout, program->functions) + "\n";
  }
  return all;
}

Result<std::string> disassemble(std::span<const std::byte> bytes, Options& options) {
  const Layout layout = options.plain ? Layout::kPlain : Layout::kListing;
  const FileKind kind = options.kind.value_or(kind_of(bytes));
  if (kind == FileKind::kElf) return disassemble_object(bytes, options, layout);
  TRY(const isa::Insns insns, read_bytecode(bytes, kind));
  return listing(insns, options.syntax, layout);
}

std::optional<FileKind> kind_named(std::string_view name) {
  if (name == "elf") return FileKind::kElf;
  if (name == "binary") return FileKind::kBinary;
  return name == "hex" ? std::optional(FileKind::kHex) : std::nullopt;
}

ExitCode run(Options& options) {
  const auto bytes = read_file(options.file);
  if (!bytes) return fail(options.file, bytes.error());
  const auto text = disassemble(*bytes, options);
  if (!text) return fail(options.file, text.error());
  const Status written = write_file("-", *text);
  return written ? ExitCode::kOk : fail(written.error());
}

}  // namespace

Action add_disasm(CLI::App& command) {
  const auto options = std::make_shared<Options>();
  command.add_option("FILE", options->file, "An ELF object, bytecode, or bytecode in hexadecimal")->default_str("-");
  command
      .add_option_function<std::string>(
          "--format", [options](const std::string& name) { options->kind = kind_named(name); }, "What FILE is")
      ->check(CLI::IsMember({"auto", "elf", "binary", "hex"}));
  options->kernel.add_options(command);
  command.add_option("--program", options->program, "Only this program, or the programs of this section");
  command.add_flag("--plain", options->plain, "Text that `skep asm` takes: no numbers, no bytes");
  add_syntax_option(command, options->syntax);
  return [options] { return run(*options); };
}

}  // namespace skep::tools
