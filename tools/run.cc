// SPDX-License-Identifier: Apache-2.0
// skep run OBJECT [PROGRAM]: runs a program on every packet of a capture, on one packet, or on a context made of bytes;
// prints verdicts, time, events and maps. docs/run.md is its manual.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/try.h"
#include "hooks/pcap.h"
#include "hooks/run_packets.h"
#include "tools/hex.h"
#include "tools/programs.h"
#include "tools/render/rejection.h"
#include "tools/run/bisect.h"
#include "tools/run/options.h"
#include "tools/run/passes.h"
#include "tools/run/print_maps.h"
#include "tools/run/profile.h"
#include "tools/run/progress.h"
#include "tools/run/report.h"
#include "tools/run/session.h"
#include "tools/run/verdict_name.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

/// Combinations of options that make no sense, whatever the files hold; empty: none.
std::string contradiction(const RunCommand& command) {
  if (!command.pcap.empty() && !command.data.empty()) return "--pcap and --data both name the packets; give one";
  if (!command.write.empty() && command.pcap.empty() && command.data.empty())
    return "--write writes packets; give some with --pcap or --data";
  if (command.counts() && command.engine == Engine::kJit)
    return "--profile and --coverage count instructions, which only --engine interpreter does";
  const bool native = !command.counts() && command.engine != Engine::kInterpreter;
  if ((command.debug.perf_map || command.debug.gdb) && !native)
    return "--perf-map and --gdb are for native code, and this runs in the interpreter";
  if (command.bisect_passes &&
      (command.engine || command.counts() || command.each || command.json || !command.write.empty()))
    return "--bisect-passes runs both engines and prints one line: give no --engine, --profile, --coverage, --each, "
           "--json "
           "or --write with it";
  for (const std::string& text : command.event_types)
    if (text.find('=') == std::string::npos) return "--event " + text + " is not of the form MAP=STRUCT";
  return {};
}

/// HEX or @FILE.
Result<std::vector<std::byte>> read_bytes(const std::string& option, const std::string& text) {
  const bool is_file = text.starts_with('@');
  Result<std::vector<std::byte>> bytes = is_file ? read_file(text.substr(1)) : parse_hex(text);
  if (!bytes && is_file) return in_file(text.substr(1), bytes.error());
  if (bytes) return bytes;
  return Error{Errc::kInvalid, option + ": " + bytes.error().message +
                                   "; expected hexadecimal digits, or @FILE for the bytes of a file"};
}

/// Everything that one `skep run` does after the command line is parsed.
class Run {
 public:
  Run(const RunCommand& command, TargetKernel& kernel, Sources& sources)
      : command_(command), kernel_(kernel), sources_(sources) {
    sources_.set_object(command.object);
  }

  ExitCode operator()() {
    if (const std::string wrong = contradiction(command_); !wrong.empty()) return usage("run", wrong);
    Result<std::vector<Program>> programs = read_programs(command_.object, command_.type, kernel_);
    if (!programs) return fail(command_.object, programs.error());
    if (command_.bisect_passes) return bisect(*programs);
    Session session(command_, std::move(*programs));
    const Status status = run(session);
    if (session.rejection()) return print_rejection(session);
    if (!status) return fail(status.error());
    if (const Status written = write_coverage(session); !written) return fail(written.error());
    print_report(report_, session, sources_);
    return report_.tally.traps().empty() ? ExitCode::kOk : ExitCode::kNegative;
  }

 private:
  ExitCode bisect(const std::vector<Program>& programs) {
    constexpr unsigned kSeconds = 600;
    if (programs.size() == 1 && programs.front().type == ProgramType::kUnspec)
      return usage("run",
                   "--bisect-passes compares native code, which bytecode of no type is not made to; give --type");
    const auto recorder = [&](Engine engine, PassSet passes) -> Result<Record> {
      RunCommand command = command_;
      command.engine = engine;
      command.passes = passes;
      Session session(command, programs);
      Run one(command, kernel_, sources_);
      one.record_.emplace();
      TRY_OK(one.run(session));
      const std::string maps =
          maps_as_json(session.maps()).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      one.record_->push_back(digest(std::as_bytes(std::span(maps))));
      return std::move(*one.record_);
    };
    const Result<Bisection> found = bisect_passes(recorder, kSeconds);
    if (!found) return fail(found.error());
    std::cout << found->text << std::endl;
    return found->differs ? ExitCode::kNegative : ExitCode::kOk;
  }

  [[nodiscard]] ExitCode print_rejection(const Session& session) const {
    const Session::Rejected& rejected = *session.rejection();
    if (!command_.json && !command_.each) {
      std::cout << render_rejection(command_.object, *rejected.program, rejected.rejection);
      return ExitCode::kNegative;
    }
    nlohmann::ordered_json json = program_json(command_.object, rejected.program);
    set_rejected(json, rejected.rejection.reason);
    std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return ExitCode::kNegative;
  }

