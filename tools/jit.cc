// SPDX-License-Identifier: Apache-2.0
// skep jit OBJECT[:PROGRAM]: the native code of programs, for this host's architecture or the other one: how large it
// is, a listing beside instructions and source, or an ELF file for binary tools.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/overloaded.h"
#include "base/try.h"
#include "tools/jit/listing.h"
#include "tools/jit/render.h"
#include "tools/programs.h"
#include "tools/render/rejection.h"
#include "tools/sources.h"
#include "tools/subcommand.h"
#include "tools/target_kernel.h"
#include "vm/debug/elf.h"

namespace skep::tools {
namespace {

struct Options {
  std::string object;  ///< With :PROGRAM, if the user wrote it.
  std::string program;
  ProgramType type = ProgramType::kUnspec;
  std::string arch, cpu = "host", elf;
  bool dump = false, json = false;
  std::vector<std::string> without;  ///< Names of passes, or "all".
  TargetKernel kernel;
  Sources sources;
};

/// A file's name may have colons of its own.
void split(Options& options) {
  const std::size_t colon = options.object.rfind(':');
  std::error_code error;
  if (colon == std::string::npos || std::filesystem::exists(options.object, error)) return;
  options.program = options.object.substr(colon + 1);
  options.object.resize(colon);
}

Result<jit::Target> target(const Options& options) {
  const jit::Target& host = jit::host_target();
  const jit::Arch arch = options.arch.empty()      ? host.arch
                         : options.arch == "arm64" ? jit::Arch::kArm64
                                                   : jit::Arch::kX86_64;
  if (arch == jit::Arch::kOther)
    return Error{Errc::kUnsupported, "the JIT makes no code for this host; name another with --arch"};
  if (options.cpu == "baseline") return jit::Target{.arch = arch, .features = {}};
  if (options.cpu == "host" && arch == host.arch) return host;
  CpuFeatures all;
  for (const CpuFeatureInfo& row : kCpuFeatures) all.*row.member = true;
  return jit::Target{.arch = arch, .features = all};
}

PassSet passes(const Options& options) {
  PassSet set = PassSet::all();
  for (const std::string& name : options.without)
    for (std::size_t i = 0; i < std::size(kPasses); ++i)
      if (name == "all" || name == kPasses[i].name) set = set.without(static_cast<Pass>(i));
  return set;
}

Result<std::vector<const Program*>> choose(const Options& options, const std::vector<Program>& programs) {
  TRY(const std::vector<const Program*> chosen, choose_programs(programs, options.program));
  if (!options.elf.empty() && chosen.size() > 1)
    return Error{Errc::kInvalid, "has " + std::to_string(chosen.size()) + " programs, and --elf writes one: name it"};
  return chosen;
}

/// Looking at the code of bytecode that cannot be verified does no harm.
std::optional<VerifiedProgram> judge(const Options& options, const Program& program) {
  if (is_untyped_bytecode(program)) return VerifiedProgram::trust_without_verification(program);
  return std::visit(Overloaded{[](VerifiedProgram accepted) { return std::optional(std::move(accepted)); },
                               [&](const Rejection& rejection) {
                                 const std::string text = render_rejection(options.object, program, rejection);
                                 std::fputs(text.c_str(), stderr);
                                 return std::optional<VerifiedProgram>();
                               }},
                    verify(program));
}

std::string summary(const JitListing& listing) {
  const std::size_t insns = listing.program->insns.size(), bytes = listing.assembled.bytes.size();
  char each[32];
  std::snprintf(each, sizeof(each), "%.2f", static_cast<double>(bytes) / static_cast<double>(insns));
  return listing.program->name + " (" + std::string(info(listing.program->type).name) + "): " + std::to_string(insns) +
         " instructions, " + std::to_string(listing.code.ops.size()) + " ops, " + std::to_string(bytes) + " bytes of " +
         std::string(arch_name(listing.target.arch)) + " code, " + each + " an instruction\n";
}

Status write_elf(const Options& options, const JitListing& listing) {
  const auto image = debug::elf_image(
      debug::symbols(*listing.program, listing.code, listing.assembled.map,
                     {.arch = listing.target.arch, .address = kListingBase, .bytes = listing.assembled.bytes}));
  std::string text(image.size(), '\0');
  std::memcpy(text.data(), image.data(), image.size());
  return write_file(options.elf, text);
}

class Run {
 public:
  explicit Run(Options& options) : options_(options) {}

