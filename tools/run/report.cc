// SPDX-License-Identifier: Apache-2.0
#include "tools/run/report.h"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/cat.h"
#include "base/unreachable.h"
#include "skep/btf.h"
#include "tools/run/fill_maps.h"
#include "tools/run/print_maps.h"
#include "tools/run/profile.h"
#include "tools/run/verdict_name.h"

namespace skep::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string_view engine_name(Engine engine) { return engine == Engine::kJit ? "jit" : "interpreter"; }

std::string hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

void print_line(const Json& json) {
  // Names and messages come from programs: bytes that are no UTF-8 must not stop the output.
  std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

double mean_ns(const hooks::RunTotals& totals) {
  return totals.runs == 0 ? 0 : static_cast<double>(totals.nanoseconds) / static_cast<double>(totals.runs);
}
std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}
std::string plural(std::uint64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// Runs by the name of their verdict; different r0 may have the same name.
std::vector<std::pair<std::string, std::uint64_t>> by_name(const RunReport& report) {
  std::vector<std::pair<std::string, std::uint64_t>> rows;
  for (const Tally::Verdict& verdict : report.tally.verdicts()) {
    const std::string name = verdict_name(report.program->type, verdict.r0);
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.first == name; });
    if (row == rows.end())
      rows.emplace_back(name, verdict.runs);
    else
      row->second += verdict.runs;
  }
  return rows;
}

/// The map's specification and, when the user named one, the type of its events.
struct EventType {
  const MapSpec* spec = nullptr;
  TypeId type = 0;
};
EventType event_type(const RunReport& report, const std::vector<std::shared_ptr<Map>>& maps, const std::string& name) {
  EventType found;
  for (const std::shared_ptr<Map>& map : maps)
    if (map->spec().name == name) found.spec = &map->spec();
  for (const std::string& text : report.command->event_types) {
    const std::size_t equals = text.find('=');
    const Btf* btf = report.program->btf.get();
    if (btf != nullptr && equals != std::string::npos && text.substr(0, equals) == name)
      found.type = btf->find_by_name<btf::Composite>(std::string_view(text).substr(equals + 1));
  }
  return found;
}

/// A ring buffer's own specification need not have the object's BTF.
MapSpec with_btf(const EventType& type, const Program& program) {
  MapSpec spec = type.spec != nullptr ? *type.spec : MapSpec{};
  spec.btf = program.btf;
  return spec;
}

void print_events_text(const RunReport& report, Session& session) {
  const EventLog& log = session.events();
  const auto maps = session.maps();
  if (log.trace_count() != 0) std::cout << "trace_printk: " << plural(log.trace_count(), "message") << '\n';
  for (const std::string& message : log.traces()) std::cout << "  " << message << '\n';
  if (log.trace_count() > log.traces().size())
    std::cout << "  ... and " << log.trace_count() - log.traces().size() << " more (--events N shows more)\n";
  for (const EventLog::Source& source : log.sources()) {
    const EventType type = event_type(report, maps, source.map);
    const MapSpec spec = with_btf(type, *report.program);
    std::cout << source.map << ": " << plural(source.count, "event") << '\n';
    for (const Event& event : source.first) std::cout << "  " << value_as_text(spec, type.type, event.bytes) << '\n';
    if (source.count > source.first.size())
      std::cout << "  ... and " << source.count - source.first.size() << " more (--events N shows more)\n";
  }
}

Json events_json(const RunReport& report, Session& session) {
  const auto maps = session.maps();
  Json all = Json::array();
  for (const EventLog::Source& source : session.events().sources()) {
    const EventType type = event_type(report, maps, source.map);
    const MapSpec spec = with_btf(type, *report.program);
    Json row = {{"map", source.map}, {"count", source.count}, {"first", Json::array()}};
    for (const Event& event : source.first)
      row["first"].push_back({{"cpu", event.cpu}, {"value", value_as_json(spec, type.type, event.bytes)}});
    all.push_back(std::move(row));
  }
  return all;
}

void print_head(const RunReport& report, const Session& session) {
  const Program& program = *report.program;
  std::cout << report.command->object << ": " << program.name << " (" << info(program.type).name << "): ";
  if (session.checked())
    std::cout << "not verified (bytecode of no type), memory checked at run time";
  else
    std::cout << "accepted, " << session.stats().processed << " instructions processed, " << session.stats().stack_depth
              << " bytes of stack";
  std::cout << "; " << engine_name(session.engine());
  if (report.native_bytes != 0) std::cout << ", " << report.native_bytes << " bytes of native code";
  std::cout << '\n';
}

void print_counts(const RunReport& report) {
  const RunCommand& command = *report.command;
  const hooks::RunTotals& totals = report.totals;
  const std::string what = command.pcap.empty() ? (command.data.empty() ? "context" : "data") : command.pcap;
  const bool packets = hooks::takes_packets(report.program->type);
  std::cout << what << ": ";
  if (packets) std::cout << plural(totals.packets, "packet") << ", ";
  if (!packets || command.repeat > 1) std::cout << plural(totals.runs, "run") << ", ";
  std::cout << fixed(mean_ns(totals), 1) << " ns per " << (packets && command.repeat == 1 ? "packet" : "run") << '\n';
  for (const auto& [name, runs] : by_name(report)) {
    const double share = 100.0 * static_cast<double>(runs) / static_cast<double>(report.tally.runs());
    std::cout << "  " << std::left << std::setw(16) << (packets ? name : "r0 = " + name) << std::right << std::setw(10)
              << runs << std::setw(8) << fixed(share, 1) << " %\n";
  }
  // Native code does not say where.
  for (const Tally::Trapped& row : report.tally.traps())
    std::cout << "  trapped: " << plural(row.runs, "run") << ": " << trap_text(row.trap) << " ("
              << (report.native_bytes == 0 ? "instruction " + std::to_string(row.at)
                                           : "--engine interpreter says where")
              << ")\n";
  if (report.cut_packets != 0)
    std::cout << "  " << plural(report.cut_packets, "packet")
              << " cut by the capture: programs see what was captured\n";
  if (!command.write.empty())
    std::cout << "written to " << command.write << ": " << plural(report.written_packets, "packet")
              << " that the program let through\n";
}

