// SPDX-License-Identifier: Apache-2.0
// Helper functions: prototypes as the verifier sees them, and the signature that every engine calls.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "skep/program_type.h"

namespace skep {

struct Env;  // skep/env.h

/// What an argument must be. Names follow the kernel's `enum bpf_arg_type`.
enum class ArgKind : std::uint8_t {
  None,            ///< The helper has fewer arguments.
  Anything,        ///< Any initialised value.
  ConstMapPtr,     ///< A map, known at verification.
  MapKey,          ///< Readable memory of the map's key size.
  MapValue,        ///< Readable memory of the map's value size.
  UninitMapValue,  ///< Writable memory of the map's value size, need not be initialised.
  Mem,             ///< Readable memory; the next argument is its size.
  MemOrNull,
  UninitMem,  ///< Writable memory, need not be initialised; the next argument is its size.
  UninitMemOrNull,
  Size,  ///< Size of the memory before it, known to be > 0.
  SizeOrZero,
  Ctx,             ///< The program's context, unmodified.
  ConstAllocSize,  ///< A constant; the size of the memory that the helper returns.
  RingBufMem,      ///< What ringbuf_reserve returned; the reference ends here.
  Func,            ///< Address of a static subprogram (callback).
  StackOrNull,     ///< Pointer into the stack, handed to the callback.
  ConstStr,        ///< NUL-terminated string in a frozen read-only map.
};
enum class RetKind : std::uint8_t { Integer, Void, MapValueOrNull, RingBufMemOrNull };

enum class HelperId : std::int32_t {
#define HELPER(id, name, ...) name = id,
#include "skep/tables/helpers.def"
};

/// What the verifier knows about a helper. It holds no function: verifier/ does not link helpers/.
struct HelperProto {
  std::int32_t id = 0;
  std::string_view name;
  RetKind returns{};
  std::array<ArgKind, 5> args{};
  ProgramTypeSet available = kNoTypes;
  bool gpl_only = false;
};
namespace detail {
template <class... A>
constexpr std::array<ArgKind, 5> arg_list(A... a) {
  return {a...};
}
constexpr auto make_helper_table() {
  using enum ArgKind;
  return std::to_array<HelperProto>({
#define HELPER(id, name, ret, args, avail, gpl) {id, #name, RetKind::ret, arg_list args, avail, gpl},
#include "skep/tables/helpers.def"
  });
}
}  // namespace detail
inline constexpr auto kHelpers = detail::make_helper_table();

/// Signature of every helper: r1 to r5 and the run that calls it; the result goes to r0. Called directly from native
/// code, so it must not throw. Arguments were checked against the prototype.
using HelperFn = std::uint64_t (*)(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3, std::uint64_t r4,
                                   std::uint64_t r5, Env& env);

}  // namespace skep