  Status run(Session& session) {
    const Result<const Program*> program = session.choose();
    if (!program) return in_file(command_.object, program.error());
    report_.command = &command_;
    report_.program = *program;
    if (session.checked() && session.engine() == Engine::kJit)
      return Error{Errc::kInvalid, command_.object +
                                       ": bytecode of no type cannot be verified, and what is not verified "
                                       "runs in the interpreter only; give --type or --engine interpreter"};
    const Result<Image> image = session.load(**program);
    if (!image) return in_file(command_.object, image.error());
    report_.native_bytes = image->native_code().size();
    TRY_OK(session.fill_maps());
    TRY_OK(check_event_types(report_, session));

    TRY(context_, read_optional("--ctx", command_.context));
    TRY(data_, read_optional("--data", command_.data));
    options_.run = {.budget = command_.budget, .checked = session.checked(), .regions = {}, .cpu = 0};
    options_.context = {.ifindex = command_.ifindex,
                        .vlan = command_.tags_in_frame ? hooks::VlanTag::kInFrame : hooks::VlanTag::kOutOfFrame};
    options_.repeat = command_.repeat;
    if (!command_.write.empty()) {
      TRY(hooks::PcapWriter writer, hooks::PcapWriter::create(command_.write));
      writer_.emplace(std::move(writer));
    }
    TRY(report_.totals, run_on_input(session, *image));
    if (writer_) TRY_OK(writer_->commit());
    return kOk;
  }

  Status write_coverage(const Session& session) {
    if (command_.coverage.empty()) return kOk;
    return write_file(command_.coverage, lcov_tracefile(count_sources(session.images(), sources_)));
  }

  static Result<std::vector<std::byte>> read_optional(const std::string& option, const std::string& text) {
    if (text.empty()) return std::vector<std::byte>{};
    return read_bytes(option, text);
  }

  Result<hooks::RunTotals> run_on_input(Session& session, const Image& image) {
    const hooks::RunSink sink = [&](const hooks::RunOutcome& outcome) { return take(session, outcome); };
    const ProgramType type = image.program().type;
    const std::string kind = image.program().name + " is of type " + std::string(info(type).name);
    if (hooks::takes_packets(type)) {
      options_.uapi_context = context_;
      if (!command_.pcap.empty()) return run_capture(image, sink);
      if (command_.data.empty())
        return Error{Errc::kInvalid, kind + " and runs on packets: give --pcap FILE or --data HEX"};
      hooks::SinglePacket packet(data_);
      return hooks::run_packets(image, packet, options_, sink);
    }
    if (!command_.pcap.empty())
      return Error{Errc::kInvalid, kind + " and runs on no packet: give --ctx HEX instead of --pcap"};
    if (session.checked()) return hooks::run_memory(image, command_.data.empty() ? context_ : data_, options_, sink);
    if (!command_.data.empty())
      return Error{Errc::kInvalid, kind + " and runs on no packet: give --ctx HEX instead of --data"};
    return hooks::run_context(image, context_, options_, sink);
  }

  Result<hooks::RunTotals> run_capture(const Image& image, const hooks::RunSink& sink) {
    TRY(hooks::PcapReader reader, hooks::PcapReader::open(command_.pcap));
    TRY(const hooks::RunTotals totals, hooks::run_packets(image, reader, options_, sink));
    report_.cut_packets = reader.cut_packets();
    return totals;
  }

  /// What happens after each run.
  Status take(Session& session, const hooks::RunOutcome& outcome) {
    report_.tally.add(outcome.result);
    session.drain_events();
    if (record_) {
      const std::uint64_t result[] = {outcome.result.r0, static_cast<std::uint64_t>(outcome.result.trap),
                                      outcome.redirect_ifindex};
      record_->push_back(digest(outcome.out, digest(std::as_bytes(std::span(result)))));
      return kOk;
    }
    if (command_.each) print_each(report_, outcome);
    progress_.step(outcome.packet, report_.tally.runs());
    const bool last = outcome.repetition + 1 == command_.repeat;
    return writer_ && last ? write(outcome) : Status(kOk);
  }

  Status write(const hooks::RunOutcome& outcome) {
    const ProgramType type = report_.program->type;
    if (outcome.result.trap != Trap::kNone || !lets_through(type, outcome.result.r0)) return kOk;
    std::span<const std::byte> out = outcome.out;
    // A packet socket gets as many bytes as its filter says, and keeps the length on the wire.
    if (type == ProgramType::kSocketFilter && static_cast<std::uint32_t>(outcome.result.r0) < out.size())
      out = out.first(static_cast<std::uint32_t>(outcome.result.r0));
    const std::uint64_t beyond = outcome.in->wire_length - outcome.in->bytes.size();
    ++report_.written_packets;
    return writer_->write({.bytes = out,
                           .wire_length = static_cast<std::uint32_t>(outcome.out.size() + beyond),
                           .time_ns = outcome.in->time_ns});
  }

