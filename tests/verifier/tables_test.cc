// SPDX-License-Identifier: Apache-2.0
// The tables against the running kernel: what every hook takes back, and every context access by offset, size and
// direction. What skep allows and Linux does not is a hole and fails; what Linux allows and skep does not is counted.
// Helpers: helper_tables_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "kernel/bpf.h"
#include "skep/context_field.h"
#include "skep/verify.h"
#include "tests/verifier/ask_both.h"

namespace skep::test {
namespace {

Program program_of(ProgramType type, isa::Insns insns) {
  Program program;
  program.name = "table";
  program.license = "GPL";
  program.type = type;
  program.target_btf = kernel_types();
  program.insns = std::move(insns);
  return program;
}

constexpr auto kSizes = std::to_array<isa::Size>({isa::Size::k8, isa::Size::k16, isa::Size::k32, isa::Size::k64});

/// Contexts of these are made of BTF pointers; and Linux is built without infrared remote controls here.
constexpr ProgramTypeSet kNotAsked = set_of(ProgramType::kUnspec, ProgramType::kTracing, ProgramType::kStructOps,
                                            ProgramType::kExt, ProgramType::kLsm, ProgramType::kLircMode2);
constexpr std::uint32_t kAttachTypes = 64;

/// A program that loads, but for what is asked of it.
Program program_at(ProgramType type, std::uint32_t attach_type, isa::Insns insns) {
  Program program = program_of(type, std::move(insns));
  program.attach_type = attach_type;
  program.sleepable = info(type).sleeps == Sleeps::Must;
  return program;
}
isa::Insn return_value(std::int64_t value) {
  return isa::Alu{.op = isa::AluOp::kMov,
                  .width = isa::Width::k64,
                  .dst = isa::kR0,
                  .src = isa::Imm{static_cast<std::int32_t>(value)}};
}

bool depends_on_attach_type(const HookSet& hooks, ProgramType type) {
  return contains(hooks.types, type) && hooks.attach != kAllAttachTypes;
}
/// Do fields of the type's context depend on the attach type?
bool fields_depend(ProgramType type) {
  return std::ranges::any_of(fields_of(info(type).context), [&](const ContextField& field) {
    return depends_on_attach_type(field.read, type) || depends_on_attach_type(field.write, type);
  });
}
/// Calls `visit` with every hook, or with one of a type that does not depend on the attach type, and with a result that
/// programs may return there.
template <class F>
void for_each_hook(bool (*depends)(ProgramType), F visit) {
  for (const ProgramTypeInfo& row : kProgramTypes) {
    if (contains(kNotAsked, row.type)) continue;
    for (std::uint32_t attach = 0; attach < kAttachTypes; ++attach) {
      const auto hook = find_hook(row.type, attach);
      if (!hook) continue;
      visit(row.type, attach, return_value(hook->returns_anything() ? 0 : hook->low));
      if (!depends(row.type)) break;
    }
  }
}

TEST(Tables, HooksReturnWhatLinuxAllows) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  std::size_t asked = 0;
  for (const ProgramTypeInfo& row : kProgramTypes) {
    if (contains(kNotAsked, row.type)) continue;
    for (std::uint32_t attach = 0; attach < kAttachTypes; ++attach) {
      for (const std::int64_t value : {-1, 0, 1, 2, 3, 4}) {
        for (const bool sleepable : {false, true}) {
          Program program = program_at(row.type, attach, {return_value(value), isa::Exit{}});
          program.sleepable = sleepable;
          const auto answers = ask(program);
          ASSERT_TRUE(answers.has_value());
          ++asked;
          const bool here = answers->ours == "accept", there = answers->theirs == "accept";
          EXPECT_EQ(here, there) << row.name << " attach type " << attach << " returns " << value << ": "
                                 << answers->ours << " / " << answers->theirs;
        }
      }
    }
  }
  std::printf("%zu returns asked\n", asked);
}

struct Count {
  std::size_t asked = 0, lacking = 0;
};

void compare_access(const Program& program, const std::string& what, Count& count) {
  const auto answers = ask(program);
  if (!answers) return;
  ++count.asked;
  const bool here = answers->ours == "accept", there = answers->theirs == "accept";
  if (there && !here) std::printf("only Linux: %s: %s\n", what.c_str(), answers->ours.c_str());
  count.lacking += there && !here;
  EXPECT_FALSE(here && !there) << what << ": " << answers->theirs;
}

void compare_context(ProgramType type, std::uint32_t attach, const isa::Insn& result, Count& count) {
  constexpr std::int16_t kFirstOffset = -4, kLastOffset = 232;
  for (std::int16_t offset = kFirstOffset; offset < kLastOffset; ++offset) {
    for (const isa::Size size : kSizes) {
      const isa::Insn read = isa::Load{.size = size, .dst = isa::kR0, .base = isa::kR1, .offset = offset};
      const isa::Insn write = isa::Store{.size = size, .base = isa::kR1, .offset = offset, .src = isa::kR0};
      for (const bool writes : {false, true}) {
        const std::string what = std::string(info(type).name) + " attach type " + std::to_string(attach) +
                                 (writes ? " writes " : " reads ") + std::to_string(isa::bytes(size)) + " at " +
                                 std::to_string(offset);
        compare_access(program_at(type, attach, {result, writes ? write : read, result, isa::Exit{}}), what, count);
      }
    }
  }
}

TEST(Tables, ContextsAreAccessedAsInLinux) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  Count count;
  for_each_hook(fields_depend, [&](ProgramType type, std::uint32_t attach, const isa::Insn& result) {
    compare_context(type, attach, result, count);
  });
  std::printf("%zu accesses asked, %zu that only Linux allows\n", count.asked, count.lacking);
  EXPECT_GT(count.asked, 50000u);
}

}  // namespace
}  // namespace skep::test
