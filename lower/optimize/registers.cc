// SPDX-License-Identifier: Apache-2.0
// eBPF has ten registers, hosts have more. In functions that call nothing, each value (a web: definitions and what they
// may reach) gets a register anew, and so do the slots of the stack that are loaded and stored as a whole: colouring of
// the graph of webs that are live at the same time. Slots for which no register is left stay where they are.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "lower/optimize/colouring.h"
#include "lower/optimize/dataflow.h"
#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"
#include "lower/optimize/rename.h"
#include "lower/optimize/slots.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Size;
using isa::Width;

using Web = std::uint32_t;
constexpr Web kNoWeb = ~Web{0};
/// Longer functions run once, and are not worth the time.
constexpr Label kMostOps = 6000;
constexpr std::uint32_t kMostWeight = 10000;

/// All but r10, which stays the frame pointer.
constexpr Vars kProgramRegs = (bit(kRegs) - 1) & ~bit(isa::kR10.index);

/// The register that the op writes, if it names one.
Reg* written(Op& op) {
  if (Atomic* atomic = std::get_if<Atomic>(&op))
    return atomic->op != isa::AtomicOp::kCmpXchg && effects_of(op).writes != 0 ? &atomic->reg : nullptr;
  if (std::holds_alternative<Branch>(op)) return nullptr;
  return std::visit(
      [](auto& any) -> Reg* {
        if constexpr (requires { any.dst; }) {
          return &any.dst;
        } else {
          return nullptr;
        }
      },
      op);
}
/// Ops for which values have to be in certain registers, or that need the run.
bool has_convention(const Op& op) {
  return std::holds_alternative<CallHelper>(op) || std::holds_alternative<CallLocal>(op) ||
         std::holds_alternative<TailCall>(op) || std::holds_alternative<Illegal>(op) ||
         std::holds_alternative<LoadEnv>(op);
}

// Webs.

struct WebInfo {
  Var var = 0;
  std::uint64_t weight = 0;
  Reg fixed = kNoReg;                   // Where a call or a return, or the caller, has it.
  bool from_entry = false;              // Some use may see what was there before the function.
  bool is_short = true;                 // The upper half of what it holds is 0.
  std::uint8_t stored = 8, loaded = 0;  // Slots: the shortest store, the longest load.
  [[nodiscard]] bool is_slot() const { return var >= kRegs; }
};

class Allocation {
 public:
  Allocation(Graph& graph, const Function& function, Label end)
      : graph_(graph), function_(function), begin_(function.entry), end_(end), slots_(graph, function_, end) {}

  /// False: nothing changed.
  bool run() {
    if (end_ - begin_ > kMostOps) return false;
    for (Label at = begin_; at < end_; ++at)
      if (has_convention(graph_.op(at))) return false;
    weigh();
    slots_.find(weights_);
    slot_of_.resize(end_ - begin_);
    for (Label at = begin_; at < end_; ++at) slot_of_[at - begin_] = slots_.var_at(at);
    if (!pays()) return false;
    find_wide();
    find_liveness();
    find_webs();
    find_short_ones();
    frame_stays_ = slots_.frame_stays();
    judge_slots();
    number_webs();
    interfere();
    if (!colour()) return false;
    rewrite();
    return true;
  }

 private:
  /// By variable, its web.
  using Current = std::array<Web, kVars>;

  [[nodiscard]] Var slot_at(Label at) const { return slot_of_[at - begin_]; }
  [[nodiscard]] bool is_store(Label at) const { return std::holds_alternative<Store>(graph_.op(at)); }

  /// Ten times as much for each loop around an op.
  void weigh() {
    weights_.assign(end_ - begin_, 1);
    for (Label at = begin_; at < end_; ++at) {
      const Label* target = target_of(graph_.op(at));
      if (target == nullptr || *target > at) continue;
      for (Label inner = *target; inner <= at; ++inner)
        weights_[inner - begin_] = std::min(10 * weights_[inner - begin_], kMostWeight);
    }
  }

