// SPDX-License-Identifier: Apache-2.0
// Alignment of what instructions access. The kernel demands it of atomics and of the stack, where spilled registers
// must keep whole, and of everything when the program is loaded with BPF_F_STRICT_ALIGNMENT.
#include <string>

#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

// The kernel's NET_IP_ALIGN where alignment matters: the IP header behind 14 bytes of Ethernet is aligned.
constexpr std::uint32_t kPacketStart = 2;

bool is_strict(const Program& program) {
  return (program.flags & program_flags::kStrictAlignment) != 0 && (program.flags & program_flags::kAnyAlignment) == 0;
}

/// The kernel's name of memory of that kind, with a space before it; it names only some.
std::string memory_name(ValueKind kind) {
  if (kind == ValueKind::kContext) return " context";
  if (kind == ValueKind::kMapValue) return " value";
  if (kind == ValueKind::kFlowKeys) return " flow keys";
  const bool socket = kind == ValueKind::kSocket || kind == ValueKind::kSockCommon || kind == ValueKind::kTcpSock ||
                      kind == ValueKind::kXdpSock;
  return socket ? " " + std::string(info(kind).name) : std::string();
}

}  // namespace

Check check_alignment(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, Alignment wanted) {
  const Value& base = run.reg(reg);
  const bool stack = base.kind == ValueKind::kStack;
  if (size == 1 || (wanted == Alignment::kAsLoaded && !stack && !is_strict(run.program))) return Check::ok();
  const bool packet = base.kind == ValueKind::kPacket || base.kind == ValueKind::kPacketMeta;
  const std::int64_t known = std::int64_t{base.offset} + offset + (packet ? kPacketStart : 0);
  const Tnum where = add(base.scalar.bits, Tnum::constant(static_cast<std::uint64_t>(known)));
  if (((where.value | where.mask) & (size - 1)) == 0) return Check::ok();
  const std::string variable = print_bits(base.scalar.bits);
  const std::int64_t fixed = base.offset, insn = offset;
  if (stack) return run.reject(DiagCode::kMisalignedStack, variable, fixed, insn, std::uint64_t{size});
  if (packet)
    return run.reject(DiagCode::kMisalignedPacket, std::uint64_t{kPacketStart}, variable, fixed, insn,
                      std::uint64_t{size});
  return run.reject(DiagCode::kMisalignedAccess, memory_name(base.kind), variable, fixed, insn, std::uint64_t{size});
}

}  // namespace skep::verifier
