// SPDX-License-Identifier: Apache-2.0
// skep asm: assembly -> bytecode.
#include <CLI/CLI.hpp>
#include <memory>

#include "skep/isa.h"
#include "tools/hex.h"
#include "tools/subcommand.h"
#include "tools/syntax.h"

namespace skep::tools {
namespace {

struct Options {
  std::string file = "-";
  std::string output = "-";
  std::string format;
  isa::Syntax syntax = isa::Syntax::kC;
};

std::string format_bytes(std::span<const std::byte> bytes, bool as_hex) {
  std::string text;
  if (!as_hex) {
    for (const std::byte byte : bytes) text += static_cast<char>(byte);
    return text;
  }
  for (; !bytes.empty(); bytes = bytes.subspan(sizeof(isa::RawInsn)))
    text += print_hex(bytes.first(sizeof(isa::RawInsn))) + "\n";
  return text;
}

ExitCode run(const Options& options) {
  const auto text = read_text(options.file);
  if (!text) return fail(options.file, text.error());
  const auto insns = isa::assemble(*text, options.syntax);
  if (!insns) return fail(options.file, insns.error());
  if (const Status status = isa::check_encoding(*insns); !status)
    std::fprintf(stderr, "skep: %s: note: %s\n", options.file.c_str(), status.error().message.c_str());
  const auto bytes = isa::to_bytes(isa::encode(*insns));
  const bool as_hex = options.format.empty() ? options.output == "-" : options.format == "hex";
  const Status written = write_file(options.output, format_bytes(bytes, as_hex));
  return written ? ExitCode::kOk : fail(written.error());
}

}  // namespace

Action add_asm(CLI::App& command) {
  const auto options = std::make_shared<Options>();
  command.add_option("FILE", options->file, "Assembly, one instruction a line")->default_str("-");
  command.add_option("-o,--output", options->output, "Where the bytecode goes")->default_str("-");
  command.add_option("--format", options->format, "Default: hex on standard output, binary in a file")
      ->check(CLI::IsMember({"binary", "hex"}));
  add_syntax_option(command, options->syntax);
  return [options] { return run(*options); };
}

}  // namespace skep::tools