  const RunCommand& command_;
  TargetKernel& kernel_;
  Sources& sources_;
  RunReport report_;
  hooks::RunPacketsOptions options_;
  std::vector<std::byte> context_, data_;
  std::optional<hooks::PcapWriter> writer_;
  std::optional<Record> record_;  ///< Of what each run did, where that is asked for.
  Progress progress_;
};

constexpr const char* kFooter =
    "A value of --map is JSON ({\"port\": 80}, [1, 2], 7) or text: a number, an enumerator, an address (10.1.0.2, "
    "fd00::1,\n02:00:00:00:00:01: bytes in network order), be16:80 (network order), hex:0a00. Types come from the "
    "object's BTF.";

/// Empty: the text names passes.
std::string is_passes(const std::string& text) {
  const Result<PassSet> passes = parse_passes(text);
  return passes ? "" : passes.error().message;
}

/// Of whatever is counted. CLI11 takes -1 and what does not fit for large numbers.
constexpr std::int64_t kMost = 1'000'000'000'000'000;

void add_options(CLI::App& command, RunCommand& options) {
  command.footer(kFooter);
  command.add_option("object", options.object, "BPF object file (ELF), or bare bytecode")->required();
  command.add_option("program", options.program, "Function name of the program; needed when there are several");
  add_type_option(command, options.type, "Program type of bytecode, or of sections whose name says none");
  command.add_option("--pcap", options.pcap, "Capture (pcap or pcapng) whose packets to run on; - is standard input");
  command.add_option("--write", options.write, "Capture to write the packets to that the program lets through");
  command.add_option("--data", options.data, "One packet instead of a capture: HEX or @FILE");
  command.add_option("--ctx", options.context,
                     "Context of tracing and syscall programs, or fields of xdp_md, __sk_buff: HEX or @FILE");
  command.add_option("--repeat", options.repeat, "Runs on each packet or context")
      ->check(CLI::Range(std::int64_t{1}, kMost))
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--engine",
          [&options](const std::string& name) { options.engine = name == "jit" ? Engine::kJit : Engine::kInterpreter; },
          "interpreter or jit (default)")
      ->check(CLI::IsMember({"interpreter", "jit"}));
  command
      .add_option_function<std::string>(
          "--passes", [&options](const std::string& text) { options.passes = parse_passes(text).value(); },
          "Optimisations that are done: all, none, names, or all,-NAME for all but one (" + pass_names() + ")")
      ->check(is_passes);
  command.add_flag("--bisect-passes", options.bisect_passes,
                   "Name the optimisation that makes native code differ from the interpreter on this input");
  command
      .add_option("--budget", options.budget,
                  "Instructions that one run may execute; native code counts them in stretches")
      ->check(CLI::Range(std::int64_t{1}, kMost));
  command.add_flag("--profile", options.profile, "Print how often each source line and instruction ran (interpreter)");
  command.add_option("--coverage", options.coverage, "Write line, branch and function coverage for lcov (interpreter)");
  command.add_flag("--perf-map", options.debug.perf_map, "Write names for perf to /tmp/perf-PID.map (native code)");
  command.add_flag("--gdb", options.debug.gdb, "Tell gdb names, source lines and frames (native code)");
  command.add_option("--map", options.maps, "NAME[KEY]=VALUE to put into a map, or @FILE of such lines; repeatable")
      ->allow_extra_args(false);
  command
      .add_option("--event", options.event_types,
                  "MAP=STRUCT: type of the events in a ring buffer or perf array; repeatable")
      ->allow_extra_args(false);
  command.add_option("--events", options.events, "Messages and events to show of each source")
      ->check(CLI::Range(std::int64_t{0}, kMost))
      ->capture_default_str();
  command.add_option("--ifindex", options.ifindex, "Interface that packets come from")->capture_default_str();
  command.add_flag("--vlan-in-frame", options.tags_in_frame,
                   "Leave VLAN tags in the frame that tc and socket programs see");
  command.add_flag("--maps,!--no-maps", options.show_maps, "Print the maps afterwards (default)");
  command.add_flag("--json", options.json, "Print one JSON object");
  command.add_flag("--each", options.each, "Print one JSON object a run, then the one of --json");
}

}  // namespace

Action add_run(CLI::App& command) {
  auto options = std::make_shared<RunCommand>();
  add_options(command, *options);
  auto kernel = std::make_shared<TargetKernel>();
  kernel->add_options(command);
  auto sources = std::make_shared<Sources>();
  sources->add_options(command);
  return [options, kernel, sources] { return Run(*options, *kernel, *sources)(); };
}

}  // namespace skep::tools
