// SPDX-License-Identifier: Apache-2.0
// Single random instructions, and the rules that all of a program keeps: r9 holds the address of the memory that the
// program is given and r8 counts loops, so that no result depends on an address and every loop ends; what touches
// memory stays within that memory and the stack slots in use.
#pragma once
#include <cstdint>

#include "skep/insn.h"
#include "tests/differential/random.h"
#include "tests/differential/random_program.h"

namespace skep::differential {

inline constexpr isa::Reg kContext{9}, kCounter{8};

class Writer {
 public:
  Writer(std::uint64_t seed, Safety safety) : random(seed), safety_(safety) {}

  Random random;

  /// What Linux' verifier refuses is left out.
  [[nodiscard]] bool verifiable() const { return safety_ == Safety::kVerifiable; }
  [[nodiscard]] Safety safety() const { return safety_; }

  // The state of the function at hand.
  std::uint8_t regs = 8;         ///< r0 to r(regs-1) may be written.
  std::uint16_t busy = 0;        ///< Bit n: rn is neither read nor written by what is written at random.
  std::int16_t slots = 6;        ///< 8-byte stack slots in use, all of them initialised.
  bool has_context = true;       ///< r9 is set.
  bool packet = false;           ///< What r9 points to takes neither atomics nor an index (kVerifiable).
  std::int32_t counter_max = 0;  ///< In a loop: r8 is at most this, and not negative. 0: not to be used as an index.

  /// The stack slots in use, or the memory at r9.
  struct Area {
    isa::Reg base;
    std::int32_t start = 0, bytes = 0;
  };
  enum class Use : std::uint8_t { kPlain, kSpecial };  ///< kSpecial: by atomics, and with an index.
  Area area(Use use = Use::kPlain);
  /// Linux takes aligned accesses to the stack only.
  [[nodiscard]] bool must_align(const Area& where) const { return verifiable() && where.base == isa::kR10; }
  struct Place {
    isa::Reg base;
    std::int16_t offset = 0;
  };
  /// `size` bytes that may be touched.
  Place place(std::uint32_t size, bool aligned, Use use = Use::kPlain);

  isa::Reg any_reg();
  isa::Reg any_source();  ///< Also r8.
  isa::Imm any_imm() { return isa::Imm{static_cast<std::int32_t>(any_word())}; }
  isa::Operand any_operand();
  std::uint64_t any_word();
  isa::Width any_width() { return random.chance(50) ? isa::Width::k64 : isa::Width::k32; }
  isa::Size any_size();

  isa::Insn arithmetic();
  isa::Insn byte_swap();
  isa::Insn memory();
  isa::Insn atomic();
  isa::Insn branch();  ///< Its offset is left 0.
  void set_constant(isa::Insns& out, isa::Reg dst);
  /// A constant, or, more often, what lies in memory: what is computed from it is not known before it runs.
  void set_value(isa::Insns& out, isa::Reg dst);

 private:
  Safety safety_{};
};

inline isa::Imm imm(std::int64_t value) { return isa::Imm{static_cast<std::int32_t>(value)}; }
inline isa::Alu alu(isa::AluOp op, isa::Width width, isa::Reg dst, isa::Operand src) {
  return isa::Alu{.op = op, .width = width, .dst = dst, .src = src};
}
inline isa::Alu mov(isa::Reg dst, isa::Operand src) { return alu(isa::AluOp::kMov, isa::Width::k64, dst, src); }
void append(isa::Insns& out, const isa::Insns& more);
void append_constant(isa::Insns& out, isa::Reg dst, std::uint64_t value);

}  // namespace skep::differential
