// SPDX-License-Identifier: Apache-2.0
// Shift registers with feedback, as CRCs are computed bit by bit: each step shifts a word and, where a bit was set,
// adds a constant by exclusive or. A step waits for the one before. But every bit of what comes out of a run of steps
// is the exclusive or of bits of what went in, and perhaps 1: the run is a matrix over GF(2). Most of its columns only
// move a bit; what the others add is a constant each, which is masked by its bit and does not wait for the others.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <optional>
#include <vector>

#include "isa/semantics.h"
#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Width;

constexpr unsigned kBits = 64;
constexpr Label kLongest = 128;  // Ops from the one that made the word on.
constexpr std::uint64_t bit(unsigned at) { return std::uint64_t{1} << at; }
constexpr std::uint64_t all_of(Width width) { return ~std::uint64_t{0} >> (kBits - isa::bits(width)); }
/// constant ^ the columns of those bits that are set in what went in.
struct Form {
  std::uint64_t constant = 0;
  std::array<std::uint64_t, kBits> columns{};
  unsigned depth = 0;  ///< How many ops, one after the other, it takes.

  static Form identity() {
    Form form;
    for (unsigned i = 0; i < kBits; ++i) form.columns[i] = bit(i);
    return form;
  }
  template <class Map>
  void each(Map map) {
    constant = map(constant);
    for (std::uint64_t& column : columns) column = map(column);
  }
  void add(const Form& other) {
    constant ^= other.constant;
    for (unsigned i = 0; i < kBits; ++i) columns[i] ^= other.columns[i];
  }
  /// Bits that may be set.
  [[nodiscard]] std::uint64_t ones() const {
    std::uint64_t all = constant;
    for (const std::uint64_t column : columns) all |= column;
    return all;
  }
};

/// Ops from `begin` to `end` that compute `out` from `in`; those that touch none of the registers are something else.
struct Run {
  Label begin = 0, end = 0;
  Reg in, out;
  RegSet written = 0;  ///< Of these, only `out` is needed afterwards.
  Form form;
  std::vector<Op> instead{};
};

class Linear {
 public:
  explicit Linear(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    for (Label at = 0; at < graph_.size(); ++at) {
      const Label done = runs_.empty() ? 0 : runs_.back().end;
      if (at < done || !chooses(at)) continue;
      auto run = run_from(at, done);
      if (run && !contains(graph_.live_before(run->end), kScratch) && shorten(*run)) runs_.push_back(std::move(*run));
    }
    if (!runs_.empty()) rebuild();
  }

 private:
  /// Whether what the op does may depend on a single bit: `-(x & 1)`, or a branch over an exclusive or or a copy.
  [[nodiscard]] bool chooses(Label at) const {
    if (const Alu* alu = graph_.get<Alu>(at)) {
      if (alu->op != AluOp::kNeg || at == 0) return false;
      const Alu* mask = graph_.get<Alu>(at - 1);
      return mask != nullptr && mask->op == AluOp::kAnd && mask->dst == alu->dst && mask->src == Operand(Imm{1});
    }
    const Branch* branch = graph_.get<Branch>(at);
    if (branch == nullptr || branch->target != at + 2 || !std::holds_alternative<Imm>(branch->src)) return false;
    const Alu* over = graph_.get<Alu>(at + 1);
    return over != nullptr && (over->op == AluOp::kXor || over->op == AluOp::kMov);
  }

  /// The longest run that begins where the word was made that the op at `at` chooses by.
  [[nodiscard]] std::optional<Run> run_from(Label at, Label done) {
    const Alu* neg = graph_.get<Alu>(at);
    Value root{neg != nullptr ? neg->dst : graph_.get<Branch>(at)->dst, at};
    std::optional<Label> def;
    while ((def = root.at + kLongest > at ? back_.def(root) : std::nullopt)) {
      const Alu* alu = graph_.get<Alu>(*def);
      if (alu == nullptr) break;
      const bool copied = ignores_dst(alu->op) && std::holds_alternative<Reg>(alu->src);
      const bool cuts =
          (alu->op == AluOp::kAnd || alu->op == AluOp::kLsh || alu->op == AluOp::kRsh || alu->op == AluOp::kArsh) &&
          std::holds_alternative<Imm>(alu->src);
      if (!copied && !cuts) break;
      root = {copied ? std::get<Reg>(alu->src) : alu->dst, *def};
    }
    Run run{.begin = def ? *def + 1 : root.at, .end = 0, .in = root.reg, .out = kNoReg, .written = 0, .form = {}};
    if (run.begin < done) return std::nullopt;
    forms_.fill(std::nullopt);
    written_ = others_ = 0;
    join_ = run.begin;
    forms_[run.in.index] = Form::identity();
    extend(run);
    return run.end == 0 ? std::nullopt : std::optional(run);
  }

