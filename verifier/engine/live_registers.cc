// SPDX-License-Identifier: Apache-2.0
// Which registers may be read from each instruction on: classic backward data flow inside each subprogram. A register
// that is not live does not take part in comparing states.
#include <algorithm>
#include <numeric>
#include <variant>
#include <vector>

#include "base/overloaded.h"
#include "verifier/engine/layout.h"
#include "verifier/transfer/alu.h"

namespace skep::verifier {
namespace {

constexpr std::uint16_t kCallerSaved = 0x3f, kArguments = 0x3e, kEverything = 0x7ff, kR0Bit = 1;

constexpr std::uint16_t bit(isa::Reg reg) { return static_cast<std::uint16_t>(1u << reg.index); }
constexpr std::uint16_t bit(const isa::Operand& operand) {
  const auto* reg = std::get_if<isa::Reg>(&operand);
  return reg == nullptr ? std::uint16_t{0} : bit(*reg);
}
constexpr std::uint16_t both(std::uint16_t a, std::uint16_t b) { return static_cast<std::uint16_t>(a | b); }

RegisterUse of_alu(const isa::Alu& insn) {
  const std::uint16_t read = is_move(insn.op) ? std::uint16_t{0} : bit(insn.dst);
  return {.use = both(bit(insn.src), read), .def = bit(insn.dst)};
}

RegisterUse of_atomic(const isa::Atomic& insn) {
  if (insn.op == isa::AtomicOp::kLoadAcquire) return {.use = bit(insn.base), .def = bit(insn.reg)};
  const std::uint16_t use = both(bit(insn.base), bit(insn.reg));
  if (insn.op == isa::AtomicOp::kCmpXchg) return {.use = both(use, kR0Bit), .def = kR0Bit};
  return {.use = use, .def = isa::info(insn.op).fetch ? bit(insn.reg) : std::uint16_t{0}};
}

RegisterUse of_call(const isa::Call& insn, const Program& program, const Platform& platform, const Layout& layout) {
  RegisterUse result{.use = kArguments, .def = kCallerSaved};
  if (const Kfunc* const kfunc = layout.find_kfunc(isa::Insn{insn}); kfunc != nullptr) {
    const std::size_t parameters = std::min<std::size_t>(kfunc->parameters.size(), 5);
    result.use = static_cast<std::uint16_t>(((1u << (parameters + 1)) - 1) & kArguments);
    return result;
  }
  if (insn.kind != isa::CallKind::kHelper) return result;
  const HelperProto* const proto = platform.helper(insn.imm, program.type, program.attach_type);
  if (proto == nullptr) return result;
  std::uint32_t count = 0;
  while (count < 5 && proto->args[count].kind != ArgKind::None) ++count;
  result.use = static_cast<std::uint16_t>(((1u << (count + 1)) - 1) & kArguments);
  return result;
}

RegisterUse use_def(const isa::Insn& insn, const Program& program, const Platform& platform, const Layout& layout) {
  return std::visit(Overloaded{
                        [](const isa::Alu& i) { return of_alu(i); },
                        [](const isa::ByteSwap& i) {
                          return RegisterUse{bit(i.dst), bit(i.dst)};
                        },
                        [](const isa::AddrSpaceCast& i) {
                          return RegisterUse{bit(i.src), bit(i.dst)};
                        },
                        [](const isa::LoadImm64& i) {
                          return RegisterUse{0, bit(i.dst)};
                        },
                        [](const isa::LoadPacket&) {
                          return RegisterUse{kEverything, 0};
                        },
                        [](const isa::Load& i) {
                          return RegisterUse{bit(i.base), bit(i.dst)};
                        },
                        [](const isa::Store& i) {
                          return RegisterUse{both(bit(i.base), bit(i.src)), 0};
                        },
                        [](const isa::Atomic& i) { return of_atomic(i); },
                        [](const isa::Branch& i) {
                          return RegisterUse{both(bit(i.dst), bit(i.src)), 0};
                        },
                        [&](const isa::Call& i) { return of_call(i, program, platform, layout); },
                        [](const isa::Exit&) {
                          return RegisterUse{kR0Bit, 0};
                        },
                        [](const isa::Jump&) { return RegisterUse{}; },
                        [](const isa::MayGoto&) { return RegisterUse{}; },
                        [](const isa::Continuation&) { return RegisterUse{}; },
                        [](const isa::Illegal&) {
                          return RegisterUse{kEverything, 0};
                        },
                    },
                    insn);
}

}  // namespace

RegisterUse register_use(const isa::Insn& insn, const Program& program, const Platform& platform,
                         const Layout& layout) {
  return use_def(insn, program, platform, layout);
}

std::uint32_t touched_registers(const isa::Insn& insn, const Program& program, const Platform& platform,
                                const Layout& layout) {
  constexpr std::uint32_t kContextRegister = 1u << 6;
  if (const auto* packet = std::get_if<isa::LoadPacket>(&insn))
    return kContextRegister | kR0Bit | (packet->mode == isa::PacketMode::kIndirect ? bit(packet->src) : 0u);
  const RegisterUse regs = use_def(insn, program, platform, layout);
  return regs.use | regs.def;
}

void compute_live_registers(const Program& program, const Platform& platform, Layout& layout) {
  const std::size_t count = program.insns.size();
  struct Node {
    RegisterUse regs;
    InsnIndex next = kNoInsn, target = kNoInsn;
  };
  std::vector<Node> nodes(count);
  for (InsnIndex at = 0; at < count; ++at) {
    const Successors next = successors(program.insns, at);
    nodes[at].regs = use_def(program.insns[at], program, platform, layout);
    if (next.falls_through && at + next.width < count) nodes[at].next = at + next.width;
    if (next.target) nodes[at].target = static_cast<InsnIndex>(*next.target);
  }
  const auto live_before = [&](InsnIndex at) {
    const Node& node = nodes[at];
    std::uint32_t live = 0;
    if (node.next != kNoInsn) live |= layout.insns[node.next].live_before;
    if (node.target != kNoInsn) live |= layout.insns[node.target].live_before;
    return static_cast<std::uint16_t>((live & ~std::uint32_t{node.regs.def}) | node.regs.use);
  };
  std::vector<InsnIndex> work;  // Before which something may be live that is not known yet.
  for (auto at = static_cast<InsnIndex>(count); at-- > 0;) {
    layout.insns[at].live_before = live_before(at);
    if (nodes[at].target != kNoInsn && nodes[at].target <= at) work.push_back(at);
  }
  if (work.empty()) return;
  // By instruction, those that lead to it: from first[at] to first[at + 1] in `sources`.
  std::vector<InsnIndex> first(count + 1), sources;
  const auto each_edge = [&](auto visit) {
    for (InsnIndex at = 0; at < count; ++at)
      for (const InsnIndex to : {nodes[at].next, nodes[at].target})
        if (to != kNoInsn) visit(at, to);
  };
  each_edge([&](InsnIndex, InsnIndex to) { ++first[to]; });
  std::partial_sum(first.begin(), first.end(), first.begin());
  sources.resize(first.back());
  each_edge([&](InsnIndex at, InsnIndex to) { sources[--first[to]] = at; });
  while (!work.empty()) {
    const InsnIndex at = work.back();
    work.pop_back();
    const std::uint16_t live = live_before(at);
    if (live == layout.insns[at].live_before) continue;
    layout.insns[at].live_before = live;
    work.insert(work.end(), sources.begin() + first[at], sources.begin() + first[at + 1]);
  }
}

}  // namespace skep::verifier
