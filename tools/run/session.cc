// SPDX-License-Identifier: Apache-2.0
#include "tools/run/session.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/overloaded.h"
#include "base/try.h"
#include "helpers/real_host.h"
#include "tools/run/fill_maps.h"

namespace skep::tools {
namespace {

/// This machine; what programs send out goes to the log.
std::shared_ptr<Host> logging_host(const std::shared_ptr<EventLog>& log) {
  const auto take_sample = [log](Map& map, std::uint32_t cpu, std::span<const std::byte> sample) {
    log->add_event(map.spec().name, cpu, sample);
    return 0;
  };
  return std::make_shared<helpers::RealHost>(helpers::RealHost::Callbacks{
      .trace = [log](std::string_view message) { log->add_trace(message); }, .perf_output = take_sample});
}

Engine default_engine(const RunCommand& command) {
  return command.engine.value_or(command.counts() ? Engine::kInterpreter : Engine::kJit);
}

}  // namespace

Session::Session(const RunCommand& command, std::vector<Program> programs)
    : command_(command),
      programs_(std::move(programs)),
      events_(std::make_shared<EventLog>(command.events)),
      engine_(default_engine(command)),
      vm_(Platform::linux_like(), {}) {
  // Bytecode of no type cannot be verified, and unverified code runs in checked memory only.
  checked_ = programs_.size() == 1 && programs_.front().type == ProgramType::kUnspec;
  use_engine(checked_ && !command.engine ? Engine::kInterpreter : engine_);
}

void Session::use_engine(Engine engine) {
  engine_ = engine;
  images_.clear();
  vm_ = Vm(Platform::linux_like(), {.engine = engine,
                                    .cpus = 0,
                                    .host = logging_host(events_),
                                    .passes = command_.passes,
                                    .limits = {.budget = command_.budget != 0},
                                    .debug = command_.debug,
                                    .profile = command_.counts()});
}

const Program* Session::find(std::string_view name) const {
  const auto found = std::find_if(programs_.begin(), programs_.end(), [&](const Program& p) { return p.name == name; });
  if (found != programs_.end()) return &*found;
  const auto in_section = [&](const Program& program) { return program.section == name; };
  const auto section = std::find_if(programs_.begin(), programs_.end(), in_section);
  if (std::count_if(programs_.begin(), programs_.end(), in_section) != 1) return nullptr;
  return &*section;
}

std::string Session::list() const {
  std::string text;
  for (const Program& program : programs_)
    text += (text.empty() ? "" : ", ") + program.name + " (" + std::string(info(program.type).name) + ")";
  return text;
}

Result<const Program*> Session::choose() const {
  if (programs_.empty()) return Error{Errc::kNotFound, "the object has no program"};
  if (!command_.program.empty()) {
    if (const Program* program = find(command_.program)) return program;
    return Error{Errc::kNotFound, "no program " + command_.program + "; there are: " + list()};
  }
  if (programs_.size() == 1) return &programs_.front();
  return Error{Errc::kInvalid,
               "the object has " + std::to_string(programs_.size()) + " programs, name the one to run: " + list()};
}

Result<VerifiedProgram> Session::judge(const Program& program) {
  if (!program.unsupported.empty()) return Error{Errc::kUnsupported, program.name + ": " + program.unsupported};
  if (checked_) return VerifiedProgram::trust_without_verification(program);
  if (program.type == ProgramType::kUnspec)
    return Error{Errc::kInvalid, "the section " + program.section + " of program " + program.name +
                                     " says no program type; give one with --type"};
  return std::visit(Overloaded{[](VerifiedProgram accepted) -> Result<VerifiedProgram> { return accepted; },
                               [&](Rejection rejection) -> Result<VerifiedProgram> {
                                 rejection_ = std::make_unique<Rejected>(Rejected{&program, std::move(rejection)});
                                 return Error{Errc::kInvalid, "program " + program.name + " is rejected"};
                               }},
                    verify(program));
}

Result<Image> Session::load(const Program& program) {
  TRY(VerifiedProgram verified, judge(program));
  if (first_) stats_ = verified.stats();
  Result<Image> image = vm_.load(verified);
  const bool no_jit = !image && image.error().code == Errc::kUnsupported && engine_ == Engine::kJit;
  if (first_ && no_jit && !command_.engine) {
    use_engine(Engine::kInterpreter);
    image = vm_.load(verified);
  }
  if (!image) return image;
  first_ = false;
  images_.push_back(*image);
  TRY_OK(fill_declared(program));
  maps_ = vm_.maps();
  return image;
}

Status Session::fill_declared(const Program& program) {
  for (const std::shared_ptr<const MapSpec>& spec : program.maps) {
    if (spec->type != MapType::kProgArray || spec->slots.empty() || !declared_.insert(spec->name).second) continue;
    const std::shared_ptr<Map> map = vm_.find_map(spec->name);
    for (const MapSpec::Slot& slot : spec->slots) {
      const Program* target = find(slot.target);
      if (target == nullptr)
        return Error{Errc::kNotFound,
                     "map " + spec->name + " names the program " + slot.target + ", which is not there"};
      TRY(const Image image, load(*target));
      const int result = map ? vm_.set_tail_call(*map, slot.index, image) : -ENOENT;
      if (result != 0)
        return Error{Errc::kInvalid, "map " + spec->name + "[" + std::to_string(slot.index) + "] refuses program " +
                                         slot.target + ": " + std::strerror(-result)};
    }
  }
  return kOk;
}

Status Session::fill_maps() {
  TRY(const std::vector<Assignment> assignments, parse_assignments(command_.maps));
  return tools::fill_maps(vm_, assignments, [this](const std::string& name) -> Result<Image> {
    const Program* program = find(name);
    if (program == nullptr) return Error{Errc::kNotFound, "no program " + name + "; there are: " + list()};
    return load(*program);
  });
}

}  // namespace skep::tools
