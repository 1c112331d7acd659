// SPDX-License-Identifier: Apache-2.0
#include "tests/reference/reference.h"

#include <optional>

#include "base/address.h"
#include "base/unreachable.h"
#include "isa/semantics.h"
#include "tests/reference/memory.h"

namespace skep::reference {
namespace {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.

constexpr std::int32_t kTailCallHelper = 12;

struct Frame {
  const Program* program = nullptr;
  InsnIndex return_to = 0;
  std::array<std::uint64_t, 5> saved{};  ///< r6 to r10 of the caller.
  std::uint64_t may_goto = kMayGotoLimit;
};

class Machine {
 public:
  Machine(const Program& program, std::span<std::byte> context, const Options& options)
      : options_(options),
        memory_(context, options.context, options.regions),
        env_(options.env != nullptr ? *options.env : own_env_) {
    frames_.push_back({.program = &program});
    r_[1] = address_of(context.data());
    r_[2] = context.size();
    r_[10] = memory_.frame_end(0);
    env_.context = context.data();
    env_.type = program.type;
    env_.engine = this;
    env_.invoke = &Machine::invoke;
    allow_map_values(program);
  }

  RunResult run() {
    run_until(0);
    return trap_ == Trap::kNone ? RunResult{.r0 = r_[0]} : RunResult{.r0 = 0, .trap = trap_, .at = trap_at_};
  }

  void operator()(const Alu& insn) {
    r_[insn.dst.index] = eval(insn.op, insn.width, r_[insn.dst.index], value(insn.src));
  }
  void operator()(const ByteSwap& insn) { r_[insn.dst.index] = swap_bytes(insn.order, insn.bits, r_[insn.dst.index]); }
  void operator()(const AddrSpaceCast&) { trap(Trap::kIllegal); }
  void operator()(const LoadImm64& insn);
  void operator()(const LoadPacket& insn);
  void operator()(const isa::Load& insn) {
    if (const auto loaded = memory_.load(address(insn.base, insn.offset), bytes(insn.size)))
      // A packet pointer in the context is wider than the load that reads it.
      r_[insn.dst.index] = insn.extend == Extend::kSign ? extend(*loaded, insn.size, Extend::kSign) : *loaded;
    else
      trap(Trap::kMemory);
  }
  void operator()(const isa::Store& insn) { store(address(insn.base, insn.offset), insn.size, value(insn.src)); }
  void operator()(const isa::Atomic& insn);
  void operator()(const isa::Branch& insn) {
    if (compare(insn.op, insn.width, r_[insn.dst.index], value(insn.src))) jump(insn.offset);
  }
  void operator()(const isa::Jump& insn) { jump(insn.offset); }
  void operator()(const MayGoto& insn) {
    std::uint64_t& left = frames_.back().may_goto;
    if (left == 0) return jump(insn.offset);
    --left;
  }
  void operator()(const Call& insn);
  void operator()(Exit) { leave(); }
  void operator()(Continuation) { trap(Trap::kIllegal); }
  void operator()(const isa::Illegal&) { trap(Trap::kIllegal); }

 private:
  /// Runs until only `depth` frames are left.
  void run_until(std::size_t depth) {
    while (frames_.size() > depth && trap_ == Trap::kNone) {
      const Program& program = *frames_.back().program;
      if (pc_ >= program.insns.size()) return trap(Trap::kIllegal);
      if (options_.budget != 0 && steps_++ == options_.budget) return trap(Trap::kBudget);
      if (options_.observer) options_.observer({program, pc_, static_cast<std::uint32_t>(frames_.size() - 1), r_});
      at_ = pc_++;
      std::visit(*this, program.insns[at_]);
    }
  }

