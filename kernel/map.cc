// SPDX-License-Identifier: Apache-2.0
// Maps as libbpf makes them, and operations on them.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/address.h"
#include "base/try.h"
#include "kernel/bpf.h"
#include "kernel/map.h"
#include "kernel/syscall.h"

namespace skep::kernel {
namespace {

constexpr std::uint32_t kArena = 33;  // BPF_MAP_TYPE_ARENA, younger than the header.
constexpr std::uint32_t kLargestRing = 1u << 31;

/// Types of maps to which libbpf gives no BTF: the kernel refuses it.
bool takes_types(MapType type) {
  constexpr auto kUntyped = std::to_array<std::uint32_t>(
      {BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_STACK_TRACE, BPF_MAP_TYPE_ARRAY_OF_MAPS,
       BPF_MAP_TYPE_HASH_OF_MAPS, BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_CPUMAP,
       BPF_MAP_TYPE_XSKMAP, BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK,
       kArena});
  return std::find(kUntyped.begin(), kUntyped.end(), static_cast<std::uint32_t>(type)) == kUntyped.end();
}

Status fill(const Fd& map, const MapSpec& spec) {
  const std::uint32_t zero = 0;
  if (!spec.initial.empty() && map_update(map, std::as_bytes(std::span(&zero, 1)), spec.initial, 0) != 0)
    return system_error("initial contents of map " + spec.name);
  if (!spec.frozen) return kOk;
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  if (sys_bpf(BPF_MAP_FREEZE, attr) != 0) return system_error("freezing map " + spec.name);
  return kOk;
}

}  // namespace

Result<Fd> create_map(const MapSpec& spec) { return create_map(spec, Fd()); }

Result<Fd> create_map(const MapSpec& spec, const Fd& btf) {
  bpf_attr attr = empty_attr();
  attr.map_type = static_cast<__u32>(spec.type);
  attr.key_size = spec.key_size;
  attr.value_size = spec.value_size;
  attr.max_entries = spec.max_entries;
  attr.map_flags = spec.flags;
  attr.map_extra = spec.map_extra;
  copy_name(attr.map_name, spec.name);
  Fd inner;
  if (spec.inner != nullptr) {
    TRY(inner, create_map(*spec.inner, btf));
    attr.inner_map_fd = static_cast<__u32>(inner.get());
  }
  const bool typed = btf.valid() && takes_types(spec.type);
  if (typed) {
    attr.btf_fd = static_cast<__u32>(btf.get());
    attr.btf_key_type_id = spec.key_type_id;
    attr.btf_value_type_id = spec.value_type_id;
  }
  Fd map(static_cast<int>(sys_bpf(BPF_MAP_CREATE, attr)));
  if (!map.valid() && typed) {  // As libbpf: types that the kernel does not like cost only their use.
    attr.btf_fd = attr.btf_key_type_id = attr.btf_value_type_id = 0;
    map = Fd(static_cast<int>(sys_bpf(BPF_MAP_CREATE, attr)));
  }
  if (!map.valid()) return system_error("the kernel refuses map '" + spec.name + "'");
  TRY_OK(fill(map, spec));
  return map;
}

MapSpec with_defaults(MapSpec spec) {
  const auto page = static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE));
  const auto type = static_cast<std::uint32_t>(spec.type);
  if (type == BPF_MAP_TYPE_PERF_EVENT_ARRAY && spec.max_entries == 0)
    spec.max_entries = static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_CONF));
  const bool ring = type == BPF_MAP_TYPE_RINGBUF || type == BPF_MAP_TYPE_USER_RINGBUF;
  if (ring && spec.max_entries != 0 && spec.max_entries <= kLargestRing)
    spec.max_entries = std::max(page, std::bit_ceil(spec.max_entries));
  return spec;
}

ArenaAddress::ArenaAddress(const MapSpec& spec, const Fd& map) {
  if (static_cast<std::uint32_t>(spec.type) != kArena || spec.map_extra != 0) return;
  size_ = std::size_t{spec.max_entries} * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, map.get(), 0);
  if (at != MAP_FAILED) address_ = at;
}
ArenaAddress::~ArenaAddress() {
  if (address_ != nullptr) munmap(address_, size_);
}

int map_update(const Fd& map, std::span<const std::byte> key, std::span<const std::byte> value, std::uint64_t flags) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  attr.flags = flags;
  return sys_bpf(BPF_MAP_UPDATE_ELEM, attr) == 0 ? 0 : -errno;
}
int map_lookup(const Fd& map, std::span<const std::byte> key, std::span<std::byte> value) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = address_of(key.data());
  attr.value = address_of(value.data());
  return sys_bpf(BPF_MAP_LOOKUP_ELEM, attr) == 0 ? 0 : -errno;
}
int map_delete(const Fd& map, std::span<const std::byte> key) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = address_of(key.data());
  return sys_bpf(BPF_MAP_DELETE_ELEM, attr) == 0 ? 0 : -errno;
}
int map_next_key(const Fd& map, std::span<const std::byte> key, std::span<std::byte> next) {
  bpf_attr attr = empty_attr();
  attr.map_fd = static_cast<__u32>(map.get());
  attr.key = key.empty() ? 0 : address_of(key.data());
  attr.next_key = address_of(next.data());
  return sys_bpf(BPF_MAP_GET_NEXT_KEY, attr) == 0 ? 0 : -errno;
}

}  // namespace skep::kernel
