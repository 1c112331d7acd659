// SPDX-License-Identifier: Apache-2.0
// Programs put a key on the stack and pass its address: what they put there is often seen in the straight line of
// instructions before the call, and need not be loaded. The verifier, which follows Linux, remembers fewer stores.
#include "base/overloaded.h"
#include "lower/inline/inline.h"

namespace skep::lower {
namespace {

using isa::kR10;
using isa::kR2;

constexpr std::int32_t kKeyBytes = 4;

/// Goes back from the call, instruction by instruction, while no other way leads in.
class Back {
 public:
  Back(const Source& source, InsnIndex at) : source_(source), at_(at) {}

  /// To the instruction before; false: there is none that always comes before this one.
  bool step() {
    if (at_ == 0 || source_.flow.jumped_to[at_] != 0) return false;
    const std::uint32_t function = source_.flow.function_of[at_];
    --at_;
    if (std::holds_alternative<isa::Continuation>(insn())) --at_;
    return source_.flow.function_of[at_] == function && source_.flow.reachable[at_] != 0;
  }
  [[nodiscard]] const isa::Insn& insn() const { return source_.program.insns[at_]; }
  [[nodiscard]] InsnIndex at() const { return at_; }

 private:
  const Source& source_;
  InsnIndex at_;
};

/// What an instruction that goes on to the next one writes; nullopt: no register.
std::optional<isa::Reg> written(const isa::Insn& insn) {
  return std::visit(Overloaded{
                        [](const isa::Alu& alu) -> std::optional<isa::Reg> { return alu.dst; },
                        [](const isa::ByteSwap& swap) -> std::optional<isa::Reg> { return swap.dst; },
                        [](const isa::Load& load) -> std::optional<isa::Reg> { return load.dst; },
                        [](const isa::LoadImm64& load) -> std::optional<isa::Reg> { return load.dst; },
                        [](const auto&) -> std::optional<isa::Reg> { return std::nullopt; },
                    },
                    insn);
}
/// It writes at most a register, or memory by a plain store.
bool is_simple(const isa::Insn& insn) {
  return std::holds_alternative<isa::Alu>(insn) || std::holds_alternative<isa::ByteSwap>(insn) ||
         std::holds_alternative<isa::Load>(insn) || std::holds_alternative<isa::LoadImm64>(insn) ||
         std::holds_alternative<isa::Store>(insn) || std::holds_alternative<isa::Branch>(insn);
}

/// r2 - r10 at the call.
std::optional<std::int64_t> key_offset(const Source& source, InsnIndex call) {
  std::int64_t added = 0;
  for (Back back(source, call); back.step() && is_simple(back.insn());) {
    if (written(back.insn()) != kR2) continue;
    const auto* alu = std::get_if<isa::Alu>(&back.insn());
    if (alu == nullptr || alu->width != isa::Width::k64) return std::nullopt;
    const auto* imm = std::get_if<isa::Imm>(&alu->src);
    const auto* reg = std::get_if<isa::Reg>(&alu->src);
    if (alu->op == isa::AluOp::kMov && reg != nullptr && *reg == kR10) return added;
    if (alu->op != isa::AluOp::kAdd || imm == nullptr) return std::nullopt;
    added += imm->value;
  }
  return std::nullopt;
}

enum class Overlap : std::uint8_t { kNone, kExact, kSome };
Overlap overlap(const Source& source, InsnIndex at, const isa::Store& store, std::int64_t key) {
  if (store.base != kR10) {
    const MemoryKind memory = source.facts.insns[at].memory;
    const bool elsewhere =
        memory == MemoryKind::kContext || memory == MemoryKind::kPacket || memory == MemoryKind::kMapValue;
    return elsewhere ? Overlap::kNone : Overlap::kSome;
  }
  if (store.offset == key && store.size == isa::Size::k32) return Overlap::kExact;
  const bool apart = store.offset >= key + kKeyBytes || store.offset + std::int64_t{isa::bytes(store.size)} <= key;
  return apart ? Overlap::kNone : Overlap::kSome;
}

}  // namespace

std::optional<Operand> find_key(const Source& source, InsnIndex call) {
  const auto offset = key_offset(source, call);
  if (!offset) return std::nullopt;
  std::uint32_t changed = 0;  // Registers that are written behind the store.
  for (Back back(source, call); back.step() && is_simple(back.insn());) {
    if (const auto* store = std::get_if<isa::Store>(&back.insn())) {
      const Overlap how = overlap(source, back.at(), *store, *offset);
      if (how == Overlap::kNone) continue;
      if (how == Overlap::kSome) return std::nullopt;
      if (const auto* imm = std::get_if<isa::Imm>(&store->src)) return Imm{imm->value};
      const isa::Reg reg = std::get<isa::Reg>(store->src);
      return (changed >> reg.index & 1) == 0 ? std::optional<Operand>(reg) : std::nullopt;
    }
    if (const auto reg = written(back.insn())) changed |= 1u << reg->index;
  }
  return std::nullopt;
}

}  // namespace skep::lower
