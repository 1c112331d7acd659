// SPDX-License-Identifier: Apache-2.0
// CO-RE: "compile once, run everywhere" (docs.kernel.org/bpf/llvm_reloc.html). A record of .BTF.ext names a property of
// a type of the object; what the instruction must hold is that property of the type of the same name in the target's
// BTF. Decisions are libbpf's, so that programs are what the kernel would be given.
#pragma once
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "btf/btf_ext.h"
#include "skep/btf.h"

namespace skep::core {

/// UAPI enum bpf_core_relo_kind.
enum class Kind : std::uint32_t {
  kFieldByteOffset,
  kFieldByteSize,
  kFieldExists,
  kFieldSigned,
  kFieldLeftShift,
  kFieldRightShift,
  kTypeIdLocal,
  kTypeIdTarget,
  kTypeExists,
  kTypeSize,
  kEnumeratorExists,
  kEnumeratorValue,
  kTypeMatches,
};
enum class Family : std::uint8_t { kField, kType, kEnumerator };
Family family(Kind kind);

/// One step of the way from a root type: a member (it has a name) or an array element (it has none).
struct Step {
  TypeId type = 0;  ///< The structure, union or enumeration; of an array element: the element's type.
  std::uint32_t index = 0;
  std::string_view name;
};
/// Where a record leads within one Btf. Members without names are no steps: only their offset counts.
struct Spec {
  TypeId root = 0;
  std::vector<Step> steps;  ///< Empty for Family::kType.
  std::uint64_t bit_offset = 0;
};
/// The record's way through the object's own types. Error: it leads nowhere.
Result<Spec> parse_spec(const Btf& btf, const CoreRecord& record);

/// `task_struct` of `task_struct___old`: flavours of a type have one name in the target.
std::string_view essential_name(std::string_view name);

// Compatibility of a type of the object with one of the target. Errors: the types nest too deep.
/// May a member of type `local` be read where the target has `target`?
bool fields_compatible(const Btf& local_btf, TypeId local, const Btf& target_btf, TypeId target);
/// Same kind all the way down; names and members do not count (type_exists, type_size, ksyms).
Result<bool> types_compatible(const Btf& local_btf, TypeId local, const Btf& target_btf, TypeId target);
/// Every member, enumerator and parameter of the local type exists in the target's (type_matches).
Result<bool> types_match(const Btf& local_btf, TypeId local, const Btf& target_btf, TypeId target);

/// The same way through a type of the target; nullopt: there is none.
Result<std::optional<Spec>> match_spec(Kind kind, const Btf& local_btf, const Spec& local, const Btf& target_btf,
                                       TypeId target);

/// What becomes of the instruction.
struct Decision {
  std::uint64_t original = 0;                        ///< What it should hold now.
  std::uint64_t wanted = 0;                          ///< What it must hold.
  std::uint32_t original_size = 0, wanted_size = 0;  ///< Bytes that an access of the field takes; 0: not known.
  bool poison = false;                               ///< Nothing fits: the program must not reach it.
  bool checked = true;                               ///< `original` is not ambiguous.
  bool bad_access = false;                           ///< A load or store of the other size would give another value.
};

/// Resolves the records of one object. Types that fitted one record of a type are the candidates of its next.
class Resolver {
 public:
  /// Both must outlive the Resolver.
  Resolver(const Btf& local, const Btf& target) : local_(local), target_(target) {}
  /// Error: the record is malformed, or candidates contradict each other.
  Result<Decision> resolve(const CoreRecord& record);

 private:
  std::vector<TypeId> find_candidates(TypeId local);
  void list_flavours();

  const Btf& local_;
  const Btf& target_;
  std::unordered_map<TypeId, std::vector<TypeId>> candidates_;  // By local root type.
  bool flavours_listed_ = false;
  std::unordered_multimap<std::string_view, TypeId> flavours_;  // Of the target, by essential name.
};

}  // namespace skep::core
