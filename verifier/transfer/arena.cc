// SPDX-License-Identifier: Apache-2.0
// Arenas: memory shared with user space, of which 32 bits of a pointer are an offset. The kernel catches accesses
// outside, so a pointer into an arena is not tracked: any arithmetic gives another one.
#include "base/try.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

constexpr std::uint16_t kKernelSpace = 0, kArenaSpace = 1;

}  // namespace

const MapSpec* find_arena(const Program& program) {
  for (const auto& map : program.maps)
    if (map->type == MapType::kArena) return map.get();
  return nullptr;
}

Check transfer(Run& run, const isa::AddrSpaceCast& insn) {
  const bool to_kernel = insn.to == kKernelSpace && insn.from == kArenaSpace;
  const bool to_arena = insn.to == kArenaSpace && insn.from == kKernelSpace;
  if (!to_kernel && !to_arena) return run.reject(DiagCode::kAddressSpace);
  if (find_arena(run.program) == nullptr) return run.reject(DiagCode::kCastWithoutArena);
  TRY_OK(check_readable(run, insn.src.index));
  TRY_OK(check_writable(run, insn.dst.index));
  // The address as user space has it is a number for programs.
  run.reg(insn.dst) = to_kernel ? pointer(ValueKind::kArena) : unknown_scalar();
  return Check::ok();
}

}  // namespace skep::verifier