  /// Goes on as long as everything is linear; ends where one register holds all that is needed of it.
  void extend(Run& run) {
    Label at = run.begin;
    while (at < graph_.size() && at - run.begin < kLongest) {
      if (graph_.is_target(at) && at != join_) return;
      if (!step(at)) return;
      if (at >= graph_.size() || (written_ & others_) != 0) return;
      const RegSet live = static_cast<RegSet>(graph_.live_before(at) & written_);
      if (!std::has_single_bit(live)) continue;
      const Reg out{static_cast<std::uint8_t>(std::countr_zero(live))};
      run.end = at;
      run.out = out;
      run.written = written_;
      run.form = *forms_[out.index];
    }
  }

  /// One op, or a branch and what it leads over. Moves `at` behind it.
  [[nodiscard]] bool step(Label& at) {
    const Effects effects = graph_.effects(at);
    if (const Branch* branch = graph_.get<Branch>(at)) return choose(at, *branch);
    const auto touches = static_cast<RegSet>(effects.reads | effects.writes);
    if ((touches & (linear() | written_)) == 0) {
      if (graph_.branches(at) || !graph_.continues(at) || contains(touches, kScratch)) return false;
      others_ |= touches;
      ++at;
      return true;
    }
    const Alu* alu = graph_.get<Alu>(at);
    if (alu == nullptr) return false;
    const auto result = eval(*alu);
    if (!result) return false;
    forms_[alu->dst.index] = *result;
    written_ |= set_of(alu->dst);
    ++at;
    return true;
  }

  /// What the op makes of linear values; nullopt: nothing linear.
  [[nodiscard]] std::optional<Form> eval(const Alu& op) const {
    const Reg* reg = std::get_if<Reg>(&op.src);
    Form src;
    if (reg == nullptr) {
      src.constant = static_cast<std::uint64_t>(std::get<Imm>(op.src).value);
    } else if (forms_[reg->index]) {
      src = *forms_[reg->index];
    } else {
      return std::nullopt;
    }
    if (ignores_dst(op.op)) {
      src.each([&](std::uint64_t value) { return isa::eval(op.op, op.width, 0, value); });
      return src;
    }
    if (!forms_[op.dst.index]) return std::nullopt;
    Form form = *forms_[op.dst.index];
    form.depth = 1 + std::max(form.depth, src.depth);
    if (op.op == AluOp::kXor) {
      form.add(src);
      form.each([&](std::uint64_t value) { return value & all_of(op.width); });
      return form;
    }
    const bool masks = op.op == AluOp::kAnd || op.op == AluOp::kLsh || op.op == AluOp::kRsh || op.op == AluOp::kArsh;
    const bool spreads = op.op == AluOp::kNeg && (form.ones() & all_of(op.width)) <= 1;
    if (!(masks && reg == nullptr) && !spreads) return std::nullopt;
    form.each([&](std::uint64_t value) { return isa::eval(op.op, op.width, value, src.constant); });
    return form;
  }