  /// Whether there is a slot, or a copy in a loop.
  [[nodiscard]] bool pays() const {
    for (Label at = begin_; at < end_; ++at) {
      if (slot_at(at) != kNoVar) return true;
      const Alu* alu = weights_[at - begin_] > 1 ? graph_.get<Alu>(at) : nullptr;
      if (alu != nullptr && alu->op == AluOp::kMov && std::holds_alternative<Reg>(alu->src)) return true;
    }
    return false;
  }

  // Liveness of variables.

  [[nodiscard]] Vars reads(Label at) const {
    const Vars regs = graph_.effects(at).reads & kProgramRegs;
    return slot_at(at) == kNoVar || (is_store(at) && !keeps_a_part(at)) ? regs : regs | bit(slot_at(at));
  }
  /// Whether it is a store of 4 bytes into a slot of which the other 4 may still be loaded.
  [[nodiscard]] bool keeps_a_part(Label at) const {
    return is_store(at) && slot_bytes(at) < 8 && (wide_after(at) & bit(slot_at(at))) != 0;
  }
  /// Slots of which all 8 bytes may be loaded.
  void find_wide() {
    wide_ = solve_backwards<Vars>(region(), [&](Label at, Vars wide) {
      const Var slot = slot_at(at);
      if (slot == kNoVar || slot_bytes(at) < 8) return wide;
      return is_store(at) ? wide & ~bit(slot) : wide | bit(slot);
    });
  }
  [[nodiscard]] Vars wide_after(Label at) const { return region().after(wide_, at); }
  [[nodiscard]] Vars writes(Label at) const {
    const Vars regs = graph_.effects(at).writes & kProgramRegs;
    return slot_at(at) == kNoVar || !is_store(at) ? regs : regs | bit(slot_at(at));
  }
  void find_liveness() {
    live_ = solve_backwards<Vars>(region(), [&](Label at, Vars live) { return (live & ~writes(at)) | reads(at); });
  }
  [[nodiscard]] Vars live_before(Label at) const { return live_[at - begin_]; }
  [[nodiscard]] Vars live_after(Label at) const { return region().after(live_, at); }
  [[nodiscard]] Region region() const {
    return {.code = graph_.code(), .outlines = graph_.outlines(), .begin = begin_, .end = end_};
  }

  // Webs.

  Web root(Web web) {
    while (parent_[web] != web) web = parent_[web] = parent_[parent_[web]];
    return web;
  }
  Web make(Var var) {
    const auto web = static_cast<Web>(parent_.size());
    parent_.push_back(web);
    infos_.push_back({.var = var});
    return web;
  }
  void join(Web a, Web b) {
    a = root(a);
    b = root(b);
    if (a != b) parent_[std::max(a, b)] = std::min(a, b);
  }

  /// The webs that meet where something branches to: one for each variable that lives there.
  void make_entries() {
    entries_.assign(end_ - begin_, kNoWeb);
    for (Label at = begin_; at < end_; ++at) {
      if (!graph_.is_target(at)) continue;
      entries_[at - begin_] = static_cast<Web>(parent_.size());
      for_each_var(live_before(at), [&](Var var) { make(var); });
    }
  }
  [[nodiscard]] Web entry(Label at, Var var) const {
    const Vars below = live_before(at) & (bit(var) - 1);
    return entries_[at - begin_] + static_cast<Web>(std::popcount(below));
  }

