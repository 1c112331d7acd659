// SPDX-License-Identifier: Apache-2.0
// The one executor. Included by the files that instantiate it for a policy, so that each compiles by itself.
// Dispatch is a computed goto at the end of each case (style.md rule 27), which gives the branch predictor one jump per
// opcode instead of one in all; bench/ has the comparison.
#pragma once
#include <algorithm>
#include <bit>
#include <cstring>

#include "base/unreachable.h"
#include "isa/semantics.h"
#include "maps/prog_array.h"
#include "vm/interpreter/access.h"
#include "vm/interpreter/run.h"

namespace skep::interpreter {

/// The program's, kScratch, and one that is always 0.
using Registers = std::array<std::uint64_t, lower::kFirstSpare + 1>;
static_assert(kZeroReg == lower::kFirstSpare);

/// In parts, because GCC clears the whole with `rep stos`, which takes longer than many programs do.
inline Registers cleared() {
  static_assert(sizeof(Registers) == 104);
  Registers r;
  std::memset(r.data(), 0, 48);
  std::memset(r.data() + 6, 0, 56);
  return r;
}

template <class W>
W swapped(W word) {
  if constexpr (sizeof(W) == 8) return __builtin_bswap64(word);
  if constexpr (sizeof(W) == 4) return __builtin_bswap32(word);
  if constexpr (sizeof(W) == 2) return __builtin_bswap16(word);
  return word;
}

template <class W>
std::uint64_t add_with_carry(W a, W b) {
  const auto sum = static_cast<W>(a + b);
  return static_cast<W>(sum + (sum < a ? 1 : 0));
}

// Ops with more operands than a slot has room for. Only optimised code has them, which nobody checks: see
// Compiled::fast.

template <class Access>
std::uint64_t address_in(const Access& op, const Registers& r) {
  const std::uint64_t index = op.index == lower::kNoReg ? 0 : r[op.index.index] << op.shift;
  return r[op.base.index] + index + static_cast<std::uint64_t>(std::int64_t{op.offset});
}
inline std::uint64_t value_of(const lower::Operand& operand, const Registers& r) {
  const auto* reg = std::get_if<lower::Reg>(&operand);
  return reg != nullptr ? r[reg->index] : static_cast<std::uint64_t>(std::get<lower::Imm>(operand).value);
}
/// Calls `body` with a word of that size.
template <class Body>
auto with_word(isa::Size size, Body body) {
  switch (size) {
#define ISA_SIZE(bits, ...) \
  case isa::Size::k##bits:  \
    return body(std::uint##bits##_t{});
#include "skep/tables/opcodes.def"
  }
  unreachable();
}
inline void wide(const lower::Op& any, Registers& r) {
  if (const auto* op = std::get_if<lower::AluLoad>(&any)) {
    const std::uint64_t word = op->width == isa::Width::k64 ? load<std::uint64_t>(address_in(*op, r))
                                                            : load<std::uint32_t>(address_in(*op, r));
    r[op->dst.index] = isa::eval(op->op, op->width, r[op->dst.index], word);
    return;
  }
  const auto& op = std::get<lower::Update>(any);
  with_word(op.size, [&]<class W>(W) {
    const std::uint64_t at = address_in(op, r);
    const std::uint64_t result = isa::eval<std::uint64_t>(op.op, load<W>(at), value_of(op.src, r));
    store<W>(at, static_cast<W>(result));
  });
}
inline bool holds(const lower::BranchLoad& op, const Registers& r) {
  return op.unless != with_word(op.size, [&]<class W>(W) {
           return isa::compare<W>(op.op, load<W>(address_in(op, r)), static_cast<W>(value_of(op.src, r)));
         });
}

inline std::uint64_t stop(Run& run, const Slot* pc, Trap trap) {
  run.env.trap = trap;
  run.trap_at = run.code->origin[static_cast<std::size_t>(pc - run.code->slots.data())];
  return 0;
}

/// One op of the slice; whether it may run.
inline Trap count(Run& run) {
  if (run.slice == 0)
    if (const Trap trap = next_slice(run); trap != Trap::kNone) return trap;
  --run.slice;
  return Trap::kNone;
}

/// Any number of threads may run the code: no count is lost.
inline Counter& counter(const Run& run, const Slot* pc) {
  return run.code->counters[static_cast<std::size_t>(pc - run.code->slots.data())];
}
inline void count_up(std::atomic<std::uint64_t>& number) { number.fetch_add(1, std::memory_order_relaxed); }

/// Gives `function` its stack below the current one; false: there is none left.
template <Policy policy>
bool enter(Run& run, const Function& function) {
  if (run.bottom - address_of(run.stack) < function.stack_bytes) return false;
  run.bottom -= function.stack_bytes;
  run.code = function.code;
  if constexpr (policy.checked) std::memset(from_address<void>(run.bottom), 0, function.stack_bytes);
  return true;
}

/// Saves what the caller needs back and enters `function`; r10 becomes its frame pointer.
template <Policy policy>
bool call(Run& run, Registers& r, const Slot* return_to, const Function& function) {
  if (run.depth + 1 >= kRunFrames) return false;
  Frame& frame = run.frames[run.depth];
  frame = {.pc = return_to,
           .code = run.code,
           .image = run.env.image,
           .saved = {r[6], r[7], r[8], r[9], r[10]},
           .bottom = run.bottom};
  r[10] = run.bottom;
  if (!enter<policy>(run, function)) return false;
  ++run.depth;
  return true;
}

/// Back to the caller; the slot to go on at.
inline const Slot* leave(Run& run, Registers& r) {
  const Frame& frame = run.frames[--run.depth];
  for (std::size_t i = 0; i < 5; ++i) r[6 + i] = frame.saved[i];
  run.bottom = frame.bottom;
  run.code = frame.code;
  run.env.image = frame.image;
  return frame.pc;
}

/// The program to continue at, in the place of the running function, or nullptr.
template <Policy policy>
const Slot* tail_call(Run& run, const Registers& r) {
  if constexpr (policy.checked)
    if (!may_tail_call(run, {r[1], r[2], r[3], r[4], r[5]})) {
      run.env.trap = Trap::kMemory;
      return nullptr;
    }
  const auto& map = *static_cast<const ProgArrayMap*>(from_address<const Map>(r[2]));
  const TailTarget* target = map.target(static_cast<std::uint32_t>(r[3]));
  if (target == nullptr || run.env.tail_calls >= kMaxTailCalls) return nullptr;
  const auto& exact = *from_address<const Compiled>(target->entry);
  const Compiled& code = policy.checked || policy.counted ? exact : exact.for_plain_runs();
  run.bottom = r[10];
  if (!enter<policy>(run, code.functions.front())) {
    run.env.trap = Trap::kStack;
    return nullptr;
  }
  ++run.env.tail_calls;
  run.env.image = target->image;
  return code.slots.data();
}

template <Policy policy>
std::uint64_t run_from(Run& run, const Slot* pc, Registers& r);

/// Env::invoke: a helper calls a function of the program that runs.
template <Policy policy>
std::uint64_t invoke(Env& env, std::uint64_t function, const std::array<std::uint64_t, 5>& args) {
  Run& run = *static_cast<Run*>(env.engine);
  if (env.trap != Trap::kNone) return 0;
  const Function& callee = *from_address<const Function>(function);
  Registers r = cleared();
  std::ranges::copy(args, r.begin() + 1);
  if (!call<policy>(run, r, nullptr, callee)) {
    env.trap = Trap::kStack;
    return 0;
  }
  const std::uint32_t depth = run.depth;
  const std::uint64_t result = run_from<policy>(run, callee.code->slots.data() + callee.first, r);
  if (env.trap == Trap::kNone) return result;
  // Frames of the functions that trapped are abandoned.
  run.depth = depth;
  leave(run, r);
  return 0;
}

template <Policy policy>
std::uint64_t execute(Run& run, std::uint64_t r1, std::uint64_t r2) {
  Registers r = cleared();
  r[1] = r1;
  r[2] = r2;
  r[10] = run.bottom;
  run.env.invoke = &invoke<policy>;
  const Slot* const first = run.code->slots.data();
  if (!enter<policy>(run, run.code->functions.front())) return stop(run, first, Trap::kStack);
  return run_from<policy>(run, first, r);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"  // Labels as values.

// clang-format off
#define SKEP_NEXT_AT(where)                                                        \
  do {                                                                                   \
    pc = (where);                                                                        \
    if constexpr (policy.counted)                                                        \
      if (const Trap trap = count(run); trap != Trap::kNone) return stop(run, pc, trap); \
    if constexpr (policy.profiled) count_up(counter(run, pc).executed);                  \
    goto* kLabels[static_cast<std::size_t>(pc->opcode)];                                 \
  } while (false)
#define SKEP_NEXT SKEP_NEXT_AT(pc + 1)
#define SKEP_CHECK(address, size, access)                                          \
  if constexpr (policy.checked)                                                    \
    if (!may_touch(run, address, size, Access::access)) return stop(run, pc, Trap::kMemory)

#define SKEP_CASE_ALU(name, form, W, operand)                                                                       \
  name##form:                                                                                                       \
    r[pc->dst] = isa::eval<W>(isa::AluOp::k##name, static_cast<W>(r[pc->dst]), static_cast<W>(operand));            \
    SKEP_NEXT;
#define SKEP_CASE_JMP(name, form, W, operand)                                                                       \
  If##name##form: {                                                                                                 \
    const bool jumps = isa::compare<W>(isa::JmpOp::k##name, static_cast<W>(r[pc->dst]), static_cast<W>(operand));   \
    if constexpr (policy.profiled)                                                                                  \
      if (jumps) count_up(counter(run, pc).taken);                                                                     \
    SKEP_NEXT_AT(pc + (jumps ? pc->offset : 1));                                                                    \
  }
#define SKEP_CASE_LOAD(name, W, S, how)                                                                             \
  name: {                                                                                                           \
    const std::uint64_t address = r[pc->src] + static_cast<std::uint64_t>(std::int64_t{pc->offset});                \
    SKEP_CHECK(address, sizeof(W), kRead);                                                                          \
    r[pc->dst] = static_cast<std::uint64_t>(static_cast<S>(how<W>(address)));                                       \
    SKEP_NEXT;                                                                                                      \
  }
#define SKEP_CASE_STORE(name, W, how, operand)                                                                      \
  name: {                                                                                                           \
    const std::uint64_t address = r[pc->dst] + static_cast<std::uint64_t>(std::int64_t{pc->offset});                \
    SKEP_CHECK(address, sizeof(W), kWrite);                                                                         \
    how<W>(address, static_cast<W>(operand));                                                                       \
    SKEP_NEXT;                                                                                                      \
  }
#define SKEP_INDEX(packed) (r[(packed) & 0xff] << ((packed) >> kShiftOfIndex & 0xff))
#define SKEP_CASE_LOAD_INDEXED(name, W, S, order)                                                                   \
  name: {                                                                                                           \
    const std::uint64_t address =                                                                                   \
        r[pc->src] + SKEP_INDEX(pc->imm) + static_cast<std::uint64_t>(std::int64_t{pc->offset});                    \
    SKEP_CHECK(address, sizeof(W), kRead);                                                                          \
    r[pc->dst] = static_cast<std::uint64_t>(static_cast<S>(order(load<W>(address))));                               \
    SKEP_NEXT;                                                                                                      \
  }
#define SKEP_CASE_STORE_INDEXED(name, W, order, packed, operand)                                                    \
  name: {                                                                                                           \
    const std::uint64_t address =                                                                                   \
        r[pc->dst] + SKEP_INDEX(packed) + static_cast<std::uint64_t>(std::int64_t{pc->offset});                     \
    SKEP_CHECK(address, sizeof(W), kWrite);                                                                         \
    store<W>(address, order(static_cast<W>(operand)));                                                              \
    SKEP_NEXT;                                                                                                      \
  }
#define SKEP_CASE_UNLESS_SET(form, W, operand)                                                                      \
  UnlessSet##form:                                                                                                  \
    SKEP_NEXT_AT(pc + (isa::compare<W>(isa::JmpOp::kSet, static_cast<W>(r[pc->dst]), static_cast<W>(operand))       \
                           ? 1 : pc->offset));
#define SKEP_CASE_ATOMIC(name, fetch, width, W)                                                                     \
  Atomic##name##width: {                                                                                            \
    const std::uint64_t address = r[pc->dst] + static_cast<std::uint64_t>(std::int64_t{pc->offset});                \
    SKEP_CHECK(address, sizeof(W), kWrite);                                                                         \
    const W old = exchange<isa::AtomicOp::k##name, W>(address, static_cast<W>(r[pc->src]), static_cast<W>(r[0]));   \
    if constexpr (fetch) r[isa::AtomicOp::k##name == isa::AtomicOp::kCmpXchg ? 0 : pc->src] = old;                  \
    SKEP_NEXT;                                                                                                      \
  }
#define SKEP_CASE_SWAP(name, expression)                                                                            \
  name:                                                                                                             \
    r[pc->dst] = expression;                                                                                        \
    SKEP_NEXT;
// clang-format on

// The whole of the interpreter is one function, so that an op ends in the jump to the next.
template <Policy policy>
// NOLINTNEXTLINE(readability-function-size)
[[gnu::flatten]] std::uint64_t run_from(Run& run, const Slot* pc, Registers& r) {
  using u64 = std::uint64_t;
  using u32 = std::uint32_t;
  static const void* const kLabels[] = {
#define SKEP_ADDRESS(name) &&name,
#define ISA_ALU(name, ...) SKEP_SLOTS_ALU(SKEP_ADDRESS, name)
#define ISA_JMP(name, ...) SKEP_SLOTS_JMP(SKEP_ADDRESS, name)
#define ISA_SIZE(bits, ...) SKEP_SLOTS_SIZE(SKEP_ADDRESS, bits)
#define ISA_ATOMIC(name, ...) SKEP_SLOTS_ATOMIC(SKEP_ADDRESS, name)
#include "skep/tables/opcodes.def"
      SKEP_SLOTS_OTHER(SKEP_ADDRESS)
#undef SKEP_ADDRESS
  };
  const u32 base = run.depth;
  SKEP_NEXT_AT(pc);

#define ISA_ALU(name, ...)                    \
  SKEP_CASE_ALU(name, 64Imm, u64, pc->imm)    \
  SKEP_CASE_ALU(name, 64Reg, u64, r[pc->src]) \
  SKEP_CASE_ALU(name, 32Imm, u32, pc->imm) SKEP_CASE_ALU(name, 32Reg, u32, r[pc->src])
#define ISA_JMP(name, ...)                    \
  SKEP_CASE_JMP(name, 64Imm, u64, pc->imm)    \
  SKEP_CASE_JMP(name, 64Reg, u64, r[pc->src]) \
  SKEP_CASE_JMP(name, 32Imm, u32, pc->imm) SKEP_CASE_JMP(name, 32Reg, u32, r[pc->src])
#define ISA_SIZE(bits, ...)                                                                           \
  SKEP_CASE_LOAD(Load##bits, std::uint##bits##_t, std::uint##bits##_t, load)                          \
  SKEP_CASE_LOAD(LoadSigned##bits, std::uint##bits##_t, std::int##bits##_t, load)                     \
  SKEP_CASE_LOAD(LoadAcquire##bits, std::uint##bits##_t, std::uint##bits##_t, load_acquire)           \
  SKEP_CASE_STORE(Store##bits##Imm, std::uint##bits##_t, store, pc->imm)                              \
  SKEP_CASE_STORE(Store##bits##Reg, std::uint##bits##_t, store, r[pc->src])                           \
  SKEP_CASE_STORE(StoreRelease##bits, std::uint##bits##_t, store_release, r[pc->src])                 \
  SKEP_CASE_LOAD_INDEXED(LoadIndexed##bits, std::uint##bits##_t, std::uint##bits##_t, )               \
  SKEP_CASE_LOAD_INDEXED(LoadIndexedSigned##bits, std::uint##bits##_t, std::int##bits##_t, )          \
  SKEP_CASE_LOAD_INDEXED(LoadSwapped##bits, std::uint##bits##_t, std::uint##bits##_t, swapped)        \
  SKEP_CASE_LOAD_INDEXED(LoadSwappedSigned##bits, std::uint##bits##_t, std::int##bits##_t, swapped)   \
  SKEP_CASE_STORE_INDEXED(StoreIndexed##bits##Imm, std::uint##bits##_t, , pc->imm >> kAboveImmediate, \
                          static_cast<std::int64_t>(static_cast<std::int32_t>(pc->imm)))              \
  SKEP_CASE_STORE_INDEXED(StoreIndexed##bits##Reg, std::uint##bits##_t, , pc->imm, r[pc->src])        \
  SKEP_CASE_STORE_INDEXED(StoreSwapped##bits, std::uint##bits##_t, swapped, pc->imm, r[pc->src])
#define ISA_ATOMIC(name, imm, fetch, ...) \
  SKEP_CASE_ATOMIC(name, fetch, 32, u32)  \
  SKEP_CASE_ATOMIC(name, fetch, 64, u64)
#include "skep/tables/opcodes.def"

  SKEP_CASE_SWAP(Truncate16, static_cast<std::uint16_t>(r[pc->dst]))
  SKEP_CASE_SWAP(Truncate32, static_cast<u32>(r[pc->dst]))
  SKEP_CASE_SWAP(Swap16, __builtin_bswap16(static_cast<std::uint16_t>(r[pc->dst])))
  SKEP_CASE_SWAP(Swap32, __builtin_bswap32(static_cast<u32>(r[pc->dst])))
  SKEP_CASE_SWAP(Swap64, __builtin_bswap64(r[pc->dst]))

  SKEP_CASE_SWAP(Sum64, r[pc->src] + SKEP_INDEX(pc->imm) + static_cast<u64>(std::int64_t{pc->offset}))
  SKEP_CASE_SWAP(Sum32, static_cast<u32>(r[pc->src] + SKEP_INDEX(pc->imm) + static_cast<u64>(std::int64_t{pc->offset})))
  SKEP_CASE_SWAP(Rotate64Imm, std::rotl(r[pc->src], static_cast<int>(pc->imm)))
  SKEP_CASE_SWAP(Rotate64Reg, std::rotl(r[pc->src], static_cast<int>(r[pc->imm] & 63)))
  SKEP_CASE_SWAP(Rotate32Imm, std::rotl(static_cast<u32>(r[pc->src]), static_cast<int>(pc->imm)))
  SKEP_CASE_SWAP(Rotate32Reg, std::rotl(static_cast<u32>(r[pc->src]), static_cast<int>(r[pc->imm] & 31)))
  SKEP_CASE_SWAP(Ones64, static_cast<u64>(std::popcount(r[pc->src])))
  SKEP_CASE_SWAP(Ones32, static_cast<u64>(std::popcount(static_cast<u32>(r[pc->src]))))
  SKEP_CASE_SWAP(LeadingZeros64, static_cast<u64>(std::countl_zero(r[pc->src])))
  SKEP_CASE_SWAP(LeadingZeros32, static_cast<u64>(std::countl_zero(static_cast<u32>(r[pc->src]))))
  SKEP_CASE_SWAP(TrailingZeros64, static_cast<u64>(std::countr_zero(r[pc->src])))
  SKEP_CASE_SWAP(TrailingZeros32, static_cast<u64>(std::countr_zero(static_cast<u32>(r[pc->src]))))
  SKEP_CASE_SWAP(AddWithCarry64, add_with_carry(r[pc->dst], r[pc->src]))
  SKEP_CASE_SWAP(AddWithCarry32, add_with_carry(static_cast<u32>(r[pc->dst]), static_cast<u32>(r[pc->src])))
  SKEP_CASE_UNLESS_SET(64Imm, u64, pc->imm)
  SKEP_CASE_UNLESS_SET(64Reg, u64, r[pc->src])
  SKEP_CASE_UNLESS_SET(32Imm, u32, pc->imm)
  SKEP_CASE_UNLESS_SET(32Reg, u32, r[pc->src])

Nop:
  SKEP_NEXT;

Wide:
  wide(*from_address<const lower::Op>(pc->imm), r);
  SKEP_NEXT;

IfMemory:
  SKEP_NEXT_AT(pc + (holds(std::get<lower::BranchLoad>(*from_address<const lower::Op>(pc->imm)), r) ? pc->offset : 1));

Clear : {
  const u64 to = r[pc->dst] + static_cast<u64>(std::int64_t{pc->offset});
  SKEP_CHECK(to, pc->imm, kWrite);
  std::memset(from_address<void>(to), 0, pc->imm);
  SKEP_NEXT;
}

Copy : {
  const u64 to = r[pc->dst] + static_cast<u64>(std::int64_t{pc->offset});
  const u64 from = r[pc->src] + static_cast<u64>(std::int64_t{static_cast<std::int32_t>(pc->imm)});
  const u64 bytes = pc->imm >> kAboveImmediate;
  SKEP_CHECK(from, bytes, kRead);
  SKEP_CHECK(to, bytes, kWrite);
  std::memcpy(from_address<void>(to), from_address<const void>(from), bytes);
  SKEP_NEXT;
}

Goto:
  SKEP_NEXT_AT(pc + pc->offset);

LoadEnv32:
  r[pc->dst] = load<u32>(address_of(&run.env) + static_cast<u64>(std::int64_t{pc->offset}));
  SKEP_NEXT;
LoadEnv64:
  r[pc->dst] = load<u64>(address_of(&run.env) + static_cast<u64>(std::int64_t{pc->offset}));
  SKEP_NEXT;

CallHelper : {
  if constexpr (policy.checked)
    if (!may_call(run, static_cast<u32>(pc->offset), {r[1], r[2], r[3], r[4], r[5]}))
      return stop(run, pc, Trap::kMemory);
  r[0] = from_address<std::remove_pointer_t<HelperFn>>(pc->imm)(r[1], r[2], r[3], r[4], r[5], run.env);
  if (run.env.trap != Trap::kNone) {
    // Where a callback trapped, it said so itself.
    if (run.trap_at == kNowhere) stop(run, pc, run.env.trap);
    return 0;
  }
  SKEP_NEXT;
}

CallLocal:
  if (!call<policy>(run, r, pc + 1, *from_address<const Function>(pc->imm))) return stop(run, pc, Trap::kStack);
  SKEP_NEXT_AT(pc + pc->offset);

TailCall : {
  const Compiled* const code = run.code;
  const Slot* const target = tail_call<policy>(run, r);
  if (run.env.trap != Trap::kNone) {
    run.code = code;
    return stop(run, pc, run.env.trap);
  }
  SKEP_NEXT_AT(target != nullptr ? target : pc + 1);
}

Return:
  if (run.depth == base) {
    if (base != 0) leave(run, r);
    return r[0];
  }
  SKEP_NEXT_AT(leave(run, r));

Illegal:
  return stop(run, pc, Trap::kIllegal);
}

#pragma GCC diagnostic pop

}  // namespace skep::interpreter
