// SPDX-License-Identifier: Apache-2.0
// The kernel functions that a program calls: flags from the table, prototypes from the kernel's BTF, and what each
// parameter asks for, which its type and the suffix of its name say (docs.kernel.org/bpf/kfuncs.html, section 2.2).
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "skep/btf.h"
#include "skep/kfunc.h"
#include "skep/verify.h"

namespace skep::verifier {

enum class KfuncParameterKind : std::uint8_t {
  kScalar,
  kConstant,      ///< __k: a number known when verifying.
  kSize,          ///< __sz: of the memory in the parameter before.
  kConstantSize,  ///< __szk
  kIgnored,       ///< __ign: anything.
  kProgram,       ///< __prog: the verifier itself supplies it.
  kContext,
  kSizedMemory,  ///< The next parameter is its size.
  kString,       ///< __str: a string in a frozen map.
  kMap,          ///< __map
  kDynptr,
  kIterator,
  kPointer,  ///< To an object of the kernel, or to memory of the type's size: what the register holds decides.
  // Memory that the kernel manages inside the program's own objects, and functions of the program.
  kAllocated,   ///< __alloc: what bpf_obj_new gave.
  kRefcounted,  ///< __refcounted_kptr
  kIrqFlag,     ///< __irq_flag
  kListHead,
  kListNode,
  kTreeRoot,
  kTreeNode,
  kResilientLock,
  kTimer,
  kWorkQueue,
  kTaskWork,
  kCallback,
};

struct KfuncParameter {
  KfuncParameterKind kind{};
  TypeId type = 0;             ///< What a pointer points to, typedefs and qualifiers resolved.
  bool nullable = false;       ///< __nullable
  bool optional = false;       ///< __opt
  bool uninitialized = false;  ///< __uninit
};

struct Kfunc {
  std::int32_t id = 0;  ///< The immediate of the calls.
  std::string_view name;
  const KfuncProto* row = nullptr;  ///< nullptr: programs may not call it.
  std::vector<KfuncParameter> parameters;
  TypeId returns = 0;  ///< Typedefs and qualifiers resolved.
};

/// The function that a call with `id` names, for a program of this type; nullopt: the BTF has none.
std::optional<Kfunc> resolve_kfunc(const Btf& kernel, std::int32_t id, ProgramType type);

/// Bytes of a value of `type` if it holds numbers only, so that a program may give its own memory for it.
std::optional<std::uint32_t> size_of_plain(const Btf& kernel, TypeId type);

}  // namespace skep::verifier
