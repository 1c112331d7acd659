// SPDX-License-Identifier: Apache-2.0
// verify() on small programs: verdict, sentence, and how many instructions Linux 6.18 processes for the same program.
#include "skep/verify.h"

#include <gmock/gmock.h>

#include "skep/isa.h"

namespace skep {
namespace {

struct Case {
  std::string_view name;
  ProgramType type{};
  std::string_view text;
  std::string_view reason;  // Empty: accepted.
  std::uint64_t processed = 0;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class VerifyTest : public ::testing::TestWithParam<Case> {};

TEST_P(VerifyTest, GivesTheVerdictOfLinux) {
  const Case& c = GetParam();
  auto insns = isa::assemble(c.text, isa::Syntax::kC);
  ASSERT_TRUE(insns.has_value()) << insns.error().message;
  Program program{.name = std::string(c.name), .type = c.type, .insns = *insns, .license = "GPL"};
  const Verdict verdict = verify(std::move(program));
  if (const auto* rejection = std::get_if<Rejection>(&verdict)) {
    EXPECT_EQ(message(rejection->reason), c.reason);
    EXPECT_EQ(rejection->stats.processed, c.processed);
    return;
  }
  EXPECT_EQ(c.reason, "") << "accepted";
  EXPECT_EQ(std::get<VerifiedProgram>(verdict).stats().processed, c.processed);
}

constexpr auto kSocketFilter = ProgramType::kSocketFilter;
constexpr auto kXdp = ProgramType::kXdp;

INSTANTIATE_TEST_SUITE_P(
    Programs, VerifyTest,
    ::testing::Values(
        Case{"constant", kSocketFilter, "r0 = 0\nexit\n", "", 2},
        Case{"uninitialised_result", kSocketFilter, "exit\n", "R0 !read_ok", 1},
        Case{"frame_pointer", kSocketFilter, "r10 = 0\nr0 = 0\nexit\n", "frame pointer is read only", 1},
        Case{"unreachable", kSocketFilter, "r0 = 0\ngoto +1\nr0 = 1\nexit\n", "unreachable insn 2", 0},
        Case{"falls_off", kSocketFilter, "r0 = 0\n", "last insn is not an exit or jmp", 0},
        Case{"branch", kSocketFilter, "r0 = *(u32 *)(r1 + 4)\nif r0 > 5 goto +1\nr0 = 1\nexit\n", "", 5},
        Case{"division", kSocketFilter, "r0 = 1\nr0 /= 0\nexit\n", "div by zero", 2},
        Case{"loop", kSocketFilter, "r0 = 0\ngoto -1\nexit\n", "unreachable insn 2", 0},
        Case{"context_size", kXdp, "r0 = *(u64 *)(r1 + 0)\nexit\n", "invalid bpf_context access off=0 size=8", 1},
        Case{"packet_unchecked", kXdp, "r2 = *(u32 *)(r1 + 0)\nr0 = *(u8 *)(r2 + 0)\nexit\n",
             "R2 offset is outside of the packet", 2},
        Case{"packet_checked", kXdp,
             "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 14\nr0 = 1\nif r4 > r3 goto +1\n"
             "r0 = *(u8 *)(r2 + 13)\nexit\n",
             "", 9},
        Case{"stack_out_of_bounds", kSocketFilter, "r0 = 0\n*(u64 *)(r10 - 520) = r0\nexit\n",
             "invalid write to stack R10 off=-520 size=8", 2},
        Case{"scalar_as_pointer", kSocketFilter, "r0 = 5\nr0 = *(u8 *)(r0 + 0)\nexit\n",
             "R0 invalid mem access 'scalar'", 2},
        Case{"unknown_helper", kSocketFilter, "call 9999\nexit\n", "invalid func unknown#9999", 1}),
    [](const auto& chosen) { return std::string(chosen.param.name); });

/// A main that calls `count` functions of two instructions, one after the other.
Program calls_functions(std::int32_t count) {
  Program program{.name = "calls", .type = kSocketFilter, .license = "GPL"};
  for (std::int32_t i = 0; i < count; ++i)
    program.insns.push_back(isa::Call{isa::CallKind::kLocal, count + 2 + 2 * i - (i + 1), 0});
  for (std::int32_t i = 0; i <= count; ++i) {
    program.insns.push_back(isa::Alu{isa::AluOp::kMov, isa::Width::k64, isa::kR0, isa::Imm{0}});
    program.insns.push_back(isa::Exit{});
  }
  return program;
}

// 70,000 functions once made the walk over subprograms endless; 256 of them, main included, are what Linux takes.
TEST(Verify, CountsSubprograms) {
  EXPECT_TRUE(std::holds_alternative<VerifiedProgram>(verify(calls_functions(255))));
  for (const std::int32_t count : {256, 70'000}) {
    const Verdict verdict = verify(calls_functions(count));
    ASSERT_TRUE(std::holds_alternative<Rejection>(verdict)) << count;
    EXPECT_EQ(message(std::get<Rejection>(verdict).reason), "too many subprograms");
  }
}

/// Eight frames with full stacks, and more branches than may wait: of every program, what its states take most of.
Program fills_memory() {
  constexpr std::int32_t kFrames = 8, kSlots = 64, kBranches = 9'000;
  Program program{.name = "fills", .type = ProgramType::kKprobe, .license = "GPL"};
  const isa::Call random{isa::CallKind::kHelper, 7, 0};  // get_prandom_u32
  for (std::int32_t frame = 1; frame <= kFrames; ++frame) {
    for (std::int16_t slot = 1; slot <= kSlots; ++slot) {
      program.insns.emplace_back(random);
      program.insns.emplace_back(isa::Store{isa::Size::k64, isa::kR10, static_cast<std::int16_t>(-8 * slot), isa::kR0});
    }
    const bool last = frame == kFrames;
    for (std::int32_t i = 0; last && i < kBranches; ++i) {
      program.insns.emplace_back(random);
      program.insns.emplace_back(isa::Branch{isa::JmpOp::kGt, isa::Width::k64, isa::kR0, isa::Imm{i}, 0});
    }
    if (!last) program.insns.emplace_back(isa::Call{isa::CallKind::kLocal, 2, 0});
    program.insns.emplace_back(isa::Alu{isa::AluOp::kMov, isa::Width::k64, isa::kR0, isa::Imm{0}});
    program.insns.emplace_back(isa::Exit{});
  }
  return program;
}

TEST(Verify, MemoryIsBounded) {
  VerifyOptions options;
  options.memory_limit = std::size_t{16} << 20;
  const Verdict verdict = verify(fills_memory(), Platform::linux_like(), options);
  ASSERT_TRUE(std::holds_alternative<Rejection>(verdict));
  EXPECT_EQ(message(std::get<Rejection>(verdict).reason), "verification takes more than 16 MB of memory");
}

}  // namespace
}  // namespace skep