  void find_webs() {
    make_entries();
    Current now;
    now.fill(kNoWeb);
    defs_.assign(end_ - begin_, kNoWeb);
    first_name_.assign(end_ - begin_, 0);
    for (Label at = begin_; at < end_; ++at) {
      if (graph_.is_target(at)) {
        const bool falls_in = at != begin_ && graph_.continues(at - 1);
        for_each_var(live_before(at), [&](Var var) {
          if (falls_in) join(current(now, var), entry(at, var));
          now[var] = entry(at, var);
        });
      }
      name(at, now);
      if (graph_.branches(at)) {
        const Label target = *target_of(graph_.op(at));
        for_each_var(live_before(target), [&](Var var) { join(current(now, var), entry(target, var)); });
      }
    }
    // A function's entry is a target, too.
    for_each_var(live_before(begin_), [&](Var var) {
      WebInfo& info = infos_[entry(begin_, var)];
      info.from_entry = true;
      if (var < kRegs) info.fixed = Reg{static_cast<std::uint8_t>(var)};
    });
    gather();
  }
  /// Writes down the webs of the op's registers, in the order of for_each_register, and of its slot.
  void name(Label at, Current& now) {
    Op op = graph_.op(at);
    const Reg* dst = written(op);
    const Effects effects = graph_.effects(at);
    first_name_[at - begin_] = static_cast<std::uint32_t>(names_.size());
    RegSet implied = effects.reads;
    for_each_register(op, [&](const Reg& reg) {
      implied &= static_cast<RegSet>(~set_of(reg));
      names_.push_back(reg == isa::kR10 || &reg == dst ? kNoWeb : use(current(now, reg.index), at));
    });
    // It may name r0, too.
    if (const Atomic* atomic = std::get_if<Atomic>(&op); atomic != nullptr && atomic->op == isa::AtomicOp::kCmpXchg)
      implied |= set_of(isa::kR0);
    for_each_var(Vars{implied} & kProgramRegs, [&](Var var) { fix(current(now, var), var); });
    const Var slot = slot_at(at);
    if (slot != kNoVar && !is_store(at)) {
      names_.push_back(use(current(now, slot), at));
      WebInfo& info = infos_[now[slot]];
      info.loaded = std::max<std::uint8_t>(info.loaded, static_cast<std::uint8_t>(slot_bytes(at)));
    }
    const Vars defined = writes(at);
    for_each_var(defined, [&](Var var) {
      const Web web = make(var);
      defs_[at - begin_] = web;
      infos_[web].weight = weights_[at - begin_];
      if (dst == nullptr && var < kRegs) fix(web, var);
      if (var >= kRegs) {
        infos_[web].stored = static_cast<std::uint8_t>(slot_bytes(at));
        if (keeps_a_part(at)) join(current(now, var), web);
      }
      // The host has the result where one operand was.
      if (dst != nullptr && contains(effects.reads, *dst) && is_tied(op)) join(current(now, var), web);
      now[var] = web;
    });
  }
  static bool is_tied(const Op& op) {
    if (const Alu* alu = std::get_if<Alu>(&op)) return !ignores_dst(alu->op);
    return std::holds_alternative<ByteSwap>(op) || std::holds_alternative<AddWithCarry>(op) ||
           std::holds_alternative<AluLoad>(op) || std::holds_alternative<Atomic>(op);
  }
  Web use(Web web, Label at) {
    infos_[web].weight += weights_[at - begin_];
    return web;
  }
  void fix(Web web, Var var) { infos_[web].fixed = Reg{static_cast<std::uint8_t>(var)}; }
  /// In code that cannot run, a variable may come from nowhere.
  Web current(Current& now, Var var) {
    if (now[var] != kNoWeb) return now[var];
    now[var] = make(var);
    infos_[now[var]].from_entry = true;
    if (var < kRegs) fix(now[var], var);
    return now[var];
  }
  [[nodiscard]] std::uint32_t slot_bytes(Label at) const {
    if (const Load* load = graph_.get<Load>(at)) return isa::bytes(load->size);
    return isa::bytes(graph_.get<Store>(at)->size);
  }
  /// What is known of parts holds of their web.
  void gather() {
    for (Web web = 0; web < parent_.size(); ++web) {
      const WebInfo& part = infos_[web];
      WebInfo& whole = infos_[root(web)];
      if (&part == &whole) continue;
      whole.weight += part.weight;
      if (!(part.fixed == kNoReg)) whole.fixed = part.fixed;
      whole.from_entry = whole.from_entry || part.from_entry;
      whole.stored = std::min(whole.stored, part.stored);
      whole.loaded = std::max(whole.loaded, part.loaded);
    }
  }

  /// The web of the n-th register of the op.
  Web name_at(Label at, std::uint32_t n) {
    const Web web = names_[first_name_[at - begin_] + n];
    return web == kNoWeb ? kNoWeb : root(web);
  }
  Web def_at(Label at) {
    const Web web = defs_[at - begin_];
    return web == kNoWeb ? kNoWeb : root(web);
  }

  // Copies.

