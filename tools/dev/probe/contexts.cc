// SPDX-License-Identifier: Apache-2.0
// Context accesses and return values: asks about every program type, expected attach type, offset, size and direction.
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernel/bpf.h"
#include "tools/dev/probe/probe.h"

namespace skep::probe {
namespace {

constexpr std::uint32_t kAttachTypes = 64;
constexpr std::int16_t kFirstOffset = -8, kLastOffset = 264;
constexpr auto kSizes = std::to_array<isa::Size>({isa::Size::k8, isa::Size::k16, isa::Size::k32, isa::Size::k64});

Program program_of(const Hook& hook, isa::Insns insns) {
  Program program;
  program.name = "probe";
  program.license = "GPL";
  program.type = hook.type;
  program.attach_type = hook.attach;
  program.sleepable = hook.sleepable;
  program.insns = std::move(insns);
  return program;
}

kernel::Loaded ask(const Hook& hook, isa::Insns insns, std::uint32_t log_level = 1) {
  auto loaded = kernel::load(program_of(hook, std::move(insns)), {.log_level = log_level});
  return loaded ? std::move(*loaded) : kernel::Loaded{};
}

/// The value that a hook surely takes back.
std::int32_t good_return(const Hook& hook) {
  for (const std::int32_t value : {0, 1, 2}) {
    isa::Insn set = isa::Alu{.op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = isa::kR0, .src = isa::Imm{value}};
    if (ask(hook, {set, isa::Exit{}}).accepted()) return value;
  }
  return -1;
}

/// What a load gave, of the log's state after the first instruction: "ctx()" is what R0 holds.
std::string kind_of(const std::string& log) {
  const std::size_t at = log.find("; R0");
  const std::size_t equal = log.find('=', at);
  if (at == std::string::npos || equal == std::string::npos) return "?";
  return log.substr(equal + 1, log.find_first_of(" \n", equal) - equal - 1);
}

struct Answer {
  std::string read, sign;  ///< What a load gives, and one that extends the sign; empty: refused.
  bool write = false, immediate = false;
  bool operator==(const Answer&) const = default;
};

std::string print(const Answer& answer) {
  std::string text = "read " + (answer.read.empty() ? "refused" : answer.read);
  if (answer.sign.empty()) text += ", no sign extension";
  if (answer.write || answer.immediate) text += answer.write && answer.immediate ? ", write" : ", some writes";
  return text;
}

Answer ask_access(const Hook& hook, std::int32_t result, std::int16_t offset, isa::Size size) {
  const isa::Insn set =
      isa::Alu{.op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = isa::kR0, .src = isa::Imm{result}};
  Answer answer;
  const auto load = [&](isa::Extend extend) -> std::string {
    const auto loaded =
        ask(hook,
            {isa::Load{.size = size, .extend = extend, .dst = isa::kR0, .base = isa::kR1, .offset = offset}, set,
             isa::Exit{}},
            2);
    return loaded.accepted() ? kind_of(loaded.log) : "";
  };
  answer.read = load(isa::Extend::kZero);
  if (size != isa::Size::k64) answer.sign = load(isa::Extend::kSign);
  if (ask(hook, {set, isa::Store{.size = size, .base = isa::kR1, .offset = offset, .src = isa::kR0}, set, isa::Exit{}})
          .accepted())
    answer.write = true;
  if (ask(hook,
          {set, isa::Store{.size = size, .base = isa::kR1, .offset = offset, .src = isa::Imm{1}}, set, isa::Exit{}})
          .accepted())
    answer.immediate = true;
  return answer;
}

/// Accesses of one size at offsets one after another that the kernel answers alike.
struct Span {
  isa::Size size{};
  std::int16_t first = 0, last = 0;
  Answer answer;
};

std::string describe_context(const Hook& hook) {
  const std::int32_t result = good_return(hook);
  std::vector<Span> spans;
  for (const isa::Size size : kSizes) {
    for (std::int16_t offset = kFirstOffset; offset < kLastOffset; ++offset) {
      const Answer answer = ask_access(hook, result, offset, size);
      if (answer == Answer{}) continue;
      const auto bytes = static_cast<std::int16_t>(isa::bytes(size));
      const bool extends = !spans.empty() && spans.back().size == size && spans.back().answer == answer &&
                           spans.back().last + bytes == offset;
      if (extends)
        spans.back().last = offset;
      else
        spans.push_back({.size = size, .first = offset, .last = offset, .answer = answer});
    }
  }
  std::string text;
  for (const Span& span : spans)
    text += "  " + std::to_string(isa::bytes(span.size)) + " bytes at " + std::to_string(span.first) + " to " +
            std::to_string(span.last) + ": " + print(span.answer) + "\n";
  return text;
}

}  // namespace

std::vector<Hook> hooks() {
  std::vector<Hook> found;
  for (const ProgramTypeInfo& row : kProgramTypes)
    for (std::uint32_t attach = 0; attach < kAttachTypes; ++attach)
      for (const bool sleepable : {false, true})
        found.push_back({.type = row.type, .attach = attach, .sleepable = sleepable});
  return found;
}

void probe_hooks() {
  std::map<std::pair<ProgramType, std::string>, std::string> by_answer;
  for (const Hook& hook : hooks()) {
    const isa::Insn anything = isa::Load{.size = isa::Size::k64, .dst = isa::kR0, .base = isa::kR10, .offset = -8};
    const auto loaded = ask(hook, {anything, isa::Exit{}});
    by_answer[{hook.type, "errno " + std::to_string(loaded.error) + " " + loaded.last_sentence()}] +=
        " " + std::to_string(hook.attach) + (hook.sleepable ? "s" : "");
  }
  for (const auto& [key, attach_types] : by_answer)
    std::printf("%s: %s:%s\n", std::string(info(key.first).name).c_str(), key.second.c_str(), attach_types.c_str());
}

void probe_contexts() {
  std::map<std::pair<ProgramType, std::string>, std::string> by_answer;
  for (const Hook& hook : hooks())
    if (good_return(hook) >= 0) by_answer[{hook.type, describe_context(hook)}] += " " + std::to_string(hook.attach);
  for (const auto& [key, attach_types] : by_answer)
    std::printf("%s, attach types%s\n%s", std::string(info(key.first).name).c_str(), attach_types.c_str(),
                key.second.c_str());
}

}  // namespace skep::probe
