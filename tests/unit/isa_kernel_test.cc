// SPDX-License-Identifier: Apache-2.0
// The encoding rules and the kernel syntax against the running kernel: what it refuses as no instruction is Illegal
// here and only that, and its log prints what print() prints. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>

#include <string>

#include "kernel/bpf.h"
#include "skep/isa.h"

namespace skep::isa {
namespace {

RawInsn raw_of(int opcode, int dst, int src, int offset, std::int32_t imm) {
  RawInsn raw;
  raw.opcode = static_cast<std::uint8_t>(opcode);
  raw.dst = static_cast<std::uint8_t>(dst & 0xf);
  raw.src = static_cast<std::uint8_t>(src & 0xf);
  raw.offset = static_cast<std::int16_t>(offset);
  raw.imm = imm;
  return raw;
}
const RawInsn kExit = raw_of(0x95, 0, 0, 0, 0), kMove = raw_of(0xb7, 0, 0, 0, 0);

Program program_of(const std::vector<RawInsn>& raw) {
  Program program;
  program.type = ProgramType::kSocketFilter;
  program.license = "GPL";
  program.insns = decode(raw);
  program.functions = {{.first = 0, .name = "f", .btf_type_id = 0, .global = false}};
  return program;
}

/// Whether the kernel's reason is that the slot is no instruction. A register is also found invalid when it is used.
bool says_no_instruction(const std::string& reason) {
  for (const char* part :
       {"uses reserved fields", "unknown opcode", "invalid may_goto imm", "invalid atomic operand size",
        "uses invalid atomic opcode", "unrecognized bpf_ld_imm64", "invalid bpf_ld_imm64"})
    if (reason.find(part) != std::string::npos) return true;
  return reason.starts_with("R1") && reason.ends_with(" is invalid");
}

TEST(Kernel, RefusesTheSameEncodings) {
  if (const auto& reason = kernel::why_unavailable()) GTEST_SKIP() << *reason;
  std::size_t accepted = 0, refused = 0;
  for (int opcode = 0; opcode < 256; ++opcode)
    for (int dst : {0, 1, 11})
      for (int src : {0, 1, 3})
        for (int offset : {0, 1, 8, 32})
          for (std::int32_t imm : {0, 1, 16, 0x100}) {
            // At most two fields that may be at fault.
            if ((dst == 11 ? 1 : 0) + (src != 0 ? 1 : 0) + (offset != 0 ? 1 : 0) + (imm != 0 ? 1 : 0) > 2) continue;
            std::vector<RawInsn> slots{raw_of(opcode, dst, src, offset, imm)};
            if (opcode == 0x18) slots.push_back(raw_of(0, 0, 0, 0, 0));
            slots.insert(slots.end(), 33, kMove);
            slots.push_back(kExit);
            const Program program = program_of(slots);
            const auto loaded = kernel::load(program);
            ASSERT_TRUE(loaded) << loaded.error().message;
            const bool legal = check_encoding(program.insns).has_value();
            const std::string reason = loaded->accepted() ? "" : loaded->last_sentence();
            EXPECT_TRUE(legal || !loaded->accepted()) << print(program.insns, 0, Syntax::kC);
            EXPECT_FALSE(legal && says_no_instruction(reason)) << print(program.insns, 0, Syntax::kC) << ": " << reason;
            accepted += loaded->accepted() ? 1 : 0;
            refused += says_no_instruction(reason) ? 1 : 0;
          }
  EXPECT_GT(accepted, 100u);
  EXPECT_GT(refused, 5000u);
}

/// The text that the log has for slot 0: "0: (b7) r0 = 7      ; R0_w=7". Empty: the program was refused before.
std::string logged(const std::string& log) {
  const std::size_t start = log.starts_with("0: (") ? 0 : log.find("\n0: (");
  const std::size_t text = start == std::string::npos ? start : log.find(") ", start);
  if (text == std::string::npos) return {};
  std::string line = log.substr(text + 2, log.find('\n', text) - text - 2);
  line = line.substr(0, line.find(" ;"));
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

TEST(Kernel, LogsTheSameText) {
  if (const auto& reason = kernel::why_unavailable()) GTEST_SKIP() << *reason;
  std::size_t compared = 0;
  for (int opcode = 0; opcode < 256; ++opcode)
    for (int offset : {0, 1, 8, 16, 32, -8})
      for (std::int32_t imm :
           {0, 1, 5, -5, 16, 0x40, 0x50, 0xa0, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110, 0x10000}) {
        const bool jumps = (opcode & 7) == 5 || (opcode & 7) == 6;
        if (jumps && offset != 0 && offset != 1) continue;
        for (const auto& [dst, src] : {std::pair{0, 0}, {1, 0}, {1, 1}, {10, 1}}) {
          std::vector<RawInsn> slots{raw_of(opcode, dst, src, offset, imm)};
          if (opcode == 0x18) slots.push_back(raw_of(0, 0, 0, 0, imm));
          const Insns insns = decode(slots);
          if (!check_encoding(insns)) continue;
          const auto* wide = std::get_if<LoadImm64>(&insns[0]);
          const auto* call = std::get_if<Call>(&insns[0]);
          // Addresses of maps and functions, and kfuncs, need more than a slot.
          if (wide != nullptr && wide->kind != Imm64Kind::kConstant) continue;
          if (call != nullptr && call->kind != CallKind::kHelper) continue;
          // The kernel has names for the helpers that skep has not.
          const std::string printed = print(insns, 0, Syntax::kKernel);
          if (printed.starts_with("call unknown#")) continue;
          slots.insert(slots.end(), {kMove, kMove, kExit});
          const auto loaded = kernel::load(program_of(slots), {.log_level = 2, .flags = 0});
          ASSERT_TRUE(loaded) << loaded.error().message;
          const std::string text = logged(loaded->log);
          if (text.empty()) continue;
          EXPECT_EQ(printed, text);
          ++compared;
        }
      }
  EXPECT_GT(compared, 1000u);
}

}  // namespace
}  // namespace skep::isa
