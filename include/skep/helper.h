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
  MapValueOrNull,  ///< The same, or null.
  UninitMapValue,  ///< Writable memory of the map's value size, need not be initialised.
  Mem,             ///< Readable memory; the next argument is its size.
  MemOrNull,
  UninitMem,  ///< Writable memory, need not be initialised; the next argument is its size.
  UninitMemOrNull,
  Size,  ///< Size of the memory before it, known to be > 0.
  SizeOrZero,
  FixedSizeMem,        ///< Readable memory of Arg::size bytes.
  UninitFixedSizeMem,  ///< Writable, aligned memory of Arg::size bytes.
  Ctx,                 ///< The program's context, unmodified.
  CtxOrNull,
  ConstAllocSize,  ///< A constant; the size of the memory that the helper returns.
  RingBufMem,      ///< What ringbuf_reserve returned; the reference ends here.
  Func,            ///< Address of a static subprogram (callback).
  StackOrNull,     ///< Pointer into the stack, handed to the callback.
  ConstStr,        ///< NUL-terminated string in a frozen read-only map.
  SpinLock,        ///< A bpf_spin_lock in a map's value or an allocated object.
  Timer,           ///< A bpf_timer in a map's value.
  Kptr,            ///< A field for a kernel pointer, in a map's value or an allocated object.
  KptrObject,      ///< What may be put into that field: a referenced object of its type, or null.
  SockCommon,      ///< Any of the kernel's sockets.
  SocketOrNull,    ///< A full socket, or null.
  BtfSockCommon,   ///< Any of the kernel's sockets, also as a pointer that BTF describes.
  BtfSockCommonOrNull,
  PtrToBtfId,  ///< A trusted pointer to the kernel's type Arg::btf_type.
  PtrToBtfIdOrNull,
  PtrToPercpuBtfId,  ///< Address of a per-CPU variable of the kernel.
  PtrToDynptr,       ///< An initialised dynptr on the stack, of kind Arg::dynptr.
  PtrToUninitDynptr  ///< 16 bytes of stack in which the helper makes a dynptr of kind Arg::dynptr.
};
/// Of which kind of memory a dynptr tells.
enum class DynptrKind : std::uint8_t { Any, Local, RingBuf, Skb, Xdp, SkbMeta, File };

/// One argument: what it must be, and of which type or size.
struct Arg {
  ArgKind kind = ArgKind::None;
  bool released = false;        ///< The resource that it refers to is given back by the call.
  DynptrKind dynptr{};          ///< PtrToDynptr, PtrToUninitDynptr.
  std::uint32_t size = 0;       ///< FixedSizeMem, UninitFixedSizeMem: bytes.
  std::string_view btf_type{};  ///< PtrToBtfId: name of the kernel's structure.

  constexpr Arg() = default;
  constexpr Arg(ArgKind k) : kind(k) {}  // NOLINT(google-explicit-constructor): most kinds need no more.
  friend bool operator==(const Arg&, const Arg&) = default;
};

enum class RetKind : std::uint8_t {
  Integer,
  ByteCount,  ///< How many bytes were written, at most the size passed, or a negative error.
  CpuNumber,  ///< Of the CPU that runs the program.
  Void,
  MapValue,
  MapValueOrNull,
  RingBufMemOrNull,  ///< A record of the ring buffer, to be submitted or discarded.
  SocketOrNull,
  SockCommonOrNull,
  TcpSockOrNull,
  PtrToBtfId,        ///< Trusted pointer to the kernel's type Ret::btf_type.
  PtrToBtfIdOrNull,  ///< The same, or null.
  MemOrBtfId,        ///< This CPU's copy of the per-CPU variable passed.
  MemOrBtfIdOrNull,  ///< Another CPU's copy, or null.
  DynptrMemOrNull,   ///< Memory that the dynptr passed tells of.
  KptrOrNull,        ///< What the field passed held.
};
/// The result of a call.
struct Ret {
  RetKind kind{};
  std::string_view btf_type{};  ///< PtrToBtfId: name of the kernel's structure.
  bool trusted = false;         ///< PtrToBtfId: the object is alive as long as the program runs.

  constexpr Ret() = default;
  constexpr Ret(RetKind k) : kind(k) {}  // NOLINT(google-explicit-constructor)
  friend bool operator==(const Ret&, const Ret&) = default;
};

/// What else the verifier must know of a helper; a set of bits.
using HelperTraits = std::uint8_t;
inline constexpr HelperTraits kNoTraits = 0, kGpl = 1 << 0,  ///< The program's license must be compatible with the GPL.
    kMightSleep = 1 << 1,                                    ///< Only sleepable programs may call it.
    kMovesPacket = 1 << 2,                                   ///< Pointers into the packet end with the call.
    kPacketArgs = 1 << 3,                                    ///< Memory arguments may lie in the packet.
    kAcquires = 1 << 4,  ///< The result is a resource that the program must give back.
    kDerives = 1 << 5;   ///< The result is a view of the object passed and lives as long.

enum class HelperId : std::int32_t {
#define HELPER(id, name, ...) name = id,
#define PROTOTYPE(id, name, ...) name = id,
#include "skep/tables/helpers.def"
};

/// What the verifier knows about a helper. It holds no function: verifier/ does not link helpers/.
struct HelperProto {
  std::int32_t id = 0;
  std::string_view name;
  Ret returns{};
  std::array<Arg, 5> args{};
  HookSet available = kNoTypes;
  HelperTraits traits = kNoTraits;
  bool has_function = true;  ///< False: the verifier judges calls, but programs with such calls cannot run here.

  [[nodiscard]] constexpr bool has(HelperTraits trait) const { return (traits & trait) != 0; }
};

