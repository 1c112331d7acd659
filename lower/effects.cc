// SPDX-License-Identifier: Apache-2.0
#include "lower/effects.h"

#include <type_traits>

#include "base/inline_visit.h"

namespace skep::lower {
namespace {

constexpr RegSet kArguments = 0b111110;                                        // r1 to r5.
constexpr RegSet kClobbered = kArguments | set_of(Reg{0}) | set_of(kScratch);  // What a call writes.

Effects effects(const Alu& op) { return effects_of(op); }
Effects effects(const ByteSwap& op) { return {.reads = set_of(op.dst), .writes = set_of(op.dst)}; }
Effects effects(const LoadSymbol& op) { return {.reads = 0, .writes = set_of(op.dst)}; }
Effects effects(const LoadEnv& op) { return {.reads = 0, .writes = set_of(op.dst)}; }
Effects effects(const Load& op) {
  return {.reads = static_cast<RegSet>(set_of(op.base) | set_of(op.index)), .writes = set_of(op.dst)};
}
Effects effects(const Store& op) {
  return {.reads = static_cast<RegSet>(set_of(op.base) | set_of(op.index) | set_of(op.src)), .writes = 0};
}
Effects effects(const Atomic& op) {
  using enum isa::AtomicOp;
  const auto reads = static_cast<RegSet>(set_of(op.base) | set_of(op.reg));
  switch (op.op) {
    case kAdd:
    case kOr:
    case kAnd:
    case kXor:
      return {.reads = reads, .writes = 0};
    case kCmpXchg:
      return {.reads = static_cast<RegSet>(reads | set_of(isa::kR0)), .writes = set_of(isa::kR0)};
    case kFetchAdd:
    case kFetchOr:
    case kFetchAnd:
    case kFetchXor:
    case kXchg:
    case kLoadAcquire:
    case kStoreRelease:
      break;
  }
  return {.reads = reads, .writes = set_of(op.reg)};
}
Effects effects(const Branch& op) {
  return {.reads = static_cast<RegSet>(set_of(op.dst) | set_of(op.src)), .writes = 0};
}
Effects effects(const Jump&) { return {}; }
Effects effects(const CallHelper&) { return {.reads = kArguments, .writes = kClobbered}; }
Effects effects(const CallLocal&) { return {.reads = kArguments, .writes = kClobbered}; }
/// Where there is no program to go to, native code comes back from a call.
Effects effects(const TailCall&) { return {.reads = kArguments, .writes = kArguments | set_of(kScratch)}; }
Effects effects(const Return&) { return {.reads = set_of(isa::kR0), .writes = 0}; }
Effects effects(const Illegal&) { return {}; }
Effects effects(const Nop&) { return {}; }
Effects effects(const Sum& op) {
  return {.reads = static_cast<RegSet>(set_of(op.base) | set_of(op.index)), .writes = set_of(op.dst)};
}
Effects effects(const Rotate& op) {
  return {.reads = static_cast<RegSet>(set_of(op.src) | set_of(op.count)), .writes = set_of(op.dst)};
}
Effects effects(const CountBits& op) { return {.reads = set_of(op.src), .writes = set_of(op.dst)}; }
Effects effects(const AddWithCarry& op) {
  return {.reads = static_cast<RegSet>(set_of(op.dst) | set_of(op.src)), .writes = set_of(op.dst)};
}
Effects effects(const AluLoad& op) {
  return {.reads = static_cast<RegSet>(set_of(op.dst) | set_of(op.base) | set_of(op.index)), .writes = set_of(op.dst)};
}
Effects effects(const Update& op) {
  return {.reads = static_cast<RegSet>(set_of(op.base) | set_of(op.index) | set_of(op.src)), .writes = 0};
}
Effects effects(const BranchLoad& op) {
  return {.reads = static_cast<RegSet>(set_of(op.base) | set_of(op.index) | set_of(op.src)), .writes = 0};
}
Effects effects(const Clear& op) { return {.reads = set_of(op.base), .writes = 0}; }
Effects effects(const Copy& op) { return {.reads = static_cast<RegSet>(set_of(op.to) | set_of(op.from)), .writes = 0}; }

template <class T, class... Ts>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Ts> || ...);

// A load may go: the verifier has shown that it cannot fail, and native code trusts a program that nobody verified.
bool computes(const Load& load) { return load.ordering == Ordering::kRelaxed; }
template <class T>
bool computes(const T&) {
  return kIsOneOf<T, Alu, ByteSwap, LoadSymbol, LoadEnv, Sum, Rotate, CountBits, AddWithCarry, AluLoad>;
}

bool refers(const CallLocal&) { return true; }
bool refers(const LoadSymbol& op) { return op.kind == SymbolKind::kFunction; }
template <class T>
bool refers(const T&) {
  return false;
}

template <class T>
Outline outline(const T& op) {
  return {.effects = effects(op),
          .continues = !kIsOneOf<T, Jump, Return, Illegal>,
          .branches = kIsOneOf<T, Branch, Jump, BranchLoad>,
          .refers = refers(op),
          .pure = computes(op)};
}

}  // namespace

Effects effects_of(const Op& op) {
  return inline_visit([](const auto& any) { return effects(any); }, op);
}

Outline outline_of(const Op& op) {
  return inline_visit([](const auto& any) { return outline(any); }, op);
}

bool only_computes(const Op& op) {
  return inline_visit([](const auto& any) { return computes(any); }, op);
}

}  // namespace skep::lower
