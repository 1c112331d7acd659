// SPDX-License-Identifier: Apache-2.0
// Precision: random straight-line arithmetic and comparisons on unknown numbers, judged by the running kernel at
// log_level 2 and by verifier/transfer; the text of every register after every instruction must be the same.
// SKEP_SCALAR_PROGRAMS sets the number of programs, SKEP_SCALAR_SEED the seed. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>

#include "isa/semantics.h"
#include "kernel/bpf.h"
#include "skep/isa.h"
#include "verifier/transfer/alu.h"
#include "verifier/transfer/branch.h"

namespace skep {
namespace {

using isa::AluOp;
using isa::InsnIndex;
using isa::Reg;
using isa::Width;
using verifier::Outcome;
using verifier::Scalar;

constexpr std::uint8_t kFirst = 6, kNumbers = 3;  // r6 to r8 hold the numbers.

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  isa::Insns program(int length) {
    insns_.clear();
    for (std::uint8_t i = 0; i < kNumbers; ++i) {
      insns_.push_back(isa::Call{isa::CallKind::kHelper, 7, 0});  // get_prandom_u32
      insns_.push_back(isa::Alu{AluOp::kMov, Width::k64, Reg{static_cast<std::uint8_t>(kFirst + i)}, isa::kR0});
    }
    insns_.push_back(isa::Alu{AluOp::kMov, Width::k64, isa::kR0, isa::Imm{0}});
    first_ = static_cast<InsnIndex>(insns_.size());
    for (int i = 0; i < length; ++i) step();
    insns_.push_back(isa::Exit{});
    for (const InsnIndex at : to_end_) aim(at);
    to_end_.clear();
    return insns_;
  }
  [[nodiscard]] InsnIndex first() const { return first_; }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  Reg number() { return Reg{static_cast<std::uint8_t>(kFirst + pick(kNumbers))}; }
  Width width() { return pick(2) == 0 ? Width::k32 : Width::k64; }

  std::int32_t immediate() {
    static constexpr std::array<std::int32_t, 12> kEdges = {0,    1,     -1,     2,       7,         8,
                                                            0xff, 0x100, 0xffff, 1 << 30, INT32_MAX, INT32_MIN};
    switch (pick(5)) {
      case 0:
        return kEdges[pick(kEdges.size())];
      case 1:
        return static_cast<std::int32_t>(pick(64));
      case 2:
        return static_cast<std::int32_t>(std::uint32_t{1} << pick(32));
      case 3:
        return -static_cast<std::int32_t>(pick(1024));
      default:
        return static_cast<std::int32_t>(random_());
    }
  }

  void step() {
    const std::uint64_t kind = pick(10);
    if (kind < 5) return arithmetic();
    if (kind == 5) return constant();
    branch();
  }
  void constant() {
    const std::uint64_t word = pick(2) == 0 ? random_() >> pick(64) : ~(random_() >> pick(64));
    insns_.push_back(isa::LoadImm64{isa::Imm64Kind::kConstant, number(), static_cast<std::int32_t>(word),
                                    static_cast<std::int32_t>(word >> 32)});
    insns_.push_back(isa::Continuation{});
  }
  void arithmetic() {
    if (pick(12) == 0) {
      static constexpr std::array<std::uint8_t, 3> kBits = {16, 32, 64};
      const auto order = static_cast<isa::ByteOrder>(pick(3));
      insns_.push_back(isa::ByteSwap{order, kBits[pick(3)], number()});
      return;
    }
    const auto& row = isa::kAluTable[pick(isa::kAluTable.size())];
    const Width w = row.widths == 3 ? width() : Width::k64;
    const Reg dst = number();
    if (row.forms == isa::Forms::Unary) {
      insns_.push_back(isa::Alu{row.op, w, dst, isa::Imm{0}});
      return;
    }
    const bool shift = row.op == AluOp::kLsh || row.op == AluOp::kRsh || row.op == AluOp::kArsh;
    const bool divide = row.code == isa::info(AluOp::kDiv).code || row.code == isa::info(AluOp::kMod).code;
    isa::Operand src = number();
    if (row.forms == isa::Forms::Both && pick(2) == 0) {
      std::int32_t imm = immediate();
      if (shift) imm = static_cast<std::int32_t>(pick(isa::bits(w)));
      if (divide && imm == 0) imm = 3;
      src = isa::Imm{imm};
    }
    insns_.push_back(isa::Alu{row.op, w, dst, src});
    // A move makes two registers one number to the kernel; this makes them two again.
    const bool move = row.code == isa::info(AluOp::kMov).code;
    if (move && std::holds_alternative<Reg>(src))
      insns_.push_back(isa::Alu{AluOp::kXor, Width::k64, std::get<Reg>(src), isa::Imm{0}});
  }
  /// One leg goes on, the other leaves.
  void branch() {
    isa::Branch insn{isa::kJmpTable[pick(isa::kJmpTable.size())].op, width(), number(), isa::Imm{immediate()}, 1};
    if (pick(2) == 0) insn.src = number();
    if (insn.src == isa::Operand{insn.dst}) insn.src = isa::Imm{immediate()};
    if (pick(2) == 0) to_end_.push_back(static_cast<InsnIndex>(insns_.size()));
    insns_.push_back(insn);
    if (!to_end_.empty() && to_end_.back() + 1 == insns_.size()) return;
    to_end_.push_back(static_cast<InsnIndex>(insns_.size()));
    insns_.push_back(isa::Jump{isa::JumpForm::kShort, 0});
  }
  void aim(InsnIndex at) {
    const auto distance = static_cast<std::int16_t>(insns_.size() - 1 - at - 1);
    if (auto* jump = std::get_if<isa::Jump>(&insns_[at])) jump->offset = distance;
    if (auto* insn = std::get_if<isa::Branch>(&insns_[at])) insn->offset = distance;
  }