  /// The web whose value the op moves to another one, in whatever width.
  Web moved(Label at) {
    if (slot_at(at) != kNoVar) {
      if (!is_store(at)) return name_at(at, 2);  // Behind dst and r10.
      const Reg* src = std::get_if<Reg>(&graph_.get<Store>(at)->src);
      return src != nullptr ? name_at(at, 0) : kNoWeb;
    }
    const Alu* alu = graph_.get<Alu>(at);
    const bool copies = alu != nullptr && alu->op == AluOp::kMov && std::holds_alternative<Reg>(alu->src);
    return copies && !(std::get<Reg>(alu->src) == isa::kR10) ? name_at(at, 1) : kNoWeb;
  }
  [[nodiscard]] std::uint32_t moved_bytes(Label at) const {
    if (slot_at(at) != kNoVar) return slot_bytes(at);
    return isa::bits(graph_.get<Alu>(at)->width) / 8;
  }
  /// The web of which the op makes a copy, all 64 bits; kNoWeb: of none.
  Web copied(Label at) {
    const Web from = moved(at);
    return from != kNoWeb && (moved_bytes(at) == 8 || infos_[from].is_short) ? from : kNoWeb;
  }

  /// Optimistically; a web is long when a definition may make it so.
  void find_short_ones() {
    for (Web web = 0; web < parent_.size(); ++web)
      if (infos_[web].from_entry) infos_[root(web)].is_short = false;
    for (bool again = true; again;) {
      again = false;
      for (Label at = begin_; at < end_; ++at) {
        const Web def = def_at(at);
        if (def == kNoWeb || !infos_[def].is_short || makes_short(at)) continue;
        infos_[def].is_short = false;
        again = true;
      }
    }
  }
  bool makes_short(Label at) {
    if (const Web from = moved(at); from != kNoWeb) return moved_bytes(at) < 8 || infos_[from].is_short;
    const Op& op = graph_.op(at);
    if (const Alu* alu = std::get_if<Alu>(&op)) {
      if (alu->width == Width::k32) return true;
      const Imm* imm = std::get_if<Imm>(&alu->src);
      if (imm == nullptr) return false;
      if (alu->op == AluOp::kMov) return imm->value >= 0 && imm->value <= 0xffffffff;
      return (alu->op == AluOp::kAnd && imm->value >= 0) || (alu->op == AluOp::kRsh && imm->value >= 32);
    }
    if (const Load* load = std::get_if<Load>(&op)) return load->size != Size::k64 && load->extend == isa::Extend::kZero;
    if (const Store* store = std::get_if<Store>(&op)) {
      const auto value = std::get<Imm>(store->src).value;
      return store->size == Size::k32 || (value >= 0 && value <= 0xffffffff);
    }
    if (const Sum* sum = std::get_if<Sum>(&op)) return sum->width == Width::k32;
    if (const Rotate* rotate = std::get_if<Rotate>(&op)) return rotate->width == Width::k32;
    if (const ByteSwap* swap = std::get_if<ByteSwap>(&op)) return swap->bits <= 32;
    return std::holds_alternative<CountBits>(op);
  }

  /// A slot of which a part comes from elsewhere stays in memory.
  void judge_slots() {
    in_memory_.assign(parent_.size(), 0);
    for (Web web = 0; web < parent_.size(); ++web) {
      const WebInfo& info = infos_[web];
      if (root(web) != web || !info.is_slot() || (!info.from_entry && info.loaded <= info.stored)) continue;
      in_memory_[web] = 1;
      frame_stays_ = true;
    }
  }

  // Colouring.

