// SPDX-License-Identifier: Apache-2.0
// Fields that the kernel manages, and objects of the program's own types: what calls do with them.
#pragma once
#include "verifier/domain/special_field.h"
#include "verifier/require/kfunc.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

/// Where a field lies of which a pointer was handed to a call: its record, and its offset there.
struct FieldPlace {
  const FieldRecord* record = nullptr;
  std::string_view holder;  ///< "map" or "local": what the log calls it.
  std::string name;         ///< Of the map, or of the type.
  std::int64_t offset = 0;
};
/// Register `reg` points, at a constant offset, into a map value or an allocated object. Neither is the caller's
/// concern.
Check find_place(Run& run, std::uint32_t reg, std::string_view field, FieldPlace& place);
/// The one field of `kind` in what `reg` points to, and `reg` points to it.
Check check_single_field(Run& run, std::uint32_t reg, SpecialKind kind);

// object.cc: objects of the program's own types.
/// A pointer to the byte at `offset` of one.
Value object_pointer(TypeId type, std::uint32_t offset);
Check load_object(Run& run, const Access& access, std::uint32_t dst);
Check store_object(Run& run, const Access& access);

// kptr.cc: pointers to objects, kept in map values and objects.
/// The field for a pointer that a load or store at `offset` behind `base` reaches; nullptr: none.
const SpecialField* pointer_field_at(const FieldRecord& record, const Value& base, std::int32_t offset);
Check load_pointer_field(Run& run, const Access& access, const SpecialField& field, std::uint32_t dst);
Check store_pointer_field(Run& run, const SpecialField& field, const StoredValue& stored);
/// bpf_kptr_xchg: the field, what is put into it, and what comes out.
Check check_kptr_field(Run& run, std::uint32_t reg, const SpecialField*& field);
Check check_kptr_object(Run& run, std::uint32_t reg, const SpecialField& field);
Check exchange_kptr(Run& run, const SpecialField& field, std::uint32_t reg);

// callback.cc
/// Explores the comparison that bpf_rbtree_add calls, of two such nodes.
Check enter_tree_callback(Run& run, std::uint32_t subprogram, const Value& node);

// timer.cc: callbacks that run later.
Check check_deferred_field(Run& run, std::uint32_t reg, SpecialKind kind, DeferredField& field);
/// The map in `reg` is the one that the field lies in.
Check check_own_map(Run& run, std::uint32_t reg, const DeferredField& field);
enum class Sleep : std::uint8_t { kForbidden, kAllowed };
/// Explores the callback later, with the arguments map, key and value.
Check push_async_callback(Run& run, std::uint32_t subprogram, std::uint32_t map, Sleep sleep);

// lock.cc
/// A pointer of which it matters which one it is, because it leads to a lock.
bool may_hold_lock(Run& run, const Value& value);
Check take_lock(Run& run, std::uint32_t reg, ReferenceKind kind);
Check give_back_lock(Run& run, std::uint32_t reg, ReferenceKind kind);
/// Within a comparison that bpf_rbtree_add makes: the lock is held by who called it.
bool in_tree_callback(const Run& run);
/// The lock that protects the list or tree in what `reg` points to is held.
Check check_lock_held(Run& run, const Value& holder, const FieldRecord& record, std::string_view for_what);
/// References that do not own their object end where its lock is given back.
void forget_non_owning(Run& run);

}  // namespace skep::verifier