  /// A bit of the input that a branch tests: whether it is taken, 0 or 1, as a form.
  [[nodiscard]] std::optional<Form> taken_if(const Branch& branch) const {
    const Imm* imm = std::get_if<Imm>(&branch.src);
    const std::optional<Form>& tested = forms_[branch.dst.index];
    if (imm == nullptr || !tested) return std::nullopt;
    const std::uint64_t ones = tested->ones() & all_of(branch.width);
    const unsigned sign = isa::bits(branch.width) - 1;
    unsigned at = sign;
    bool when_set = true;
    if ((branch.op == JmpOp::kEq || branch.op == JmpOp::kNe) && imm->value == 0 && std::has_single_bit(ones)) {
      at = static_cast<unsigned>(std::countr_zero(ones));
      when_set = branch.op == JmpOp::kNe;
    } else if (branch.op == JmpOp::kSet) {
      const std::uint64_t mask = static_cast<std::uint64_t>(imm->value) & ones;
      if (!std::has_single_bit(mask)) return std::nullopt;
      at = static_cast<unsigned>(std::countr_zero(mask));
      when_set = !branch.unless;
    } else if ((branch.op == JmpOp::kSLt && imm->value == 0) || (branch.op == JmpOp::kSLe && imm->value == -1)) {
      when_set = true;
    } else if ((branch.op == JmpOp::kSGt && imm->value == -1) || (branch.op == JmpOp::kSGe && imm->value == 0)) {
      when_set = false;
    } else {
      return std::nullopt;
    }
    Form form = *tested;
    form.each([&](std::uint64_t value) { return value >> at & 1; });
    if (!when_set) form.constant ^= 1;
    return form;
  }

  /// Either way leads behind the branch and a few ops; what they leave differs by a constant at most.
  [[nodiscard]] bool choose(Label& at, const Branch& branch) {
    constexpr Label kMostSkipped = 4;
    constexpr unsigned kMissed = 8;  // Data decides: what a branch that is predicted wrongly costs, at least.
    const Label join = branch.target;
    if (join <= at + 1 || join > at + 1 + kMostSkipped || join >= graph_.size() || graph_.sources(join) != 1)
      return false;
    const auto taken = taken_if(branch);
    if (!taken) return false;
    const auto before = forms_;
    for (Label over = at + 1; over < join; ++over) {
      const Alu* alu = graph_.get<Alu>(over);
      if (alu == nullptr || graph_.is_target(over)) return false;
      const auto result = eval(*alu);
      if (!result) return false;
      forms_[alu->dst.index] = *result;
      written_ |= set_of(alu->dst);
    }
    for (std::size_t reg = 0; reg < kRegs; ++reg) {
      if (!forms_[reg]) continue;
      if (!before[reg]) {
        forms_[reg] = std::nullopt;
        if (contains(graph_.live_before(join), Reg{static_cast<std::uint8_t>(reg)})) return false;
        continue;
      }
      Form& through = *forms_[reg];
      if (through.columns == before[reg]->columns && through.constant == before[reg]->constant) continue;
      if (through.columns != before[reg]->columns) return false;
      const std::uint64_t difference = through.constant ^ before[reg]->constant;
      Form chosen = *taken;
      chosen.each([&](std::uint64_t value) { return value != 0 ? difference : 0; });
      through.add(chosen);
      through.depth = std::max(through.depth, taken->depth) + kMissed;
    }
    at = join_ = join;
    return true;
  }

  [[nodiscard]] RegSet linear() const {
    RegSet all = 0;
    for (std::uint8_t reg = 0; reg < kRegs; ++reg)
      if (forms_[reg]) all |= set_of(Reg{reg});
    return all;
  }

  /// Columns that a shift of the input does not account for, as long as they are fewer than `most`.
  [[nodiscard]] static unsigned count_others(const Form& form, int left, Width width, unsigned most) {
    unsigned count = 0;
    for (unsigned i = 0; i < isa::bits(width) && count < most; ++i)
      if (form.columns[i] != moved(bit(i), left, width)) ++count;
    return count;
  }
  [[nodiscard]] static std::vector<unsigned> others(const Form& form, int left, Width width) {
    std::vector<unsigned> columns;
    for (unsigned i = 0; i < isa::bits(width); ++i)
      if (form.columns[i] != moved(bit(i), left, width)) columns.push_back(i);
    return columns;
  }
  static std::uint64_t moved(std::uint64_t value, int left, Width width) {
    return (left >= 0 ? value << left : value >> -left) & all_of(width);
  }

