// SPDX-License-Identifier: Apache-2.0
// Random programs of several functions with small frames, as native code with functions inlined and without: what the
// callers keep in registers and on the stack, and what functions return, is the same.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "base/address.h"
#include "jit/compile.h"
#include "jit/target.h"
#include "lower/optimize/optimize.h"

namespace skep {
namespace {

using isa::AluOp;
using isa::Width;
using lower::Imm;
using lower::Operand;
using lower::Reg;

constexpr std::size_t kWords = 64;
using Words = std::array<std::uint64_t, kWords>;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  /// Function 0 calls the others; with `nested`, some of those call what comes after them.
  lower::Code run() {
    const std::size_t functions = 2 + below(3);
    caller(functions);
    for (std::size_t i = 1; i < functions; ++i) callee(i, functions);
    for (const Call& call : calls_)
      std::get<lower::CallLocal>(code_.ops[call.at]).target = code_.functions[call.to].entry;
    code_.origin.resize(code_.ops.size());
    return std::move(code_);
  }

 private:
  struct Call {
    std::size_t at = 0, to = 0;
  };

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  bool chance() { return below(2) == 0; }
  Reg reg(std::uint32_t first, std::uint32_t last) {
    return Reg{static_cast<std::uint8_t>(first + below(last - first + 1))};
  }

  void emit(const lower::Op& op) { code_.ops.push_back(op); }
  void alu(AluOp op, Reg dst, Operand src) {
    emit(lower::Alu{.op = op, .width = chance() ? Width::k64 : Width::k32, .divisor = {}, .dst = dst, .src = src});
  }
  void store(Reg base, std::int32_t offset, Operand src) {
    emit(lower::Store{.size = isa::Size::k64, .ordering = {}, .base = base, .offset = offset, .src = src});
  }
  void load(Reg dst, Reg base, std::int32_t offset) {
    emit(lower::Load{.size = isa::Size::k64, .extend = {}, .ordering = {}, .dst = dst, .base = base, .offset = offset});
  }
  void begin(std::uint32_t stack) {
    code_.functions.push_back({.entry = static_cast<lower::Label>(code_.ops.size()), .stack_bytes = stack});
  }
  void call(std::size_t to) {
    calls_.push_back({.at = code_.ops.size(), .to = to});
    emit(lower::CallLocal{});
  }

  /// r9 holds the words; r6 to r8 live across some calls, a word of stack across others.
  void caller(std::size_t functions) {
    begin(16);
    alu_move(Reg{9}, Reg{1});
    for (std::uint8_t r = 6; r < 9; ++r) load(Reg{r}, Reg{9}, 8 * r);
    for (std::int32_t at : {-8, -16}) store(isa::kR10, at, reg(6, 8));
    std::int32_t out = 16;
    for (std::uint32_t i = 0; i < 1 + below(4); ++i) {
      for (std::uint8_t r = 1; r < 6; ++r) load(Reg{r}, Reg{9}, static_cast<std::int32_t>(8 * below(16)));
      call(1 + below(static_cast<std::uint32_t>(functions) - 1));
      store(Reg{9}, 8 * out++, isa::kR0);
      for (std::uint8_t r = 6; r < 9; ++r)
        if (chance()) store(Reg{9}, 8 * out++, Reg{r});
      if (chance()) load(reg(6, 8), Reg{9}, 8);
      load(isa::kR0, isa::kR10, -16);
      store(Reg{9}, 8 * out++, isa::kR0);
    }
    emit(lower::Return{});
  }
  void alu_move(Reg dst, Reg src) {
    emit(lower::Alu{.op = AluOp::kMov, .width = Width::k64, .divisor = {}, .dst = dst, .src = src});
  }

  void callee(std::size_t index, std::size_t functions) {
    begin(16);
    const std::uint32_t first = 6 + below(4), last = first + below(10 - first);
    for (std::uint32_t r = first; r <= last; ++r) alu_move(Reg{static_cast<std::uint8_t>(r)}, reg(1, 5));
    alu_move(isa::kR0, reg(1, 5));
    store(isa::kR10, -8, reg(1, 5));
    const std::size_t skips = code_.ops.size();
    const bool branches = chance();
    if (branches)
      emit(lower::Branch{
          .op = isa::JmpOp::kSGt, .width = Width::k64, .dst = reg(1, 5), .src = reg(first, last), .target = 0});
    for (std::uint32_t i = 0; i < 1 + below(6); ++i) work(first, last);
    if (branches) {
      if (chance()) emit(lower::Return{});
      std::get<lower::Branch>(code_.ops[skips]).target = static_cast<lower::Label>(code_.ops.size());
    }
    if (chance() && index + 1 < functions) {
      for (std::uint8_t r = 1; r < 6; ++r) alu_move(Reg{r}, reg(first, last));
      call(index + 1 + below(static_cast<std::uint32_t>(functions - index) - 1));
    }
    alu(AluOp::kAdd, isa::kR0, reg(first, last));
    emit(lower::Return{});
  }
  void work(std::uint32_t first, std::uint32_t last) {
    constexpr std::array kOps = {AluOp::kAdd, AluOp::kXor, AluOp::kMul, AluOp::kSub};
    switch (below(6)) {
      case 0:
        return store(isa::kR10, -16, reg(first, last));
      case 1:
        return load(reg(first, last), isa::kR10, -8);
      case 2:
        alu_move(Reg{5}, isa::kR10);
        return load(isa::kR0, Reg{5}, -8);
      case 3:
        return emit(lower::Rotate{
            .width = Width::k64, .dst = reg(first, last), .src = reg(1, 4), .count = Operand(reg(first, last))});
      case 4:
        return alu(kOps[below(4)], reg(first, last), Imm{static_cast<std::int32_t>(below(1000))});
      default:
        return alu(kOps[below(4)], chance() ? isa::kR0 : reg(first, last), reg(1, 4));
    }
  }

  std::mt19937_64 random_;
  lower::Code code_;
  std::vector<Call> calls_;
};

Words run(const lower::Code& code) {
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = (i + 1) * 0x9e3779b97f4a7c15;
  const auto native = jit::compile(code, {});
  EXPECT_TRUE(native.has_value()) << native.error().message;
  Env env;
  env.invoke = (*native)->invoke();
  (*native)->entry()(address_of(words.data()), 0, env);
  return words;
}

TEST(Inlining, ChangesNothingThatCallersSee) {
  std::size_t fewer = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const lower::Code code = Generator(seed).run();
    const lower::Code inlined = lower::optimize(code, PassSet::none().with(Pass::kInlining));
    if (inlined.functions.size() < code.functions.size()) ++fewer;
    const Words want = run(code);
    ASSERT_EQ(run(inlined), want) << "seed " << seed;
    ASSERT_EQ(run(lower::optimize(code, jit::suited(PassSet::all(), jit::host_target().arch))), want)
        << "seed " << seed;
  }
  EXPECT_GT(fewer, 2000U);
}

}  // namespace
}  // namespace skep