  void trap(Trap trap) {
    if (trap_ != Trap::kNone) return;
    trap_ = trap;
    trap_at_ = at_;
  }
  void jump(std::int32_t offset) {
    pc_ = static_cast<InsnIndex>(static_cast<std::int64_t>(pc_) + offset);  // Out of range: found before the next step.
  }
  [[nodiscard]] std::uint64_t value(const Operand& operand) const {
    if (const isa::Reg* reg = std::get_if<isa::Reg>(&operand)) return r_[reg->index];
    return extend(std::get<isa::Imm>(operand));
  }
  [[nodiscard]] std::uint64_t address(isa::Reg base, std::int16_t offset) const {
    return r_[base.index] + static_cast<std::uint64_t>(std::int64_t{offset});
  }
  void store(std::uint64_t to, Size size, std::uint64_t word) {
    if (!memory_.store(to, bytes(size), word)) trap(Trap::kMemory);
  }

  void enter(InsnIndex target) {
    if (frames_.size() == kFrames) return trap(Trap::kStack);
    Frame frame{.program = frames_.back().program, .return_to = pc_};
    std::copy(r_.begin() + 6, r_.end(), frame.saved.begin());
    frames_.push_back(frame);
    memory_.set_frames(static_cast<std::uint32_t>(frames_.size()));
    r_[10] = memory_.frame_end(static_cast<std::uint32_t>(frames_.size() - 1));
    pc_ = target;
  }
  void leave() {
    const Frame frame = frames_.back();
    frames_.pop_back();
    if (frames_.empty()) return;
    memory_.set_frames(static_cast<std::uint32_t>(frames_.size()));
    std::copy(frame.saved.begin(), frame.saved.end(), r_.begin() + 6);
    pc_ = frame.return_to;
  }

  void allow_map_values(const Program& program);
  void call_helper(std::int32_t id);
  void tail_call();
  static std::uint64_t invoke(Env& env, std::uint64_t function, const std::array<std::uint64_t, 5>& args);