  /// False: some register of the program got none.
  bool colour() {
    const Spares& spares = graph_.spares();
    const auto all = static_cast<RegSet>((kProgramRegs & (bit(kFirstSpare) - 1)) | spares.regs);
    const auto cheap = static_cast<RegSet>(~spares.saved);
    // The frame's register is to be had if no slot needs the frame.
    if (!frame_stays_ && colours_->try_out(all, cheap) && colours_->is_complete())
      return colours_->run() && colours_->is_complete();
    return colours_->try_out(static_cast<RegSet>(all & ~spares.frame), cheap) && colours_->run();
  }
  void number_webs() {
    place_.assign(parent_.size(), kNoWeb);
    std::vector<Colouring::Info> nodes;
    for (Web web = 0; web < parent_.size(); ++web) {
      if (root(web) != web || in_memory_[web] != 0) continue;
      const WebInfo& info = infos_[web];
      place_[web] = static_cast<Colouring::Node>(nodes.size());
      nodes.push_back({.fixed = info.fixed,
                       .wish = info.is_slot() ? kNoReg : Reg{static_cast<std::uint8_t>(info.var)},
                       .weight = info.weight,
                       .optional = info.is_slot()});
    }
    // Of every web, by its root.
    for (Web web = 0; web < parent_.size(); ++web) place_[web] = place_[root(web)];
    colours_.emplace(std::move(nodes));
  }

  /// Steps through the function with the node of each variable at hand.
  void interfere() {
    Current now;
    now.fill(kNoWeb);
    const auto forbid = [&](Vars vars, RegSet lost) {
      for_each_var(vars, [&](Var var) {
        if (now[var] != kNoWeb) colours_->forbid(now[var], lost);
      });
    };
    for (Label at = begin_; at < end_; ++at) {
      if (graph_.is_target(at)) for_each_var(live_before(at), [&](Var var) { now[var] = place_[entry(at, var)]; });
      if (at == begin_) connect_all(live_before(at), now);
      const RegSet lost = graph_.spares().lost == nullptr ? RegSet{0} : graph_.spares().lost(graph_.op(at));
      if (lost != 0) forbid(live_before(at), lost);
      const Vars written = writes(at);
      if (written == 0) continue;
      const Web def = defs_[at - begin_] == kNoWeb ? kNoWeb : place_[defs_[at - begin_]];
      for_each_var(written, [&](Var var) { now[var] = def; });
      if (lost != 0) forbid(live_after(at) | written, lost);
      if (def == kNoWeb) continue;
      const Web copy_of = copied(at), from = copy_of == kNoWeb ? kNoWeb : place_[copy_of];
      for_each_var(live_after(at), [&](Var var) {
        if (now[var] != kNoWeb && now[var] != from) colours_->connect(def, now[var]);
      });
      if (from != kNoWeb) colours_->copies(def, from, weights_[at - begin_]);
      keep_apart(at, def);
    }
  }
  void connect_all(Vars vars, const Current& now) {
    for_each_var(vars, [&](Var a) {
      for_each_var(vars, [&](Var b) {
        if (now[a] != kNoWeb && now[b] != kNoWeb) colours_->connect(now[a], now[b]);
      });
    });
  }
  /// Ops whose result is written before all operands are read.
  void keep_apart(Label at, Web def) {
    const Op& op = graph_.op(at);
    const bool sum = std::holds_alternative<AddWithCarry>(op);
    if (!sum && !std::holds_alternative<Rotate>(op)) return;
    Op copy = op;
    std::uint32_t n = 0;
    for_each_register(copy, [&](const Reg&) {
      const Web other = name_at(at, n++);
      // A rotation may be in place.
      if (other != kNoWeb && place_[other] != kNoWeb && (sum || n == 3)) colours_->connect(def, place_[other]);
    });
  }

  // The new code.

  /// kNoReg: the web stays in memory.
  Reg register_of(Web web) { return place_[web] == kNoWeb ? kNoReg : colours_->given(place_[web]); }

