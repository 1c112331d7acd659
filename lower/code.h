// SPDX-License-Identifier: Apache-2.0
// What the interpreter and both JITs run: relocated, every branch a label, no eBPF encoding left. Each alternative of
// Op has one meaning that isa/semantics.h or its comment states; an engine that lacks one does not compile.
#pragma once
#include <cstdint>
#include <variant>
#include <vector>

#include "skep/insn.h"

namespace skep::lower {

using isa::InsnIndex;
/// Index of an op.
using Label = std::uint32_t;

/// r0 to r10 are the program's; kScratch is for rewriting: dead between instructions after lowering, but not after
/// every pass, which has to ask before it writes it.
using Reg = isa::Reg;
inline constexpr Reg kScratch{11};
/// From here on: registers that some hosts have to spare, for lower/optimize/registers.cc alone.
inline constexpr std::uint8_t kFirstSpare = 12;
inline constexpr std::uint8_t kRegs = 16;
/// No register, where one is optional.
inline constexpr Reg kNoReg{0xff};

/// Sign-extended to the width where it is used.
struct Imm {
  std::int64_t value = 0;
  friend bool operator==(Imm, Imm) = default;
};
constexpr bool fits_int32(std::int64_t value) { return value == static_cast<std::int32_t>(value); }
using Operand = std::variant<Reg, Imm>;

/// kNonZero, from the verifier, lets an engine skip its test for zero (and, signed, for -1). kConstant, from
/// lower/optimize/: src is an immediate and not 0, and native code multiplies by its reciprocal instead of dividing.
enum class Divisor : std::uint8_t { kMayBeZero, kNonZero, kConstant };

/// dst = eval<width>(op, dst, src), zero-extended to 64 bits. All AluOps, also mov and sign-extending mov. 32-bit
/// immediates only, but for a 64-bit kMov.
struct Alu {
  isa::AluOp op{};
  isa::Width width{};
  Divisor divisor{};
  Reg dst;
  Operand src;
  friend bool operator==(const Alu&, const Alu&) = default;
};
/// As isa::ByteSwap on a little-endian host: kToLittle only truncates.
struct ByteSwap {
  isa::ByteOrder order{};
  std::uint8_t bits = 64;
  Reg dst;
};
/// An address that is known when the code is bound: bindings.maps[index], bindings.map_values[index] + offset, or the
/// address of the function that begins at label `index`, in the form that Env::invoke takes.
enum class SymbolKind : std::uint8_t { kMap, kMapValue, kFunction };
struct LoadSymbol {
  SymbolKind kind{};
  Reg dst;
  std::uint32_t index = 0;
  std::int32_t offset = 0;
};
/// dst = a member of the run's Env, zero-extended. Its name, size and offset are in lower/env_field.h.
enum class EnvField : std::uint8_t { kCpu, kContext };
struct LoadEnv {
  EnvField field{};
  Reg dst;
};
/// relaxed, or with the ordering of load-acquire / store-release.
enum class Ordering : std::uint8_t { kRelaxed, kAcquireRelease };
/// From base + (index << shift) + offset, shift at most 3; kNoReg: no index. `swap` reverses the bytes (2 or more)
/// before they are extended. Ordered accesses have neither index nor swap.
struct Load {
  isa::Size size{};
  isa::Extend extend{};
  Ordering ordering{};
  Reg dst, base;
  std::int32_t offset = 0;
  Reg index = kNoReg;
  std::uint8_t shift = 0;
  bool swap = false;
};
/// As Load; a swapped store has a register as src.
struct Store {
  isa::Size size{};
  Ordering ordering{};
  Reg base;
  std::int32_t offset = 0;
  Operand src;
  Reg index = kNoReg;
  std::uint8_t shift = 0;
  bool swap = false;
};
/// Sequentially consistent read-modify-write; size is 32 or 64 bit. Fetching forms zero-extend what they fetch.
struct Atomic {
  isa::AtomicOp op{};  ///< Neither kLoadAcquire nor kStoreRelease.
  isa::Size size{};
  Reg base;
  std::int32_t offset = 0;
  Reg reg;
};
/// `unless`: taken where the condition does not hold. Of kSet only, which has no inverse in isa::JmpOp.
struct Branch {
  isa::JmpOp op{};
  isa::Width width{};
  Reg dst;
  Operand src;
  Label target = 0;
  bool unless = false;
};
struct Jump {
  Label target = 0;
};
inline constexpr std::uint32_t kUnknownMap = ~0u;
/// r0 = bindings.helpers[index](r1..r5, env); r1 to r5 are then undefined.
struct CallHelper {
  std::uint32_t index = 0;
};
/// Calls the function at `target` with a fresh stack frame of Code::functions' size below the caller's; r6 to r9 and
/// r10 are preserved.
struct CallLocal {
  Label target = 0;
};
/// Map r2 (a prog_array), index r3 (its low 32 bits): when the slot holds a program and fewer than kMaxTailCalls were
/// done, that program, given r1, takes the place of the function that runs, and its Return goes to the caller of that
/// function (as in Linux); else falls through, with r0 as it was and r1 to r5 undefined. Where it is known which of the
/// program's maps r2 is, native code jumps by itself; else it asks Env::tail_call.
struct TailCall {
  std::uint32_t map = kUnknownMap;
  std::uint32_t entries = 0;  ///< max_entries of the map, where it is known.
};
/// Ends the function; in the entry function, the run. Result in r0.
struct Return {};
/// Ends the run with Trap::kIllegal.
struct Illegal {};

// What only lower/optimize/ makes.

/// Does nothing.
struct Nop {};
/// dst = base + (index << shift) + offset, as an address is computed; zero-extended. kNoReg: no index.
struct Sum {
  isa::Width width{};
  Reg dst, base;
  std::int32_t offset = 0;
  Reg index = kNoReg;
  std::uint8_t shift = 0;  ///< At most 3.
};
/// dst = src rotated left by `count` bits; zero-extended. An immediate is neither 0 nor beyond the width, a register is
/// taken modulo the width.
struct Rotate {
  isa::Width width{};
  Reg dst, src;
  Operand count;
};
enum class BitCount : std::uint8_t { kOnes, kLeadingZeros, kTrailingZeros };
/// dst = how many bits of src are set, or how many zeros lead or trail (the width, for 0).
struct CountBits {
  BitCount what{};
  isa::Width width{};
  Reg dst, src;
};
/// dst = eval<width>(op, dst, the word at base + (index << shift) + offset). Add, subtract, multiply, and, or, xor.
struct AluLoad {
  isa::AluOp op{};
  isa::Width width{};
  Reg dst, base;
  std::int32_t offset = 0;
  Reg index = kNoReg;
  std::uint8_t shift = 0;
};
/// The `size` bytes at base + (index << shift) + offset = eval(op, they, the low bytes of src). Not atomic. Add,
/// subtract, and, or, xor.
struct Update {
  isa::AluOp op{};
  isa::Size size{};
  Reg base;
  std::int32_t offset = 0;
  Operand src;
  Reg index = kNoReg;
  std::uint8_t shift = 0;
};
/// A Branch whose left side are the `size` bytes at base + (index << shift) + offset and whose right side are the low
/// bytes of src, compared as numbers of that size.
struct BranchLoad {
  isa::JmpOp op{};
  isa::Size size{};
  Reg base;
  std::int32_t offset = 0;
  Operand src;
  Label target = 0;
  Reg index = kNoReg;
  std::uint8_t shift = 0;
  bool unless = false;
};
/// dst += src, plus 1 where that carries: what a checksum in ones' complement does. Zero-extended; dst is not src.
struct AddWithCarry {
  isa::Width width{};
  Reg dst, src;
};
/// Writes `bytes` zeros (a multiple of 8, at least 16) at base + offset. Here and in Copy, offset + bytes fits int32.
struct Clear {
  Reg base;
  std::int32_t offset = 0;
  std::uint32_t bytes = 0;
};
/// Copies `bytes` (a multiple of 8, at least 16) from `from` + from_offset to `to` + to_offset, which do not overlap.
struct Copy {
  Reg to, from;
  std::int32_t to_offset = 0, from_offset = 0;
  std::uint32_t bytes = 0;
};

using Op =
    std::variant<Alu, ByteSwap, LoadSymbol, LoadEnv, Load, Store, Atomic, Branch, Jump, CallHelper, CallLocal, TailCall,
                 Return, Illegal, Nop, Sum, Rotate, CountBits, AddWithCarry, Clear, Copy, AluLoad, Update, BranchLoad>;

struct Function {
  Label entry = 0;
  std::uint32_t stack_bytes = 0;  ///< A multiple of 8, at most 520 (512 and a slot for may_goto); addresses
                                  ///< r10-stack_bytes .. r10-1.
  InsnIndex insn = 0;             ///< The slot where the program has it.
  bool inlines = false;           ///< It contains ops of other functions.
};
/// What is known at lowering of the map that a helper is called with, so that the call may be bound to a function for
/// maps of its type and key size.
struct KnownMap {
  std::uint32_t index = kUnknownMap;  ///< Of the program's maps.
  bool inner = false;                 ///< It is not that map, but one of its inner maps.
  friend bool operator==(KnownMap, KnownMap) = default;
};
struct Code {
  std::vector<Op> ops;
  std::vector<InsnIndex> origin;      ///< Of each op: the slot that it came from.
  std::vector<Function> functions;    ///< Sorted by entry; the first is the program's entry, at label 0.
  std::vector<std::int32_t> helpers;  ///< Ids, by CallHelper::index.
  std::vector<KnownMap> helper_maps;  ///< By the same index, or empty.
};

/// Addresses that code is bound to. The spans outlive the code.
struct Bindings {
  std::vector<std::uint64_t> maps;        ///< Address of each Map, by the program's map index.
  std::vector<std::uint64_t> map_values;  ///< Map::elements(), or 0.
  std::vector<std::uint64_t> helpers;     ///< HelperFn addresses, by CallHelper::index.
};

}  // namespace skep::lower