void print_summary_json(const RunReport& report, Session& session, Sources& sources) {
  const Program& program = *report.program;
  Json json;
  json["object"] = report.command->object;
  json["program"] = program.name;
  json["section"] = program.section;
  json["type"] = info(program.type).name;
  json["verdict"] = session.checked() ? "unverified" : "accept";
  json["engine"] = engine_name(session.engine());
  json["native_bytes"] = report.native_bytes;
  json["packets"] = hooks::takes_packets(program.type) ? report.totals.packets : 0;
  json["runs"] = report.totals.runs;
  json["ns_per_run"] = mean_ns(report.totals);
  json["verdicts"] = Json::object();
  for (const auto& [name, runs] : by_name(report)) json["verdicts"][name] = runs;
  json["traps"] = Json::object();
  for (const Tally::Trapped& row : report.tally.traps()) json["traps"][std::string(name(row.trap))] = row.runs;
  json["cut_packets"] = report.cut_packets;
  if (!report.command->write.empty()) json["written_packets"] = report.written_packets;
  json["trace"] = {{"count", session.events().trace_count()}, {"first", session.events().traces()}};
  json["events"] = events_json(report, session);
  if (report.command->show_maps) json["maps"] = maps_as_json(session.maps());
  if (report.command->profile) json["profile"] = profile_json(session.images(), sources);
  print_line(json);
}

}  // namespace

std::string_view trap_text(Trap trap) {
  switch (trap) {
    case Trap::kNone:
      return "no trap";
    case Trap::kBudget:
      return "the instruction budget was used up";
    case Trap::kMemory:
      return "an access outside of the memory that the program may touch";
    case Trap::kHelper:
      return "a call of a helper that does not exist here";
    case Trap::kStack:
      return "calls nested too deep";
    case Trap::kIllegal:
      return "an instruction that cannot be executed";
    case Trap::kStopped:
      return "the run was stopped";
  }
  unreachable();
}

void Tally::add(const RunResult& result) {
  ++runs_;
  if (result.trap != Trap::kNone) {
    const auto row = std::find_if(traps_.begin(), traps_.end(), [&](const auto& r) { return r.trap == result.trap; });
    if (row != traps_.end())
      ++row->runs;
    else
      traps_.push_back({result.trap, 1, result.at});
    return;
  }
  const auto row = std::lower_bound(verdicts_.begin(), verdicts_.end(), result.r0,
                                    [](const Verdict& verdict, std::uint64_t r0) { return verdict.r0 < r0; });
  if (row != verdicts_.end() && row->r0 == result.r0)
    ++row->runs;
  else
    verdicts_.insert(row, {result.r0, 1});
}

Status check_event_types(const RunReport& report, const Session& session) {
  const auto maps = session.maps();
  for (const std::string& text : report.command->event_types) {
    const std::string map = text.substr(0, text.find('='));
    const EventType found = event_type(report, maps, map);
    if (found.spec == nullptr)
      return Error{Errc::kNotFound, cat("--event ", text, ": no map ", map, "; ", names_of(maps))};
    if (found.type == 0)
      return Error{Errc::kNotFound, cat("--event ", text, ": the object's types have no such structure")};
  }
  return kOk;
}

void print_each(const RunReport& report, const hooks::RunOutcome& outcome) {
  const Program& program = *report.program;
  Json json;
  if (outcome.in != nullptr) json["packet"] = outcome.packet;
  json["repetition"] = outcome.repetition;
  if (outcome.result.trap == Trap::kNone) {
    json["r0"] = outcome.result.r0;
    json["verdict"] = verdict_name(program.type, outcome.result.r0);
  } else {
    json["trap"] = name(outcome.result.trap);
    if (report.native_bytes == 0) json["insn"] = outcome.result.at;
  }
  json["ns"] = outcome.nanoseconds;
  if (outcome.in != nullptr) {
    json["length_in"] = outcome.in->bytes.size();
    json["length_out"] = outcome.out.size();
  } else {
    json["context"] = hex(outcome.out);
  }
  if (outcome.redirect_ifindex != 0) json["redirect_ifindex"] = outcome.redirect_ifindex;
  if (outcome.skb != nullptr) {
    json["mark"] = outcome.skb->mark;
    json["priority"] = outcome.skb->priority;
    json["tc_classid"] = outcome.skb->tc_classid;
  }
  print_line(json);
}

void print_report(const RunReport& report, Session& session, Sources& sources) {
  if (report.command->json || report.command->each) {
    print_summary_json(report, session, sources);
    return;
  }
  print_head(report, session);
  print_counts(report);
  print_events_text(report, session);
  if (report.command->show_maps) print_maps_text(std::cout, session.maps());
  if (report.command->profile) print_profile(std::cout, session.images(), sources);
}

}  // namespace skep::tools
