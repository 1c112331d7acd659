// SPDX-License-Identifier: Apache-2.0
// Dynptrs: a description of memory that the kernel keeps in 16 bytes of the program's stack (Value::detail says of
// which kind of memory, Value::id tells dynptrs apart, Value::reference is what must be given back), or hands to a
// callback.
#pragma once
#include <cstdint>
#include <optional>

#include "skep/helper.h"
#include "verifier/transfer/stack_object.h"

namespace skep::verifier {

/// The initialised dynptr that a register points to, or is; nullptr: there is none.
const Value* find_dynptr(Run& run, std::uint32_t reg);
/// `reg` points to 16 bytes of stack in which a dynptr can be made; those end what lay there.
Check check_room_for_dynptr(Run& run, std::uint32_t reg);
/// Makes a dynptr at the place that `pointer` points to.
struct DynptrIds {
  std::uint32_t id = 0, reference = 0;
  std::uint32_t origin = 0;  ///< Of the dynptr that it is a clone of; 0: none.
};
void make_dynptr(Run& run, const Value& pointer, DynptrKind kind, DynptrIds ids);
/// What a register holds that the kernel, or the caller of a global function, hands a dynptr in. The dynptr cannot be
/// changed; what it tells of can. Any: a caller's.
Value constant_dynptr(Run& run, DynptrKind kind);
/// A pointer to memory of the dynptr, or null.
Value slice_of_dynptr(Run& run, const Value& dynptr, std::uint64_t size);
/// Gives back what a referenced dynptr stands for; it, its clones and pointers to their memory end.
Check release_dynptr(Run& run, std::uint32_t reference);

/// The memory is part of a packet, which may move.
inline bool is_packet_dynptr(const Value& dynptr) {
  const auto kind = static_cast<DynptrKind>(dynptr.detail);
  return kind == DynptrKind::Skb || kind == DynptrKind::Xdp || kind == DynptrKind::SkbMeta;
}
/// Making room in a packet buffer for what is written may move it; that of XDP stays. (Linux takes a caller's dynptr
/// for one of other memory.)
inline bool write_moves_packet(const Value& dynptr) {
  const auto kind = static_cast<DynptrKind>(dynptr.detail);
  return kind == DynptrKind::Any || kind == DynptrKind::Skb || kind == DynptrKind::SkbMeta;
}

}  // namespace skep::verifier