  const Options& options_;
  Memory memory_;
  Env own_env_;
  Env& env_;
  std::vector<Frame> frames_;
  Registers r_{};
  InsnIndex pc_ = 0, at_ = 0;
  std::uint64_t steps_ = 0;
  Trap trap_ = Trap::kNone;
  InsnIndex trap_at_ = 0;
};

void Machine::operator()(const LoadImm64& insn) {
  const auto index = static_cast<std::size_t>(static_cast<std::uint32_t>(insn.low));
  const Program& program = *frames_.back().program;
  std::uint64_t& dst = r_[insn.dst.index];
  ++pc_;
  switch (insn.kind) {
    case Imm64Kind::kConstant:
      dst = insn.constant();
      return;
    case Imm64Kind::kMapIndex:
      if (index >= options_.maps.size()) return trap(Trap::kIllegal);
      dst = options_.maps[index];
      return;
    case Imm64Kind::kMapValueIndex:
      if (index >= options_.map_values.size()) return trap(Trap::kIllegal);
      dst = options_.map_values[index] + static_cast<std::uint32_t>(insn.high);
      return;
    case Imm64Kind::kFunction: {
      const std::size_t target = static_cast<std::size_t>(at_ + std::int64_t{insn.low} + 1);
      if (target >= program.insns.size()) return trap(Trap::kIllegal);
      dst = address_of(&program.insns[target]);
      return;
    }
    case Imm64Kind::kMapFd:
    case Imm64Kind::kMapValueFd:
    case Imm64Kind::kVariable:
      return trap(Trap::kIllegal);
  }
  unreachable();
}

void Machine::operator()(const LoadPacket& insn) {
  std::int64_t offset = insn.imm;
  if (insn.mode == PacketMode::kIndirect)
    offset = static_cast<std::int32_t>(static_cast<std::uint32_t>(r_[insn.src.index]) +
                                       static_cast<std::uint32_t>(insn.imm));
  const auto loaded = memory_.load_packet(r_[6], offset, bytes(insn.size), frames_.back().program->type);
  r_[0] = loaded.value_or(0);
  if (!loaded) leave();
}

void Machine::operator()(const isa::Atomic& insn) {
  const std::uint64_t at = address(insn.base, insn.offset);
  const auto old = memory_.load(at, bytes(insn.size));
  if (!old) return trap(Trap::kMemory);
  const std::uint64_t operand = r_[insn.reg.index];
  if (insn.op != AtomicOp::kLoadAcquire) {
    const std::uint64_t expected = extend(r_[0], insn.size, Extend::kZero);
    store(at, insn.size,
          atomic_store<std::uint64_t>(insn.op, *old, extend(operand, insn.size, Extend::kZero), expected));
  }
  if (trap_ != Trap::kNone || !info(insn.op).fetch) return;
  r_[insn.op == AtomicOp::kCmpXchg ? 0 : insn.reg.index] = *old;
}

void Machine::operator()(const Call& insn) {
  switch (insn.kind) {
    case CallKind::kLocal:
      return enter(static_cast<InsnIndex>(std::int64_t{pc_} + insn.imm));
    case CallKind::kHelper:
      return insn.imm == kTailCallHelper ? tail_call() : call_helper(insn.imm);
    case CallKind::kKfunc:
      return trap(Trap::kHelper);
  }
  unreachable();
}

void Machine::call_helper(std::int32_t id) {
  const HelperFn function = options_.helper ? options_.helper(id) : nullptr;
  if (function == nullptr) return trap(Trap::kHelper);
  const Registers before = r_;
  r_[0] = function(before[1], before[2], before[3], before[4], before[5], env_);
  if (env_.trap != Trap::kNone) return trap(env_.trap);
  if (r_[0] == 0) return;
  for (const HelperProto& row : kHelpers) {
    if (row.id != id) continue;
    if (row.returns.kind == RetKind::MapValueOrNull) {
      const MapSpec& spec = from_address<Map>(before[1])->spec();
      if (const MapTypeInfo* type = find_info(spec.type); type != nullptr && type->value == MapValueKind::Plain)
        memory_.allow(r_[0], spec.value_size);
    }
    if (row.returns.kind == RetKind::RingBufMemOrNull) memory_.allow(r_[0], before[2]);
  }
}

// The frame of the caller is replaced; the callee's exit returns to where that frame would have.
void Machine::tail_call() {
  const auto index = static_cast<std::uint32_t>(r_[3]);
  const Program* next = options_.tail_call ? options_.tail_call(r_[2], index) : nullptr;
  if (next == nullptr || env_.tail_calls >= kMaxTailCalls) return;
  ++env_.tail_calls;
  frames_.back().program = next;
  frames_.back().may_goto = kMayGotoLimit;
  pc_ = 0;
}

std::uint64_t Machine::invoke(Env& env, std::uint64_t function, const std::array<std::uint64_t, 5>& args) {
  Machine& self = *static_cast<Machine*>(env.engine);
  const Program& program = *self.frames_.back().program;
  const auto slot = static_cast<InsnIndex>(from_address<const Insn>(function) - program.insns.data());
  const Registers before = self.r_;
  const InsnIndex pc = self.pc_, at = self.at_;
  const std::size_t depth = self.frames_.size();
  std::copy(args.begin(), args.end(), self.r_.begin() + 1);
  self.enter(slot);
  self.run_until(depth);
  const std::uint64_t result = self.r_[0];
  self.r_ = before;
  self.pc_ = pc;
  self.at_ = at;
  if (self.trap_ != Trap::kNone) env.trap = self.trap_;
  return result;
}

void Machine::allow_map_values(const Program& program) {
  for (std::size_t index = 0; index < program.maps.size() && index < options_.map_values.size(); ++index) {
    const MapSpec& spec = *program.maps[index];
    const std::uint64_t stride = (std::uint64_t{spec.value_size} + 7) / 8 * 8;
    if (options_.map_values[index] != 0) memory_.allow(options_.map_values[index], stride * spec.max_entries);
  }
}

}  // namespace

RunResult run(const Program& program, std::span<std::byte> context, const Options& options) {
  return Machine(program, context, options).run();
}

}  // namespace skep::reference