  /// Finds other ops for the run that take less time.
  static bool shorten(Run& run) {
    constexpr unsigned kFirst = 4;  // Ops before the first sum. There is one for each column.
    if (run.form.depth <= kFirst) return false;
    std::uint64_t high = run.form.ones() >> 32;
    for (unsigned i = 32; i < kBits; ++i) high |= run.form.columns[i];
    const Width width = high == 0 ? Width::k32 : Width::k64;
    const int bits = static_cast<int>(isa::bits(width));
    const unsigned most = run.form.depth - kFirst;
    int left = 0;
    unsigned fewest = count_others(run.form, left, width, most);
    for (int shift = 1 - bits; shift < bits; ++shift)
      if (const unsigned count = count_others(run.form, shift, width, fewest); count < fewest) {
        fewest = count;
        left = shift;
      }
    return fewest < most && write(run, others(run.form, left, width), left, width);
  }

  /// The input, shifted; and for each column what it adds, masked by its bit.
  static bool write(Run& run, const std::vector<unsigned>& columns, int left, Width width) {
    const auto emit = [&](AluOp op, Reg dst, Operand src) {
      run.instead.emplace_back(Alu{.op = op, .width = width, .divisor = {}, .dst = dst, .src = src});
    };
    const auto immediate = [&](std::uint64_t value) {
      const bool fits = width == Width::k32 || fits_int32(static_cast<std::int64_t>(value));
      return fits ? std::optional(Imm{static_cast<std::int32_t>(value)}) : std::nullopt;
    };
    // What is free: the other registers that the run writes, and the scratch register.
    std::array<Reg, 2> free{kScratch, kScratch};
    std::size_t found = 0;
    if (run.in == kScratch || run.out == kScratch) return false;
    if (!(run.out == run.in)) free[found++] = run.out;
    for (std::uint8_t reg = 0; reg < kScratch.index && found < 2; ++reg)
      if (contains(run.written, Reg{reg}) && !(Reg{reg} == run.in) && !(Reg{reg} == run.out)) free[found++] = Reg{reg};
    if (found == 0) return false;
    const auto [sum, term] = free;

    emit(AluOp::kMov, sum, run.in);
    if (left != 0) emit(left > 0 ? AluOp::kLsh : AluOp::kRsh, sum, Imm{std::abs(left)});
    if (run.form.constant != 0) {
      const auto constant = immediate(run.form.constant);
      if (!constant) return false;
      emit(AluOp::kXor, sum, *constant);
    }
    const auto last = static_cast<std::int64_t>(isa::bits(width)) - 1;
    for (const unsigned column : columns) {
      const auto adds = immediate(run.form.columns[column] ^ moved(bit(column), left, width));
      if (!adds) return false;
      emit(AluOp::kMov, term, run.in);
      if (column != last) emit(AluOp::kLsh, term, Imm{last - column});
      emit(AluOp::kArsh, term, Imm{last});
      if (adds->value != -1) emit(AluOp::kAnd, term, *adds);
      emit(AluOp::kXor, sum, term);
    }
    if (!(sum == run.out)) emit(AluOp::kMov, run.out, sum);
    return true;
  }

  void rebuild() {
    Rebuild out(graph_);
    auto run = runs_.begin();
    for (Label at = 0; at < graph_.size(); ++at) {
      if (run == runs_.end() || at < run->begin) {
        out.keep(at);
        continue;
      }
      const auto ours = static_cast<RegSet>(run->written | set_of(run->in));
      for (; at < run->end; ++at) {
        const Effects effects = graph_.effects(at);
        out.place(at);
        if (((effects.reads | effects.writes) & ours) == 0) out.emit(graph_.op(at), graph_.code().origin[at]);
      }
      --at;
      for (const Op& op : run->instead) out.emit(op, graph_.code().origin[at]);
      ++run;
    }
    graph_.rebuild(out.finish());
  }

  Graph& graph_;
  Lookback back_;
  std::array<std::optional<Form>, kRegs> forms_;
  RegSet written_ = 0;  // By the run.
  RegSet others_ = 0;   // What ops between those of the run touch.
  Label join_ = 0;      // Where the run begins, or goes on behind its last branch.
  std::vector<Run> runs_;
};

}  // namespace

void linear(Graph& graph) { Linear(graph).run(); }

}  // namespace skep::lower::passes
