// SPDX-License-Identifier: Apache-2.0
// The C syntax against llvm-objdump, over an object that holds every opcode: LLVM 14 prints what we print, and what
// LLVM 19 prints assembles to what was there. Skipped where LLVM's tools are not installed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "skep/isa.h"

namespace skep::isa {
namespace {

/// One legal slot (two for a 16-byte load) of each opcode and operation, with positive and negative numbers.
Insns every_instruction() {
  Insns legal;
  for (int opcode = 0; opcode < 256; ++opcode)
    for (int src : {0, 1, 2, 4})
      for (int offset : {0, 1, 8, 16, 32, -3})
        for (std::int32_t imm :
             {0, 1, 5, -5, 16, 32, 64, 0x40, 0x50, 0xa0, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x10000}) {
          RawInsn raw;
          raw.opcode = static_cast<std::uint8_t>(opcode);
          raw.dst = opcode == 0x05 || (opcode & 0xe7) == 0x20 ? 0 : 1;
          raw.src = static_cast<std::uint8_t>(src & 0xf);
          raw.offset = static_cast<std::int16_t>(offset);
          raw.imm = imm;
          std::vector<RawInsn> slots{raw};
          if (opcode == 0x18) slots.push_back({.opcode = 0, .dst = 0, .src = 0, .offset = 0, .imm = offset});
          Insns insns = decode(slots);
          if (check_encoding(insns)) legal.insert(legal.end(), insns.begin(), insns.end());
          // Those whose dst field is unused.
          slots.resize(1);
          slots[0].dst = 0;
          insns = decode(slots);
          if (raw.dst == 1 && check_encoding(insns)) legal.push_back(insns[0]);
        }
  return legal;
}

/// Runs llvm-mc and llvm-objdump of one version: slot number -> text. Empty: they are not installed.
std::map<InsnIndex, std::string> disassemble(const Insns& insns, const std::string& version) {
  if (std::system(("llvm-mc-" + version + " --version >/dev/null 2>&1").c_str()) != 0) return {};
  const std::string stem = testing::TempDir() + "skep-isa-llvm-" + version + "-" + std::to_string(std::rand());
  std::ofstream assembly(stem + ".s");
  for (const RawInsn& raw : encode(insns)) {
    const Insn slot = Illegal{raw, Field::kOpcode};
    assembly << print(std::span(&slot, 1), 0, Syntax::kC) << "\n";
  }
  assembly.close();
  const std::string features = version == "14" ? "" : " --mcpu=v4";
  const std::string command = "llvm-mc-" + version + " -triple bpfel -filetype=obj " + stem + ".s -o " + stem +
                              ".o && " + "llvm-objdump-" + version + " -d" + features + " " + stem + ".o >" + stem +
                              ".txt";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::map<InsnIndex, std::string> text;
  std::ifstream listing(stem + ".txt");
  for (std::string line; std::getline(listing, line);) {
    // "       3:\t05 00 ...\tgoto +1 <.text+0x28>"; ld_pseudo has a tab of its own.
    unsigned slot = 0;
    const std::size_t bytes = line.find('\t'), rest = bytes == std::string::npos ? bytes : line.find('\t', bytes + 1);
    if (rest == std::string::npos || std::sscanf(line.c_str(), " %u:", &slot) != 1) continue;
    text[slot] = line.substr(rest + 1);
  }
  for (const char* suffix : {".s", ".o", ".txt"}) std::remove((stem + suffix).c_str());
  return text;
}

std::string without_symbol(const std::string& text) {
  return text.ends_with('>') ? text.substr(0, text.rfind(" <")) : text;
}

Result<Insns> assemble_c(const std::string& text) { return assemble(text, Syntax::kC); }

// LLVM 14 knows no cpu=v4 instruction: it shows some as others (s/= as /=). Where it means what was encoded, the text
// is the same.
TEST(Llvm14, PrintsTheSameText) {
  const Insns insns = every_instruction();
  const auto llvm = disassemble(insns, "14");
  if (llvm.empty()) GTEST_SKIP() << "llvm-mc-14 and llvm-objdump-14 are not installed";
  std::size_t compared = 0;
  for (const auto& [slot, text] : llvm) {
    if (text == "<unknown>") continue;
    const auto again = assemble_c(text);
    ASSERT_TRUE(again) << text << ": " << again.error().message;
    if ((*again)[0] != insns[slot] || text.starts_with("ld_pseudo")) continue;
    EXPECT_EQ(print(insns, slot, Syntax::kC), without_symbol(text));
    ++compared;
  }
  EXPECT_GT(compared, 1000u);
}

/// What LLVM 19 shows as something else: atomics newer than it, and calls, whose kind it does not show.
bool is_beyond_llvm19(const Insn& insn) {
  if (const auto* atomic = std::get_if<Atomic>(&insn))
    return atomic->op == AtomicOp::kLoadAcquire || atomic->op == AtomicOp::kStoreRelease;
  if (const auto* packet = std::get_if<LoadPacket>(&insn)) return packet->imm != 0;
  if (const auto* wide = std::get_if<LoadImm64>(&insn)) return wide->kind != Imm64Kind::kConstant && wide->high != 0;
  const auto* call = std::get_if<Call>(&insn);
  return call != nullptr && call->kind != CallKind::kHelper;
}

TEST(Llvm19, TextAssemblesToWhatWasThere) {
  const Insns insns = every_instruction();
  const auto llvm = disassemble(insns, "19");
  if (llvm.empty()) GTEST_SKIP() << "llvm-mc-19 and llvm-objdump-19 are not installed";
  std::size_t compared = 0;
  for (const auto& [slot, text] : llvm) {
    if (is_beyond_llvm19(insns[slot])) continue;
    ASSERT_NE(text, "<unknown>") << print(insns, slot, Syntax::kC);
    const auto again = assemble_c(text);
    ASSERT_TRUE(again) << text << ": " << again.error().message;
    EXPECT_EQ((*again)[0], insns[slot]) << text << " is " << print(*again, 0, Syntax::kC);
    ++compared;
  }
  EXPECT_GT(compared, 1500u);
}

}  // namespace
}  // namespace skep::isa
