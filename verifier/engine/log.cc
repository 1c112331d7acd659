// SPDX-License-Identifier: Apache-2.0
#include "verifier/engine/log.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "skep/btf.h"
#include "skep/isa.h"
#include "verifier/domain/print.h"
#include "verifier/engine/run.h"

namespace skep::verifier {
namespace {

/// "(bf) r6 = r1": the opcode and the text of one instruction.
std::string instruction_text(const Run& run, InsnIndex at) {
  const isa::Insns& insns = run.program.insns;
  const auto* call = std::get_if<isa::Call>(&insns[at]);
  if (call != nullptr && call->kind == isa::CallKind::kKfunc && run.program.target_btf != nullptr)
    return "(85) call " + std::string(run.program.target_btf->name(static_cast<TypeId>(call->imm))) + "#" +
           std::to_string(call->imm);
  const auto raw = isa::encode(std::span(insns).subspan(at, 1));
  std::array<char, 8> opcode{};
  static_cast<void>(std::snprintf(opcode.data(), opcode.size(), "(%02x) ", raw.front().opcode));
  return opcode.data() + isa::print(insns, at, isa::Syntax::kKernel);
}

std::string pad_left(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

/// ".1....67..": registers 0 to 9 that are live.
std::string live_text(std::uint32_t live) {
  std::string text;
  for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg)
    text += (live >> reg & 1) != 0 ? static_cast<char>('0' + reg) : '.';
  return text;
}

std::string masks_text(std::uint32_t regs, std::uint64_t slots) {
  std::string text = "regs=";
  const char* comma = "";
  for (std::uint32_t reg = 0; reg < kRegs; ++reg) {
    if ((regs >> reg & 1) == 0) continue;
    text += comma + ("r" + std::to_string(reg));
    comma = ",";
  }
  text += " stack=";
  comma = "";
  for (std::uint32_t slot = 0; slot < kStackSlots; ++slot) {
    if ((slots >> slot & 1) == 0) continue;
    text += comma + std::to_string(-static_cast<std::int32_t>((slot + 1) * kSlotBytes));
    comma = ",";
  }
  return text;
}

std::string number(InsnIndex at) { return std::to_string(static_cast<std::int32_t>(at)); }

}  // namespace

void Log::add(std::string_view text) {
  if (options_ == nullptr) return;
  std::string& log = *options_->text;
  log += text;
  if (log.size() <= 2 * options_->limit) return;
  // The end says why: forget the beginning, as the kernel's rotating log does.
  log.erase(0, log.size() - options_->limit);
  insn_end_ = 0;
}

void Log::functions(const Layout& layout) {
  if (!detailed()) return;
  for (std::size_t i = 0; i < layout.subprograms.size(); ++i)
    add("func#" + std::to_string(i) + " @" + number(layout.subprograms[i].first) + "\n");
}

void Log::live_registers(const Run& run) {
  if (!detailed()) return;
  add("Live regs before insn:\n");
  for (InsnIndex at = 0; at < run.program.insns.size(); ++at) {
    if (std::holds_alternative<isa::Continuation>(run.program.insns[at])) continue;
    const InsnPlan& plan = run.layout.insns[at];
    const std::string loop = plan.scc == 0 ? "    " : pad_left(std::to_string(plan.scc), 3) + " ";
    add(loop + pad_left(number(at), 3) + ": " + live_text(plan.live_before) + " " + instruction_text(run, at) + "\n");
  }
}

std::string Log::state(const Run& run, const State& state, std::uint32_t index, const Touched& what) {
  std::string text;
  for (const std::string& one : print_frame(run, state, index, what.regs, what.slots)) text += " " + one;
  for (const std::string& one : print_sections(state)) text += " " + one;
  return index != 0 ? " frame" + std::to_string(index) + ":" + text : text;
}

void Log::begin_path(const Run& run, InsnIndex at) {
  if (!on()) return;
  add(number(at) + ":" + state(run, run.state, run.state.current, Touched::everything()) + "\n");
  touched_ = {};
}

void Log::source_line(const Run& run, InsnIndex at) {
  const auto& lines = run.program.lines;
  const auto after = std::upper_bound(lines.begin(), lines.end(), at,
                                      [](InsnIndex index, const LineInfo& line) { return index < line.first; });
  if (after == lines.begin()) return;
  const LineInfo& line = *std::prev(after);
  const LineInfo* const last = std::exchange(last_line_, &line);
  if (last != nullptr && last->line == line.line && last->file == line.file && last->text == line.text) return;
  const std::size_t text = line.text.find_first_not_of(" \t");
  const std::size_t slash = line.file.rfind('/');
  add("; " + (text == std::string::npos ? "" : line.text.substr(text)) + " @ " +
      (slash == std::string::npos ? line.file : line.file.substr(slash + 1)) + ":" + std::to_string(line.line) + "\n");
}

void Log::instruction(const Run& run, InsnIndex at) {
  if (!on()) return;
  source_line(run, at);
  line_start_ = size();
  add(number(at) + ": " + instruction_text(run, at) + "\n");
  insn_end_ = size();
}

void Log::state_after(const Run& run, InsnIndex at) {
  if (!on()) return;
  const Touched touched = std::exchange(touched_, {});
  if (touched.regs == 0 && touched.slots == 0) return;
  const std::string text = state(run, run.state, run.state.current, touched);
  if (insn_end_ != 0 && size() == insn_end_) {
    // Behind the instruction, on its line.
    options_->text->pop_back();
    const std::size_t length = size() - line_start_;
    constexpr std::size_t kGrain = 8;
    const std::size_t column = std::max(kStateColumn, (length + kGrain / 2 + kGrain) / kGrain * kGrain - 2);
    add(std::string(column - length, ' ') + ";");
  } else {
    add(number(at) + ":");
  }
  add(text + "\n");
}

void Log::resume(std::size_t position) {
  if (!on()) return;
  if (!detailed()) options_->text->resize(std::min(position, size()));
  resumed_ = jumped_ = true;
  touch_everything();
}

void Log::from_to(const Run& run, InsnIndex from, InsnIndex to) {
  if (detailed() && jumped_)
    add("\nfrom " + number(from) + " to " + number(to) + ":" +
        state(run, run.state, run.state.current, Touched::everything()) + "\n");
  resumed_ = jumped_ = false;
}

void Log::safe(InsnIndex from, InsnIndex to) {
  if (!on()) return;
  if (jumped_) {
    add("\nfrom " + number(from) + " to " + number(to) + ": safe\n");
  } else {
    add(number(to) + ": safe\n");
  }
}

void Log::enter_function(const Run& run) {
  if (!on()) return;
  add("caller:\n" + state(run, run.state, run.state.current - 1, Touched::everything()) + "\ncallee:\n" +
      state(run, run.state, run.state.current, Touched::everything()) + "\n");
  touch_everything();
}

void Log::leave_function(const Run& run, InsnIndex to) {
  if (!on()) return;
  add("returning from callee:\n" + state(run, run.state, run.state.current, Touched::everything()) + "\nto caller at " +
      number(to) + ":\n");
}

void Log::caller(const Run& run) {
  if (!on()) return;
  add(state(run, run.state, run.state.current, Touched::everything()) + "\n");
  touched_ = {};
  jumped_ = true;
}

void Log::infinite_loop(const Run& run, const State& old) {
  if (!on()) return;
  add("cur state:" + state(run, run.state, run.state.current, Touched::everything()) +
      "\nold state:" + state(run, old, old.current, Touched::everything()) + "\n");
}

void Log::loop_done(const Run& run) {
  if (detailed()) add("frame" + std::to_string(run.state.current) + " bpf_loop iteration limit reached\n");
}

void Log::loop(std::string_view what, std::span<const InsnIndex> callsites, std::uint32_t scc) {
  if (!detailed()) return;
  std::string chain;
  for (const InsnIndex callsite : callsites) chain += number(callsite) + ",";
  add("SCC " + std::string(what) + " (" + chain + std::to_string(scc) + ")\n");
}

void Log::precision(const Run& run, const PrecisionStep& step) {
  if (std::holds_alternative<isa::Continuation>(run.program.insns[step.at])) return;
  add("mark_precise: frame" + std::to_string(step.frame) + ": " + masks_text(step.regs, step.slots));
  add(" before " + number(step.at) + ": " + instruction_text(run, step.at) + "\n");
}

void Log::propagating(const PrecisionStep& step) {
  std::string text;
  const auto add_one = [&](const std::string& what) { text += (text.empty() ? "" : ",") + what; };
  for (std::uint32_t reg = 0; reg < kRegs; ++reg)
    if ((step.regs >> reg & 1) != 0) add_one("r" + std::to_string(reg));
  for (std::uint32_t slot = 0; slot < kStackSlots; ++slot)
    if ((step.slots >> slot & 1) != 0) add_one("fp-" + std::to_string((slot + 1) * kSlotBytes));
  if (!text.empty()) add("frame " + std::to_string(step.frame) + ": propagating " + text + "\n");
}

void Log::precision_range(std::uint32_t frame, InsnIndex last, InsnIndex first, InsnIndex following) {
  add("mark_precise: frame" + std::to_string(frame) + ": last_idx " + number(last) + " first_idx " + number(first) +
      " subseq_idx " + number(following) + " \n");
}

void Log::precision_parent(const Run& run, const State& parent, const PrecisionStep& step) {
  add("mark_precise: frame" + std::to_string(step.frame) + ": parent state " + masks_text(step.regs, step.slots) +
      ": " + state(run, parent, step.frame, Touched::everything()) + "\n");
}

void Log::accepted() {
  if (on() && !detailed()) options_->text->resize(std::min(begin_, size()));
}

void Log::finish(const VerifyStats& stats, std::uint64_t step_limit) {
  if (options_ == nullptr || options_->level == 0) return;
  if (statistics())
    add("verification time " + std::to_string(stats.usec) + " usec\nstack depth " + stats.subprogram_stacks + "\n");
  add("processed " + std::to_string(stats.processed) + " insns (limit " + std::to_string(step_limit) +
      ") max_states_per_insn " + std::to_string(stats.max_states_per_insn) + " total_states " +
      std::to_string(stats.states) + " peak_states " + std::to_string(stats.peak_states) + " mark_read 0\n");
}

}  // namespace skep::verifier
