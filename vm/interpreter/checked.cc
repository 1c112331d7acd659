// SPDX-License-Identifier: Apache-2.0
// What a checked run may touch: its stack, its context, the regions of its caller and the values of the Vm's maps.
// Helpers trust the verifier, so that in a run of unverified code their arguments are compared with their prototypes
// first.
#include <cstring>

#include "base/unreachable.h"
#include "lower/internal_helpers.h"
#include "maps/map_of_maps.h"
#include "skep/context.h"
#include "vm/interpreter/run.h"

namespace skep::interpreter {
namespace {

using Arguments = std::array<std::uint64_t, 5>;

bool within(const Region& region, std::uint64_t address, std::uint64_t size, Access access) {
  if (access == Access::kWrite && !region.writable) return false;
  const std::uint64_t start = address_of(region.bytes.data());
  return address >= start && size <= region.bytes.size() && address - start <= region.bytes.size() - size;
}

/// xdp_adjust_head and the like move the packet during the run. An SkbContext begins with the same members.
bool in_packet(const Run& run, std::uint64_t address, std::uint64_t size) {
  static_assert(offsetof(XdpContext, data_meta) == offsetof(SkbContext, data_meta));
  std::uint64_t bounds[3] = {};  // data, data_end, data_meta
  if (run.context.bytes.size() < sizeof(bounds)) return false;
  std::memcpy(bounds, run.context.bytes.data(), sizeof(bounds));
  const std::uint64_t start = bounds[2] != 0 && bounds[2] < bounds[0] ? bounds[2] : bounds[0];
  return address >= start && address <= bounds[1] && size <= bounds[1] - address;
}

/// The map at that address, if the program may have got it: a map of the Vm, or an inner map of one.
const Map* find_map(const Run& run, std::uint64_t address) {
  for (const auto& map : run.code->maps) {
    if (address_of(map.get()) == address) return map.get();
    if (const auto* outer = dynamic_cast<const maps::MapOfMaps*>(map.get()))
      if (const Map* inner = outer->find_held(address)) return inner;
  }
  return nullptr;
}

/// What a lookup in an array_of_maps that lowering inlined reads.
bool in_slots(Map& map, std::uint64_t address, std::uint64_t size) {
  if (map.spec().type != MapType::kArrayOfMaps) return false;
  const std::span slots{map.elements(), std::size_t{map.spec().max_entries} * sizeof(std::uint64_t)};
  return within({.bytes = slots, .writable = false}, address, size, Access::kRead);
}

bool is_function(const Run& run, std::uint64_t address) {
  for (const Function& function : run.code->functions)
    if (address_of(&function) == address) return true;
  return false;
}

bool is_string(const Run& run, std::uint64_t address) {
  for (std::uint64_t at = address;; ++at) {
    if (!may_touch(run, at, 1, Access::kRead)) return false;
    if (*from_address<const char>(at) == '\0') return true;
  }
}

bool is_record(const Run& run, std::uint64_t address) {
  for (const auto& map : run.code->maps)
    if (map->spec().type == MapType::kRingBuf && map->contains(from_address<const void>(address), 1)) return true;
  return false;
}

/// `map` is the last map among the arguments before.
bool argument_fits(const Run& run, const Arg& arg, const Arguments& args, std::size_t at, const Map* map) {
  const std::uint64_t word = args[at];
  const std::uint64_t next = at + 1 < args.size() ? args[at + 1] : 0;
  switch (arg.kind) {
    case ArgKind::None:
    case ArgKind::Anything:
    case ArgKind::Size:
    case ArgKind::SizeOrZero:
    case ArgKind::ConstAllocSize:
    case ArgKind::StackOrNull:
      return true;
    case ArgKind::ConstMapPtr:
      return map != nullptr;
    case ArgKind::MapKey:
      return map != nullptr && may_touch(run, word, map->spec().key_size, Access::kRead);
    case ArgKind::MapValueOrNull:
      if (word == 0) return true;
      [[fallthrough]];
    case ArgKind::MapValue:
      return map != nullptr && may_touch(run, word, map->spec().value_size, Access::kRead);
    case ArgKind::UninitMapValue:
      return map != nullptr && may_touch(run, word, map->spec().value_size, Access::kWrite);
    case ArgKind::MemOrNull:
      if (word == 0) return true;
      [[fallthrough]];
    case ArgKind::Mem:
      return may_touch(run, word, next, Access::kRead);
    case ArgKind::UninitMemOrNull:
      if (word == 0) return true;
      [[fallthrough]];
    case ArgKind::UninitMem:
      return may_touch(run, word, next, Access::kWrite);
    case ArgKind::CtxOrNull:
      if (word == 0) return true;
      [[fallthrough]];
    case ArgKind::Ctx:
      return word == address_of(run.env.context);
    case ArgKind::RingBufMem:
      return is_record(run, word);
    case ArgKind::Func:
      return is_function(run, word);
    case ArgKind::ConstStr:
      return is_string(run, word);
    case ArgKind::FixedSizeMem:
      return may_touch(run, word, arg.size, Access::kRead);
    case ArgKind::UninitFixedSizeMem:
      return may_touch(run, word, arg.size, Access::kWrite);
    // Only helpers without a function have them.
    case ArgKind::SpinLock:
    case ArgKind::Timer:
    case ArgKind::Kptr:
    case ArgKind::KptrObject:
    case ArgKind::SockCommon:
    case ArgKind::SocketOrNull:
    case ArgKind::BtfSockCommon:
    case ArgKind::BtfSockCommonOrNull:
    case ArgKind::PtrToBtfId:
    case ArgKind::PtrToBtfIdOrNull:
    case ArgKind::PtrToPercpuBtfId:
    case ArgKind::PtrToDynptr:
    case ArgKind::PtrToUninitDynptr:
      return false;
  }
  unreachable();
}

bool arguments_fit(const Run& run, const std::array<Arg, 5>& wanted, const Arguments& args) {
  const Map* map = nullptr;
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    if (wanted[at].kind == ArgKind::ConstMapPtr) map = find_map(run, args[at]);
    if (!argument_fits(run, wanted[at], args, at, map)) return false;
  }
  return true;
}

}  // namespace

bool may_touch(const Run& run, std::uint64_t address, std::uint64_t size, Access access) {
  if (size == 0) return true;
  if (address >= run.bottom && address < run.top) return size <= run.top - address;
  if (within(run.context, address, size, access)) return true;
  for (const Region& region : run.regions)
    if (within(region, address, size, access)) return true;
  if (run.has_packet && in_packet(run, address, size)) return true;
  for (const auto& map : run.code->maps) {
    if (map->contains(from_address<const void>(address), size))
      return access == Access::kRead || (map->spec().flags & map_flags::kReadOnlyProgram) == 0;
    if (access == Access::kRead && in_slots(*map, address, size)) return true;
  }
  return false;
}

bool may_call(const Run& run, std::uint32_t helper, const Arguments& args) {
  if (run.code->helpers[helper] == lower::kLoadPacketHelper)
    return args[0] == address_of(run.env.context) && run.context.bytes.size() >= sizeof(SkbContext);
  const HelperProto* proto = run.code->protos[helper];
  return proto == nullptr || arguments_fit(run, proto->args, args);
}

bool may_tail_call(const Run& run, const Arguments& args) {
  const Map* map = find_map(run, args[1]);
  return args[0] == address_of(run.env.context) && map != nullptr && map->spec().type == MapType::kProgArray;
}

}  // namespace skep::interpreter