  std::mt19937_64 random_;
  isa::Insns insns_;
  std::vector<InsnIndex> to_end_;
  InsnIndex first_ = 0;
};

/// What a log says: texts of registers after an instruction on its fall-through, and on entry by a jump.
struct Log {
  struct Edge {
    InsnIndex from = 0, to = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the zero that <=> is compared with for a pointer.
    friend auto operator<=>(const Edge&, const Edge&) = default;
  };
  std::map<InsnIndex, std::map<unsigned, std::string>> after;
  std::map<Edge, std::map<unsigned, std::string>> jump;
};

/// "R6=scalar(id=1,umax=5) R7=P3" to texts without ids and precision marks.
std::map<unsigned, std::string> registers(const std::string& text) {
  std::map<unsigned, std::string> found;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    // Inside var_off there is a space: "(0x0;" "0xff))".
    for (std::string rest; word.find("var_off=(") != std::string::npos && word.find(')') == std::string::npos;) {
      if (!(words >> rest)) break;
      word += " " + rest;
    }
    const std::size_t equals = word.find('=');
    if (word.size() < 3 || word[0] != 'R' || equals == std::string::npos || word.starts_with("R10")) continue;
    std::string value = word.substr(equals + 1);
    if (value.starts_with("P")) value.erase(0, 1);
    if (const std::size_t id = value.find("(id="); id != std::string::npos) {
      std::size_t end = value.find_first_of(",)", id);
      if (value[end] == ',') ++end;
      value.erase(id + 1, end - id - 1);
    }
    found[static_cast<unsigned>(std::strtoul(word.c_str() + 1, nullptr, 10))] = value;
  }
  return found;
}

Log parse(const std::string& text) {
  Log log;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    unsigned from = 0, to = 0;
    int used = 0;
    if (std::sscanf(line.c_str(), "from %u to %u: %n", &from, &to, &used) == 2 && used > 0) {
      log.jump[{from, to}] = registers(line.substr(static_cast<std::size_t>(used)));
    } else if (std::sscanf(line.c_str(), "%u: (%*x) %n", &from, &used) == 1 && used > 0) {
      const std::size_t semicolon = line.find(';', static_cast<std::size_t>(used));
      log.after[from] =
          semicolon == std::string::npos ? std::map<unsigned, std::string>{} : registers(line.substr(semicolon + 1));
    }
  }
  return log;
}

struct Tally {
  std::uint64_t compared = 0, impossible = 0;
  std::map<std::string, std::uint64_t> different;  ///< By operation.
};

/// Follows the program as the kernel does and compares where the log speaks.
class Follower {
 public:
  Follower(const isa::Insns& insns, const std::string& text, Tally& tally)
      : insns_(insns), log_(parse(text)), tally_(tally) {}

  void run(InsnIndex at) {
    std::optional<InsnIndex> next = at;
    while (next) {
      at = *next;
      if (!log_.after.contains(at)) return complain(at, "the kernel does not come here");
      next = std::visit([&](const auto& insn) { return step(at, insn); }, insns_[at]);
    }
  }

 private:
  Scalar& reg(Reg r) { return regs_[r.index]; }
  Scalar operand(const isa::Operand& src) {
    if (const auto* r = std::get_if<Reg>(&src)) return reg(*r);
    return Scalar::constant(isa::extend(std::get<isa::Imm>(src)));
  }

