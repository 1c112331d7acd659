// SPDX-License-Identifier: Apache-2.0
// The assembler, which follows what the zero flag tells.
#pragma once
#include <asmjit/x86/x86assembler.h>

namespace skep::jit::x86_64 {

class Assembler final : public asmjit::x86::Assembler {
 public:
  using Gp = asmjit::x86::Gp;
  using asmjit::x86::Assembler::Assembler;

  /// Says that the zero flag tells whether `gp` is zero, until the flags or the register are written or control may
  /// come from elsewhere.
  void zero_flag_tells(const Gp& gp) { zero_flag_ = gp; }
  /// 32-bit results are whole registers, too.
  [[nodiscard]] bool zero_flag_is_of(const Gp& gp) const {
    return zero_flag_.id() == gp.id() && zero_flag_.size() <= gp.size();
  }

  asmjit::Error bind(const asmjit::Label& label) override {
    zero_flag_ = {};
    return asmjit::x86::Assembler::bind(label);
  }
  asmjit::Error _emit(asmjit::InstId id, const asmjit::Operand_& o0, const asmjit::Operand_& o1,
                      const asmjit::Operand_& o2, const asmjit::Operand_* others) override {
    const bool written = o0.isReg() && o0.id() == zero_flag_.id();
    if (written || !keeps_flags(id)) zero_flag_ = {};
    return asmjit::x86::Assembler::_emit(id, o0, o1, o2, others);
  }

 private:
  /// Whether the instruction leaves the flags alone and writes nothing but its first operand; false of those that are
  /// not known to.
  static bool keeps_flags(asmjit::InstId id) {
    namespace Inst = asmjit::x86::Inst;
    return id == Inst::kIdMov || id == Inst::kIdMovzx || id == Inst::kIdMovsx || id == Inst::kIdMovsxd ||
           id == Inst::kIdMovbe || id == Inst::kIdLea || id == Inst::kIdBswap || id == Inst::kIdRorx ||
           id == Inst::kIdShlx || id == Inst::kIdShrx || id == Inst::kIdSarx;
  }

  Gp zero_flag_;  // Of no register at first.
};

}  // namespace skep::jit::x86_64
