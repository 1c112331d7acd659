// SPDX-License-Identifier: Apache-2.0
// skep conformance-plugin: one run of one program for the bpf_conformance project's runner, which gives the memory as
// an argument and the program on standard input, both in hexadecimal, and reads r0 in hexadecimal from standard output.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/try.h"
#include "skep/isa.h"
#include "skep/object.h"
#include "skep/vm.h"
#include "tools/hex.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

struct Options {
  std::string memory;
  std::string program;
  Engine engine = Engine::kInterpreter;
  bool is_elf = false;
  bool debug = false;
};

Result<Program> read_program(const Options& options) {
  std::string text = options.program;
  if (text.empty()) {
    auto input = read_text("-");
    if (!input) return in_file("-", input.error());
    text = std::move(*input);
  }
  TRY(const auto bytes, parse_hex(text));
  if (options.is_elf) {
    TRY(const Object object, Object::from_elf(bytes, {.name = "program", .default_type = {}}));
    if (object.programs().empty()) return Error{Errc::kNotFound, "the object holds no program"};
    return object.programs().front();
  }
  TRY(const auto raw, isa::raw_from_bytes(bytes));
  Program program;
  program.name = "program";
  program.insns = isa::decode(raw);
  TRY_OK(isa::check_encoding(program.insns));
  return program;
}

Result<RunResult> execute(const Options& options) {
  TRY(Program program, read_program(options));
  TRY(std::vector<std::byte> memory, parse_hex(options.memory));
  if (options.debug)
    for (isa::InsnIndex at = 0; at < program.insns.size(); ++at)
      std::fprintf(stderr, "%4u: %s\n", at, isa::print(program.insns, at, isa::Syntax::kC).c_str());
  Vm vm(Platform::linux_like(), VmOptions{.engine = options.engine, .cpus = 1, .host = nullptr});
  TRY(const Image image, vm.load(VerifiedProgram::trust_without_verification(std::move(program))));
  RunOptions run;
  run.checked = options.engine == Engine::kInterpreter;
  return image.run(memory, run);
}

ExitCode run(const Options& options) {
  const auto result = execute(options);
  if (!result) return fail(result.error());
  if (result->trap != Trap::kNone) {
    std::fprintf(stderr, "skep: the program trapped at instruction %u\n", result->at);
    return ExitCode::kNegative;
  }
  std::printf("%llx\n", static_cast<unsigned long long>(result->r0));
  return ExitCode::kOk;
}

}  // namespace

Action add_conformance_plugin(CLI::App& command) {
  const auto options = std::make_shared<Options>();
  command.add_option("MEMORY", options->memory, "What r1 points to, in hexadecimal; r2 is its length");
  command.add_option("--program", options->program, "The program in hexadecimal, instead of standard input");
  command.add_flag("--elf", options->is_elf, "The program is an ELF object");
  command.add_flag("--debug", options->debug, "Print the program on standard error");
  command
      .add_option_function<std::string>(
          "--engine",
          [options](const std::string& name) { options->engine = name == "jit" ? Engine::kJit : Engine::kInterpreter; },
          "Default: interpreter, with memory checks")
      ->check(CLI::IsMember({"interpreter", "jit"}));
  return [options] { return run(*options); };
}

}  // namespace skep::tools
