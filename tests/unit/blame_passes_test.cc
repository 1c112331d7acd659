// SPDX-License-Identifier: Apache-2.0
// Finding the pass that breaks a program, with passes that this test breaks.
#include "vm/blame_passes.h"

#include <gtest/gtest.h>

#include <ostream>
#include <vector>

#include "lower/optimize/optimize.h"
#include "tests/unit/op_machine.h"

namespace skep {
namespace {

using isa::AluOp;
using isa::Width;
using lower::Imm;

lower::Code sum() {
  return test::one_function({lower::Alu{AluOp::kMov, Width::k64, {}, isa::kR0, isa::kR1},
                             lower::Alu{AluOp::kXor, Width::k64, {}, isa::kR0, isa::kR2},
                             lower::Alu{AluOp::kAdd, Width::k64, {}, isa::kR0, Imm{5}}, lower::Return{}});
}

/// A pass that gets the addition wrong, where others have run before it.
struct Case {
  const char* name;
  std::vector<Pass> broken;  ///< Wrong only where all of these run; the last is the one to find.
  bool without_any = false;  ///< Wrong whatever runs.
  const char* want;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

bool runs_wrong(const Case& test, PassSet passes) {
  bool breaks = !test.broken.empty();
  for (const Pass pass : test.broken) breaks = breaks && passes.has(pass);
  if (test.without_any) breaks = true;
  lower::Code code = lower::optimize(sum(), passes);
  for (lower::Op& op : code.ops)
    if (auto* alu = std::get_if<lower::Alu>(&op); alu != nullptr && alu->op == AluOp::kXor && breaks)
      alu->op = AluOp::kOr;
  return test::Runnable(code, test::forms().back()).run(12, 10) != (12 ^ 10) + 5;
}

class BlamePasses : public testing::TestWithParam<Case> {};
TEST_P(BlamePasses, NamesThem) {
  const Case& test = GetParam();
  const Blame blame = blame_passes([&](PassSet passes) { return runs_wrong(test, passes); });
  EXPECT_EQ(text(blame), test.want);
  EXPECT_EQ(blame.differs, test.without_any || !test.broken.empty());
  EXPECT_TRUE(!blame.pass || runs_wrong(test, blame.needed));
}
INSTANTIATE_TEST_SUITE_P(
    All, BlamePasses,
    testing::Values(Case{"one", {Pass::kRotate}, false, "pass rotate"},
                    Case{"the_last", {Pass::kDead}, false, "pass dead"},
                    Case{"two_together", {Pass::kRotate, Pass::kDead}, false, "pass dead, together with rotate"},
                    Case{"three_together",
                         {Pass::kPropagate, Pass::kRotate, Pass::kDead},
                         false,
                         "pass dead, together with propagate, rotate"},
                    Case{"none", {}, false, "no pass: it does not differ with all of them"},
                    Case{"without_any", {}, true, "no pass: it differs without any"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PassSets, AsText) {
  EXPECT_EQ(text(PassSet::none()), "none");
  EXPECT_EQ(text(PassSet::none().with(Pass::kDead).with(Pass::kThread)), "thread, dead");
}

}  // namespace
}  // namespace skep