  void rewrite() {
    for (Label at = begin_; at < end_; ++at) {
      Op op = graph_.op(at);
      const Reg* dst = written(op);
      std::uint32_t n = 0;
      bool differs = slot_at(at) != kNoVar;
      for_each_register(op, [&](Reg& reg) {
        const Web web = &reg == dst ? def_at(at) : name_at(at, n);
        ++n;
        const Reg given = web == kNoWeb ? reg : register_of(web);
        differs = differs || !(given == reg);
        reg = given;
      });
      if (slot_at(at) != kNoVar) op = moved_slot(at, op, n);
      if (is_no_move(at, op)) {
        graph_.replace(at, Nop{});
      } else if (differs) {
        graph_.replace(at, op);
      }
    }
  }
  /// The access with a register in the place of its slot.
  Op moved_slot(Label at, const Op& op, std::uint32_t registers) {
    Alu move{.op = AluOp::kMov, .width = Width::k64, .divisor = {}, .dst = kNoReg, .src = Imm{0}};
    if (const Load* load = std::get_if<Load>(&op)) {
      const Reg slot = register_of(name_at(at, registers));
      if (slot == kNoReg) return op;
      move.dst = load->dst;
      move.src = slot;
      if (load->size == Size::k32) move.width = Width::k32;
      return move;
    }
    const Store& store = std::get<Store>(op);
    move.dst = register_of(def_at(at));
    if (move.dst == kNoReg) return op;
    move.src = store.src;
    if (store.size == Size::k32) move.width = Width::k32;
    if (const Imm* imm = std::get_if<Imm>(&store.src); imm != nullptr && store.size == Size::k32) {
      move.width = Width::k64;
      move.src = Imm{static_cast<std::int64_t>(static_cast<std::uint32_t>(imm->value))};
    }
    return move;
  }
  bool is_no_move(Label at, const Op& op) {
    const Alu* alu = std::get_if<Alu>(&op);
    return alu != nullptr && alu->op == AluOp::kMov && alu->src == Operand(alu->dst) && copied(at) != kNoWeb;
  }

  Graph& graph_;
  const Function function_;
  Label begin_, end_;
  Slots slots_;
  std::vector<std::uint32_t> weights_;  // By op, as all vectors up to entries_.
  std::vector<Var> slot_of_;
  std::vector<Vars> wide_, live_;  // Before each.
  std::vector<Web> defs_;
  std::vector<std::uint32_t> first_name_;
  std::vector<Web> entries_;
  std::vector<Web> names_;
  std::vector<Web> parent_;  // By web, as infos_ and in_memory_.
  std::vector<WebInfo> infos_;
  std::vector<std::uint8_t> in_memory_;
  bool frame_stays_ = false;
  std::vector<Web> place_;  // By web: its node.
  std::optional<Colouring> colours_;
};

/// Words of the stack that are cleared in one go and loaded one by one are stored one by one: then they may be in
/// registers.
void split_clears(Graph& graph) {
  constexpr std::uint32_t kMost = 32;
  std::vector<std::int32_t> loaded;
  bool calls = false;
  for (Label at = 0; at < graph.size(); ++at) {
    const Load* load = graph.get<Load>(at);
    if (load != nullptr && load->base == isa::kR10 && load->size == Size::k64 && load->index == kNoReg)
      loaded.push_back(load->offset);
    calls = calls || has_convention(graph.op(at));
  }
  const auto is_split = [&](const Clear* clear) {
    if (clear == nullptr || !(clear->base == isa::kR10) || clear->bytes > kMost) return false;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(clear->bytes); i += 8)
      if (std::ranges::find(loaded, clear->offset + i) == loaded.end()) return false;
    return true;
  };
  bool some = false;
  for (Label at = 0; at < graph.size() && !calls; ++at) some = some || is_split(graph.get<Clear>(at));
  if (!some) return;
  Rebuild out(graph);
  for (Label at = 0; at < graph.size(); ++at) {
    const Clear* clear = graph.get<Clear>(at);
    if (!is_split(clear)) {
      out.keep(at);
      continue;
    }
    out.place(at);
    for (std::uint32_t i = 0; i < clear->bytes; i += 8)
      out.emit(Store{.size = Size::k64,
                     .base = isa::kR10,
                     .offset = clear->offset + static_cast<std::int32_t>(i),
                     .src = Imm{0}},
               graph.code().origin[at]);
  }
  graph.rebuild(out.finish());
}

}  // namespace

void registers(Graph& graph) {
  split_clears(graph);
  // What nobody reads would get registers, too.
  dead(graph);
  graph.fresh();
  const std::vector<Function> functions = graph.code().functions;
  bool changed = false;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    const Label end = i + 1 < functions.size() ? functions[i + 1].entry : graph.size();
    changed = Allocation(graph, functions[i], end).run() || changed;
  }
  if (changed) graph.give_spares();
}

}  // namespace skep::lower::passes