  std::optional<InsnIndex> step(InsnIndex at, const isa::Alu& insn) {
    const Scalar before = reg(insn.dst), src = operand(insn.src);
    const bool forks = verifier::fork_before(insn.op, before, src).has_value();
    if (forks != log_.jump.contains({at, at})) complain(at, forks ? "the kernel does not fork" : "the kernel forks");
    if (forks) return std::nullopt;  // From here on the log tells two stories.
    reg(insn.dst) = verifier::alu(insn.op, insn.width, before, src);
    if (!same(at, log_.after[at], verifier::print(before) + " , " + verifier::print(src))) return std::nullopt;
    return at + 1;
  }
  std::optional<InsnIndex> step(InsnIndex at, const isa::ByteSwap& insn) {
    const Scalar before = reg(insn.dst);
    reg(insn.dst) = verifier::byte_swap(insn.order, insn.bits, before);
    if (!same(at, log_.after[at], verifier::print(before))) return std::nullopt;
    return at + 1;
  }
  std::optional<InsnIndex> step(InsnIndex at, const isa::LoadImm64& insn) {
    reg(insn.dst) = Scalar::constant(insn.constant());
    if (!same(at, log_.after[at], {})) return std::nullopt;
    return at + 2;
  }
  std::optional<InsnIndex> step(InsnIndex at, const isa::Branch& insn) {
    const InsnIndex target = at + 1 + static_cast<InsnIndex>(insn.offset);
    const bool jumps_on = insn.offset == 1 && std::holds_alternative<isa::Jump>(insns_[at + 1]);
    const InsnIndex next = jumps_on ? target : at + 1;
    Scalar src = operand(insn.src);
    const Scalar dst_before = reg(insn.dst), src_before = src;
    const std::string before = verifier::print(dst_before) + " , " + verifier::print(src);
    const auto decided = verifier::decide(insn.op, insn.width, reg(insn.dst), src);
    const bool both = log_.jump.contains({at, target});
    ++tally_.compared;
    if (decided.has_value() == both) {
      complain(at, before + (both ? ": the kernel leaves it open" : ": the kernel decides"));
      return std::nullopt;
    }
    if (!both) {
      if (*decided == jumps_on) return next;
      return std::nullopt;  // Goes to the end at once.
    }
    for (const Outcome outcome : {Outcome::kTaken, Outcome::kNotTaken}) {
      const bool onward = (outcome == Outcome::kTaken) == jumps_on;
      const auto saved = regs_;
      src = src_before;
      const bool possible = verifier::refine(insn.op, insn.width, outcome, reg(insn.dst), src);
      if (const auto* r = std::get_if<Reg>(&insn.src)) reg(*r) = src;
      if (!possible) {  // What no number satisfies; what is then printed is nobody's concern.
        ++tally_.impossible;
        return std::nullopt;
      }
      const auto& said = outcome == Outcome::kTaken ? log_.jump[{at, target}] : log_.after[at];
      if (!same(at, said, before + (outcome == Outcome::kTaken ? " taken" : " not taken"))) return std::nullopt;
      if (onward) onward_ = regs_;
      regs_ = saved;
    }
    regs_ = onward_;
    return next;
  }
  std::optional<InsnIndex> step(InsnIndex, const isa::Exit&) { return std::nullopt; }
  template <class Other>
  std::optional<InsnIndex> step(InsnIndex, const Other&) {
    return std::nullopt;
  }

  bool same(InsnIndex at, const std::map<unsigned, std::string>& said, const std::string& before) {
    for (unsigned r = kFirst; r < kFirst + kNumbers; ++r) {
      const auto found = said.find(r);
      if (found == said.end()) continue;
      ++tally_.compared;
      const std::string ours = verifier::print(regs_[r]);
      if (ours == found->second) continue;
      complain(at, before + "\n    r" + std::to_string(r) + " ours   " + ours + "\n    r" + std::to_string(r) +
                       " kernel " + found->second);
      return false;
    }
    return true;
  }
  void complain(InsnIndex at, const std::string& what) {
    const std::string insn = isa::print(insns_, at, isa::Syntax::kMnemonic);
    const std::string op = insn.substr(0, insn.find(' '));
    if (++tally_.different[op] > 2) return;
    std::printf("%u: %s\n    %s\n", at, isa::print(insns_, at, isa::Syntax::kC).c_str(), what.c_str());
  }

  const isa::Insns& insns_;
  Log log_;
  Tally& tally_;
  std::array<Scalar, 11> regs_{}, onward_{};
};

TEST(KernelScalar, SameTextAfterEveryInstruction) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  Generator generator(setting("SKEP_SCALAR_SEED", 1));
  const std::uint64_t programs = setting("SKEP_SCALAR_PROGRAMS", 2000);
  Tally tally;
  for (std::uint64_t i = 0; i < programs; ++i) {
    Program program{.name = "scalars", .section = {}, .type = ProgramType::kSocketFilter, .license = "GPL"};
    program.insns = generator.program(24);
    const auto loaded = kernel::load(program, {.log_level = 2});
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    ASSERT_TRUE(loaded->accepted()) << loaded->log;
    Follower(program.insns, loaded->log, tally).run(generator.first());
  }
  std::uint64_t different = 0;
  for (const auto& [op, count] : tally.different) {
    std::printf("different: %-10s %llu\n", op.c_str(), static_cast<unsigned long long>(count));
    different += count;
  }
  std::printf("%llu programs, %llu comparisons, %llu different, %llu branches nobody can take\n",
              static_cast<unsigned long long>(programs), static_cast<unsigned long long>(tally.compared),
              static_cast<unsigned long long>(different), static_cast<unsigned long long>(tally.impossible));
  EXPECT_GT(tally.compared, 10 * programs);
  EXPECT_EQ(different, 0u);
}

}  // namespace
}  // namespace skep
