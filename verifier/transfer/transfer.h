// SPDX-License-Identifier: Apache-2.0
// What each instruction does to the live state, a file per family. Every function first asks require/ and then changes
// registers, memory, `next`, `path_ends`.
#pragma once
#include <cstdint>

#include "skep/btf.h"
#include "verifier/engine/run.h"
#include "verifier/require/require.h"

namespace skep::verifier {

/// Executes the instruction at run.at.
Check step(Run& run);
/// Counts as a jump for the heuristics of pruning: every branch, jump, call and exit.
bool is_jump(const isa::Insn& insn);

/// One access of an instruction to memory.
struct Access {
  std::uint32_t base = 0;  ///< Register with the address.
  std::int32_t offset = 0;
  isa::Size size{};
  isa::Extend extend = isa::Extend::kZero;
  [[nodiscard]] std::uint32_t bytes() const { return isa::bytes(size); }
};
/// `src`: register stored, or nullptr with `constant`, or neither (unknown data).
struct StoredValue {
  std::uint32_t reg = kRegs;  ///< kRegs: no register.
  std::optional<std::int32_t> constant{};
};

// registers.cc
Check transfer(Run& run, const isa::Alu& insn);
Check transfer(Run& run, const isa::ByteSwap& insn);
// arena.cc
Check transfer(Run& run, const isa::AddrSpaceCast& insn);
/// The arena that the program names; nullptr: none.
const MapSpec* find_arena(const Program& program);
// load_constant.cc
Check transfer(Run& run, const isa::LoadImm64& insn);
// memory.cc
Check transfer(Run& run, const isa::Load& insn);
Check transfer(Run& run, const isa::Store& insn);
Check transfer(Run& run, const isa::Atomic& insn);
// context.cc
Check load_context(Run& run, const Access& access, std::uint32_t dst);
// btf_pointer.cc: objects of the kernel's types, and of the program's own (bpf_obj_new).
Check load_btf(Run& run, const Access& access, std::uint32_t dst);
Check store_btf(Run& run, const Access& access, const StoredValue& stored);
// traced_context.cc: the arguments of what is traced. Precondition: run.traced.
Check load_traced(Run& run, const Access& access, std::uint32_t dst);
enum class NullAllowed : std::uint8_t { kNo, kYes };
/// The register holds a valid pointer to the kernel's structure `wanted`, or to one that has it at that offset.
Check check_kernel_object(Run& run, std::uint32_t reg, TypeId wanted, NullAllowed null);
/// A map as the kernel's `struct bpf_map`.
Check load_map(Run& run, const Access& access, std::uint32_t dst);
Check store_map(Run& run, const Access& access);
// socket.cc: sockets of any kind, and flow keys.
Check load_socket(Run& run, const Access& access, std::uint32_t dst);
Check store_socket(Run& run, const Access& access);
// legacy_packet.cc
Check transfer(Run& run, const isa::LoadPacket& insn);
// jump.cc
Check transfer(Run& run, const isa::Branch& insn);
Check transfer(Run& run, const isa::Jump& insn);
Check transfer(Run& run, const isa::MayGoto& insn);
// call.cc
Check transfer(Run& run, const isa::Call& insn);
Check transfer(Run& run, const isa::Exit& insn);
/// Ends the frame of a callee or callback.
Check return_to_caller(Run& run);
// call_helper.cc, argument.cc (helper_call.h)
Check call_helper(Run& run, std::int32_t id);
/// `size` bytes at the pointer in `reg` may be read or written by the callee.
Check check_memory(Run& run, std::uint32_t reg, std::uint32_t size, AccessMode mode, ZeroSize zero);
/// After a call of that helper, pointers into the packet may be wrong.
bool moves_packet(const Platform& platform, std::int32_t id);
void forget_packet(State& state);
// call_kfunc.cc
Check call_kfunc(Run& run, const isa::Call& insn);
// call_global.cc
Check call_global(Run& run, std::uint32_t callee_index);
/// Sets the arguments of the global function that is to be explored on its own.
Check enter_global(Run& run, std::uint32_t subprogram);
// exception.cc
/// Sets the argument of the callback for exceptions that is to be explored on its own.
Check enter_exception_callback(Run& run);
// callback.cc
Check leave_callback(Run& run);

/// Gives a register to the callee-clobbered set: r1 to r5 hold nothing after a call.
void clobber_arguments(Run& run);

// reference.cc
/// Notes a resource that must be given back; its id. 0: too many (recorded).
std::uint32_t acquire_reference(Run& run, ReferenceKind kind, std::uint32_t key = 0);
/// Gives back the resource; every copy of a pointer to it becomes a number.
Check release_reference(Run& run, std::uint32_t id);

// stack.cc
/// Makes the frame's stack reach down to `offset`.
void grow_stack(Run& run, Frame& frame, std::int32_t offset);
Check load_stack(Run& run, std::uint32_t base, const StackRange& range, std::uint32_t size, std::uint32_t dst);
Check store_stack(Run& run, std::uint32_t base, const StackRange& range, std::uint32_t size, const StoredValue& value);
/// A helper reads, or writes, [range): registers spilled there are then data.
Check touch_stack(Run& run, std::uint32_t base, const StackRange& range, AccessMode mode);
/// The constant of `size` bytes at `offset` of that frame as the kernel sees it: zeros, or a spilled number that has no
/// more bytes from there on. Nothing: it is not known. That it is this number then matters to all that follows.
std::optional<std::uint64_t> constant_on_stack(Run& run, std::uint32_t frame, std::int32_t offset, std::uint32_t size);

/// Gives a scalar an id, so that what is learnt of a copy of it is learnt of it.
void give_id(Run& run, Value& value);

}  // namespace skep::verifier