  ExitCode operator()() {
    split(options_);
    options_.sources.set_object(options_.object);
    const Status status = run();
    if (!status) return fail(options_.object, status.error());
    if (options_.json) text_ = json_.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (const Status written = write_file("-", text_); !written) return fail(written.error());
    return code_;
  }

 private:
  Status run() {
    TRY(const jit::Target wanted, target(options_));
    TRY(const std::vector<Program> programs, read_programs(options_.object, options_.type, options_.kernel));
    TRY(const std::vector<const Program*> chosen, choose(options_, programs));
    json_["object"] = options_.object;
    json_["programs"] = nlohmann::ordered_json::array();
    for (const Program* program : chosen)
      if (const Status shown = show(*program, wanted); !shown)
        code_ = std::max(code_, fail(options_.object + ": " + program->name, shown.error()));
    return kOk;
  }

  /// Error: this program has no native code to show; the others may have.
  Status show(const Program& program, const jit::Target& wanted) {
    if (!program.unsupported.empty()) return Error{Errc::kUnsupported, program.unsupported};
    const std::optional<VerifiedProgram> verified = judge(options_, program);
    if (!verified) {
      code_ = std::max(code_, ExitCode::kNegative);
      return kOk;
    }
    TRY(const JitListing listing, list_native(*verified, Platform::linux_like(), wanted, passes(options_)));
    if (!options_.elf.empty()) TRY_OK(write_elf(options_, listing));
    text_ += (text_.empty() || !options_.dump ? "" : "\n") + summary(listing);
    if (options_.dump) text_ += render_listing(listing, options_.sources);
    if (options_.json) json_["programs"].push_back(listing_json(listing, options_.sources));
    return kOk;
  }

  Options& options_;
  ExitCode code_ = ExitCode::kOk;
  std::string text_;
  nlohmann::ordered_json json_;
};

}  // namespace

Action add_jit(CLI::App& command) {
  auto options = std::make_shared<Options>();
  command.footer(
      "Addresses of the code, of maps and of helpers are made up: the same program gives the same output everywhere.");
  command
      .add_option("object", options->object,
                  "BPF object or bytecode, and which of its programs (OBJECT:NAME); without: all")
      ->required();
  command.add_flag("--dump", options->dump, "List source lines, instructions, ops and machine code side by side");
  command.add_flag("--json", options->json, "The listing as one JSON object");
  command.add_option("--elf", options->elf, "Write the code with symbols, lines and frames to this ELF file");
  command.add_option("--arch", options->arch, "Architecture to make code for (this host's)")
      ->check(CLI::IsMember({"x86_64", "arm64"}));
  command.add_option("--cpu", options->cpu, "Instructions beyond the architecture's first version to use")
      ->check(CLI::IsMember({"host", "baseline", "newest"}))
      ->capture_default_str();
  std::vector<std::string> names = {"all"};
  for (const PassInfo& row : kPasses) names.emplace_back(row.name);
  command.add_option("--without", options->without, "Optimisation to leave out; repeatable")
      ->check(CLI::IsMember(names))
      ->allow_extra_args(false);
  add_type_option(command, options->type, "Program type of bytecode, or of sections whose name says none");
  options->kernel.add_options(command);
  options->sources.add_options(command);
  return [options] { return Run(*options)(); };
}

}  // namespace skep::tools
