// SPDX-License-Identifier: Apache-2.0
// Decoded instructions. A program is a vector with one Insn per 8-byte slot, so that an index here is the instruction
// number that the kernel, llvm-objdump and BTF line information use; the second slot of a 16-byte instruction holds a
// Continuation.
#pragma once
#include <cstdint>
#include <variant>
#include <vector>

#include "skep/opcode.h"

namespace skep::isa {

/// Number of an 8-byte slot within its program.
using InsnIndex = std::uint32_t;

/// A register, r0 to r10. r10 is the read-only frame pointer.
struct Reg {
  std::uint8_t index = 0;
  friend constexpr bool operator==(Reg, Reg) = default;
};
inline constexpr Reg kR0{0}, kR1{1}, kR2{2}, kR3{3}, kR4{4}, kR5{5}, kR6{6}, kR10{10};

struct Imm {
  std::int32_t value = 0;  ///< Sign-extended to the operation's width.
  friend constexpr bool operator==(Imm, Imm) = default;
};
using Operand = std::variant<Reg, Imm>;

/// The 8 bytes as they lie in memory on a little-endian host (RFC 9669 §3.1).
struct RawInsn {
  std::uint8_t opcode = 0;
  std::uint8_t dst : 4 = 0;
  std::uint8_t src : 4 = 0;
  std::int16_t offset = 0;
  std::int32_t imm = 0;
  friend constexpr bool operator==(const RawInsn&, const RawInsn&) = default;
};
static_assert(sizeof(RawInsn) == 8);

/// `dst op= src`, also mov and sign-extending mov. For Neg, src is Imm{0}.
struct Alu {
  AluOp op{};
  Width width{};
  Reg dst;
  Operand src;
  friend constexpr bool operator==(const Alu&, const Alu&) = default;
};
enum class ByteOrder : std::uint8_t { kToLittle, kToBig, kSwap };
/// `dst = le16/be32/bswap64 dst`: the low `bits` bits reordered, the others zero.
struct ByteSwap {
  ByteOrder order{};
  std::uint8_t bits = 64;  ///< 16, 32 or 64.
  Reg dst;
  friend constexpr bool operator==(const ByteSwap&, const ByteSwap&) = default;
};
/// `dst = addr_space_cast(src, to, from)` (Linux arenas).
struct AddrSpaceCast {
  Reg dst, src;
  std::uint16_t to = 0, from = 0;
  friend constexpr bool operator==(const AddrSpaceCast&, const AddrSpaceCast&) = default;
};
/// 16-byte load of a constant or of an address that is known only when the program is bound to its maps.
struct LoadImm64 {
  Imm64Kind kind{};
  Reg dst;
  std::int32_t low = 0, high = 0;
  /// Precondition: kind is kConstant.
  [[nodiscard]] constexpr std::uint64_t constant() const {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(low)) |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32;
  }
  friend constexpr bool operator==(const LoadImm64&, const LoadImm64&) = default;
};
enum class PacketMode : std::uint8_t { kAbsolute, kIndirect };
/// Legacy packet load: r0 = big-endian packet data at imm (+ src); ends the program with 0 when out of bounds.
struct LoadPacket {
  PacketMode mode{};
  Size size{};
  Reg src;  ///< kIndirect only.
  std::int32_t imm = 0;
  friend constexpr bool operator==(const LoadPacket&, const LoadPacket&) = default;
};
enum class Extend : std::uint8_t { kZero, kSign };
struct Load {
  Size size{};
  Extend extend{};
  Reg dst, base;
  std::int16_t offset = 0;
  friend constexpr bool operator==(const Load&, const Load&) = default;
};
struct Store {
  Size size{};
  Reg base;
  std::int16_t offset = 0;
  Operand src;
  friend constexpr bool operator==(const Store&, const Store&) = default;
};
/// Atomic read-modify-write on memory at base + offset; also load-acquire (dst in `reg`) and store-release.
struct Atomic {
  AtomicOp op{};
  Size size{};
  Reg base;
  std::int16_t offset = 0;
  Reg reg;  ///< The operand, and where a fetching form puts the old value (cmpxchg: r0).
  friend constexpr bool operator==(const Atomic&, const Atomic&) = default;
};
/// `if dst op src goto +offset`
struct Branch {
  JmpOp op{};
  Width width{};
  Reg dst;
  Operand src;
  std::int16_t offset = 0;
  friend constexpr bool operator==(const Branch&, const Branch&) = default;
};
/// `goto +offset`; kLong is `gotol`, whose offset lies in the immediate field.
enum class JumpForm : std::uint8_t { kShort, kLong };
struct Jump {
  JumpForm form{};
  std::int32_t offset = 0;
  friend constexpr bool operator==(const Jump&, const Jump&) = default;
};
/// `may_goto +offset`: jumps when the run's loop allowance is used up.
struct MayGoto {
  std::int16_t offset = 0;
  friend constexpr bool operator==(const MayGoto&, const MayGoto&) = default;
};
enum class CallKind : std::uint8_t { kHelper = 0, kLocal = 1, kKfunc = 2 };
struct Call {
  CallKind kind{};
  std::int32_t imm = 0;     ///< Helper id; slots from the next instruction to the subprogram; BTF id of the kfunc.
  std::int16_t offset = 0;  ///< kKfunc: index of the module BTF. Else 0.
  friend constexpr bool operator==(const Call&, const Call&) = default;
};
struct Exit {
  friend constexpr bool operator==(Exit, Exit) = default;
};
/// Second slot of a LoadImm64.
struct Continuation {
  friend constexpr bool operator==(Continuation, Continuation) = default;
};
/// A field of the encoding, for messages.
enum class Field : std::uint8_t { kOpcode, kDst, kSrc, kOffset, kImm };
/// A slot that encodes no instruction: `field` holds a value that is not allowed there.
struct Illegal {
  RawInsn raw;
  Field field{};
  friend constexpr bool operator==(const Illegal&, const Illegal&) = default;
};

using Insn = std::variant<Alu, ByteSwap, AddrSpaceCast, LoadImm64, LoadPacket, Load, Store, Atomic, Branch, Jump,
                          MayGoto, Call, Exit, Continuation, Illegal>;
using Insns = std::vector<Insn>;

}  // namespace skep::isa
