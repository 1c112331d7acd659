// SPDX-License-Identifier: Apache-2.0
// compile/PROGRAM/PEER: from a verified program to executable code, per instruction. `_fixed` is a program of two
// instructions, per program: what every compilation costs.
#include <string>

#include "base/try.h"
#include "bench/code.h"
#include "bench/dpdk.h"
#include "bench/experiments.h"
#include "jit/compile.h"
#include "skep/isa.h"
#include "skep/verify.h"

namespace skep::bench {
namespace {

constexpr std::size_t kSmallest = 60;  // Instructions; below, fixed costs hide the cost of one.

/// A long program without branches: the mix that clang makes of hashing code.
Program straight_line(std::size_t length) {
  using namespace isa;
  Program program{.name = "straight", .type = ProgramType::kXdp};
  program.functions = {{.first = 0, .name = "straight"}};
  for (std::uint8_t reg = 0; reg < 10; ++reg)
    program.insns.push_back(Alu{AluOp::kMov, Width::k64, Reg{reg}, Imm{reg + 1}});
  constexpr AluOp kOps[] = {AluOp::kAdd, AluOp::kXor, AluOp::kLsh, AluOp::kSub,
                            AluOp::kMul, AluOp::kOr,  AluOp::kRsh, AluOp::kMov};
  for (std::size_t i = 0; program.insns.size() + 1 < length; ++i) {
    const Reg dst{static_cast<std::uint8_t>(i % 10)}, src{static_cast<std::uint8_t>(i * 7 % 10)};
    const AluOp op = kOps[i % std::size(kOps)];
    const bool immediate = i % 3 == 0 || op == AluOp::kLsh || op == AluOp::kRsh;
    const Operand operand = immediate ? Operand(Imm{static_cast<std::int32_t>(i % 31 + 1)}) : Operand(src);
    program.insns.push_back(Alu{op, i % 2 == 0 ? Width::k64 : Width::k32, dst, operand});
  }
  program.insns.push_back(Exit{});
  return program;
}

void add_skep(const std::string& name, const std::shared_ptr<const VerifiedProgram>& program, PassSet passes,
              std::uint64_t items, Plan& plan) {
  const auto compile = [program, passes]() -> Status {
    TRY(const lower::Code code, code_of(*program, passes, jit::host_target().arch));
    TRY(const auto native, jit::compile(code, lower::Bindings{}));
    return native == nullptr ? Status(Error{Errc::kSystem, "no code"}) : kOk;
  };
  if (const Status once = compile(); once) {
    plan.series.push_back({.name = name, .items = items, .work = [compile] { (void)compile(); }, .timed = {}});
  } else {
    plan.left_out.push_back(name + ": " + once.error().message);
  }
}

void add(const std::string& item, const Program& program, std::uint64_t items, Plan& plan) {
  const std::string name = "compile/" + item;
  const auto verified = std::make_shared<VerifiedProgram>(VerifiedProgram::trust_without_verification(program));
  add_skep(name + "/skep", verified, PassSet::all(), items, plan);
  add_skep(name + "/skep-O0", verified, PassSet::none(), items, plan);
  if (const auto once = dpdk_load(program); once) {
    plan.series.push_back(
        {.name = name + "/dpdk", .items = items, .work = [program] { (void)dpdk_load(program); }, .timed = {}});
  } else {
    plan.left_out.push_back(name + "/dpdk: " + once.error().message);
  }
}

}  // namespace

void plan_compile(const std::vector<Forms>& programs, Plan& plan) {
  for (const Forms& forms : programs)
    if (forms.xdp.maps.empty() && forms.dpdk.insns.size() >= kSmallest)
      add(forms.name, forms.dpdk, forms.dpdk.insns.size(), plan);
  add("straight4000", straight_line(4000), 4000, plan);
  Program two = straight_line(0);
  two.insns = {isa::Alu{isa::AluOp::kMov, isa::Width::k64, isa::kR0, isa::Imm{0}}, isa::Exit{}};
  add("_fixed", two, 1, plan);
}

}  // namespace skep::bench