namespace detail {  // NOLINTBEGIN(readability-identifier-naming): in a row they stand beside the enumerators.
/// What rows of helpers.def say of arguments.
namespace args {
using enum ArgKind;
constexpr Arg BtfId(std::string_view type, ArgKind kind = PtrToBtfId) {
  Arg arg = kind;
  arg.btf_type = type;
  return arg;
}
constexpr Arg BtfIdOrNull(std::string_view type) { return BtfId(type, PtrToBtfIdOrNull); }
constexpr Arg FixedMem(std::uint32_t size, ArgKind kind = FixedSizeMem) {
  Arg arg = kind;
  arg.size = size;
  return arg;
}
constexpr Arg UninitFixedMem(std::uint32_t size) { return FixedMem(size, UninitFixedSizeMem); }
constexpr Arg Dynptr(DynptrKind of = DynptrKind::Any, ArgKind kind = PtrToDynptr) {
  Arg arg = kind;
  arg.dynptr = of;
  return arg;
}
constexpr Arg UninitDynptr(DynptrKind of) { return Dynptr(of, PtrToUninitDynptr); }
constexpr Arg Released(Arg arg) {
  arg.released = true;
  return arg;
}
template <class... A>
constexpr std::array<Arg, 5> list(A... a) {
  return {Arg(a)...};
}
}  // namespace args
/// What they say of results.
namespace returns {
using enum RetKind;
constexpr Ret BtfId(std::string_view type, RetKind kind = PtrToBtfId) {
  Ret ret = kind;
  ret.btf_type = type;
  return ret;
}
constexpr Ret BtfIdOrNull(std::string_view type) { return BtfId(type, PtrToBtfIdOrNull); }
constexpr Ret TrustedBtfId(std::string_view type) {
  Ret ret = BtfId(type);
  ret.trusted = true;
  return ret;
}
}  // namespace returns
/// And of availability.
namespace hooks {  // NOLINTEND(readability-identifier-naming)
using enum ProgramType;
inline constexpr ProgramTypeSet kAll = kAllTypes, kTc = kTcTypes, kTcXdp = kTc | set_of(kXdp),
                                kTcCgroupSkb = kTc | set_of(kCgroupSkb), kTcLwtXmit = kTc | set_of(kLwtXmit),
                                kLwt = kLwtTypes | set_of(kLwtSeg6local), kTcLwt = kTc | kLwt,
                                kTracingAndSyscall = set_of(kTracing, kLsm, kSyscall),
                                kTraced = kTracingTypes | kTracingAndSyscall,
                                kEventWriters = kAll & ~set_of(kSkReuseport, kFlowDissector, kStructOps, kNetfilter),
                                kLookups = kTcXdp | set_of(kCgroupSkb, kSkSkb, kCgroupSockAddr),
                                kSocketCasts = kLookups | kLwt | kTracingAndSyscall |
                                               set_of(kSocketFilter, kSockOps, kSkMsg, kFlowDissector, kSkLookup),
                                kSocketCookies = kTcCgroupSkb |
                                                 set_of(kSocketFilter, kCgroupSock, kSockOps, kSkSkb, kCgroupSockAddr),
                                kSocketOptions = set_of(kSockOps, kCgroupSockAddr),
                                kSocketStorages = kTcCgroupSkb |
                                                  set_of(kSockOps, kSkMsg, kCgroupSockAddr, kCgroupSockopt, kStructOps);
// By attach type (UAPI bpf_attach_type).
inline constexpr HookSet kConnect{kCgroupSockAddr, attach_set(10, 11)},  // inet4_connect, inet6_connect
    kSetSockopt{kCgroupSockopt, attach_set(22)}, kTraceIter{kTracing, attach_set(28)},
    kTrampoline{kTracing, attach_set(24, 25, 26)},  // fentry, fexit, fmod_ret
    kTraceExit{kTracing, attach_set(25, 26)}, kTraceAttached{set_of(kTracing, kLsm), ~attach_set(28)},
    kMultiKprobe{kKprobe, attach_set(42, 48, 56, 57)},  // Multi and session, of kprobes and uprobes.
    kSingleKprobe{kKprobe, ~attach_set(42, 48, 56, 57)},
    // Not ingress, egress, sock_ops, recvmsg, getpeername, getsockname.
    kRetvalHooks{set_of(kSockOps, kCgroupDevice, kCgroupSockAddr, kCgroupSysctl, kCgroupSockopt),
                 ~attach_set(0, 1, 3, 19, 20, 29, 30, 31, 32, 51, 52, 53)};
}  // namespace hooks

constexpr auto make_helper_table() {
  using namespace args;   // NOLINT(google-build-using-namespace): the rows' own vocabulary.
  using namespace hooks;  // NOLINT(google-build-using-namespace)
  return std::to_array<HelperProto>({
#define HELPER(id, name, ret, args, hooks, traits) {id, #name, returns::ret, list args, hooks, traits, true},
#define PROTOTYPE(id, name, ret, args, hooks, traits) {id, #name, returns::ret, list args, hooks, traits, false},
#define VARIANT(...) HELPER(__VA_ARGS__)
#include "skep/tables/helpers.def"
  });
}
}  // namespace detail
/// By number. Rows with the same number are the prototypes of one helper, each for programs of its own.
inline constexpr auto kHelpers = detail::make_helper_table();

/// Signature of every helper: r1 to r5 and the run that calls it; the result goes to r0. Called directly from native
/// code, so it must not throw. Arguments were checked against the prototype.
using HelperFn = std::uint64_t (*)(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3, std::uint64_t r4,
                                   std::uint64_t r5, Env& env);

}  // namespace skep
