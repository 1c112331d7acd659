// SPDX-License-Identifier: Apache-2.0
// Maps: how they are described, and what a program and its embedder can do with one.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/result.h"

namespace skep {

class Btf;

enum class MapType : std::uint8_t {
  kUnspec = 0,
#define MAP_TYPE_ROW(id, name, ...) k##name = id,
#define MAP_TYPE_ROW_KNOWN(id, name, ...) k##name = id,
#include "skep/tables/map_types.def"
};
/// What a lookup by a program gives.
enum class MapValueKind : std::uint8_t { Plain, None, Map };
struct MapTypeInfo {
  MapType type{};
  std::string_view name{};  ///< As bpftool prints it.
  MapValueKind value{};
  bool direct_value = false;
  bool per_cpu = false;
  bool sleepable = false;  ///< Programs that sleep may use it.
};
/// Types that make_map() makes.
inline constexpr auto kMapTypes = std::to_array<MapTypeInfo>({
#define MAP_TYPE_ROW(id, name, text, cls, value, direct, per_cpu, sleepable) \
  {MapType::k##name, text, MapValueKind::value, direct, per_cpu, sleepable},
#include "skep/tables/map_types.def"
});
/// Types that programs may name and that only the kernel can make.
inline constexpr auto kKernelMapTypes = std::to_array<MapTypeInfo>({
#define MAP_TYPE_ROW_KNOWN(id, name, text, value, direct, per_cpu, sleepable) \
  {MapType::k##name, text, MapValueKind::value, direct, per_cpu, sleepable},
#include "skep/tables/map_types.def"
});
/// nullptr: there is no such map type.
constexpr const MapTypeInfo* find_info(std::string_view name) {
  for (const MapTypeInfo& row : kMapTypes)
    if (row.name == name) return &row;
  for (const MapTypeInfo& row : kKernelMapTypes)
    if (row.name == name) return &row;
  return nullptr;
}
constexpr const MapTypeInfo* find_info(MapType type) {
  for (const MapTypeInfo& row : kMapTypes)
    if (row.type == type) return &row;
  for (const MapTypeInfo& row : kKernelMapTypes)
    if (row.type == type) return &row;
  return nullptr;
}

/// Flags of a map, UAPI values (BPF_F_*).
namespace map_flags {
inline constexpr std::uint32_t kNoPrealloc = 1u << 0, kNoCommonLru = 1u << 1, kNumaNode = 1u << 2, kReadOnly = 1u << 3,
                               kWriteOnly = 1u << 4, kZeroSeed = 1u << 6, kReadOnlyProgram = 1u << 7,
                               kWriteOnlyProgram = 1u << 8, kMmapable = 1u << 10, kPreserveElems = 1u << 11,
                               kInnerMap = 1u << 12;
}  // namespace map_flags

/// What a map is, without its contents at run time. Immutable once built; shared by the programs that name it.
struct MapSpec {
  std::string name{};
  MapType type{};
  std::uint32_t key_size = 0;    ///< Bytes.
  std::uint32_t value_size = 0;  ///< Bytes.
  std::uint32_t max_entries = 0;
  std::uint32_t flags = 0;  ///< map_flags
  std::uint64_t map_extra = 0;
  std::uint32_t key_type_id = 0, value_type_id = 0;  ///< BTF types; 0: none.
  std::shared_ptr<const Btf> btf{};                  ///< Of key_type_id and value_type_id; may be null.
  std::shared_ptr<const MapSpec> inner{};            ///< Map-in-map: what its values look like; else null.
  std::vector<std::byte> initial{};                  ///< .data/.rodata: the first value; else empty (zeros).
  bool frozen = false;                               ///< .rodata: contents are constants that the verifier may read.
  bool pinned_by_name = false;                       ///< LIBBPF_PIN_BY_NAME.
  /// Declared contents of map-in-map and prog_array (`.values = {...}`): index, name of the map or program.
  struct Slot {
    std::uint32_t index = 0;
    std::string target;
  };
  std::vector<Slot> slots{};
  std::string section{};  ///< ".rodata": the ELF section whose variables it holds; else empty.
};

/// From one value of an array-like map to the next: they are aligned to 8 bytes.
constexpr std::uint64_t value_stride(const MapSpec& spec) { return (std::uint64_t{spec.value_size} + 7) / 8 * 8; }
/// From the values of one CPU of a percpu_array to those of the next: CPUs share no cache line.
constexpr std::uint64_t cpu_stride(const MapSpec& spec) {
  return (value_stride(spec) * spec.max_entries + 63) / 64 * 64;
}

/// Result of a map operation: 0, or a negative errno as the kernel would return it (-ENOENT, -EEXIST, -E2BIG,
/// -EINVAL...).
using MapResult = int;

/// Flags of update, UAPI values.
enum class UpdateFlag : std::uint64_t { kAny = 0, kNoExist = 1, kExist = 2 };

/// A map at run time. Owned by the Vm (or, for inner maps, shared by their holders). All operations may be called from
/// several threads at once. A pointer to a value stays readable and writable memory until the map is destroyed, though
/// after a deletion it may come to hold another element (as in the kernel's preallocated maps).
class Map {
 public:
  explicit Map(MapSpec spec) : spec_(std::move(spec)) {}
  virtual ~Map() = default;
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  [[nodiscard]] const MapSpec& spec() const { return spec_; }

  // What programs call. `key` and `value` point to spec().key_size and spec().value_size bytes (the verifier saw to
  // it); `cpu` is the CPU that the program runs on and selects the value of a per-CPU map.
  /// The value's address, or nullptr. Map-in-map: the inner Map's address.
  virtual void* lookup(const void* key, std::uint32_t cpu) = 0;
  virtual MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) = 0;
  virtual MapResult erase(const void* key) = 0;

  // What embedders call: sizes are checked, values of a per-CPU map are those of all CPUs one after another, each
  // rounded up to 8 bytes (user_value_size() in all), as bpf(2) has it.
  [[nodiscard]] virtual std::size_t user_value_size() const { return spec_.value_size; }
  virtual MapResult get(std::span<const std::byte> key, std::span<std::byte> value) = 0;
  virtual MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) = 0;
  MapResult remove(std::span<const std::byte> key);
  /// Writes the key after `key` (the first one when `key` is empty) to `next`; -ENOENT at the end.
  virtual MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) = 0;
  /// Number of elements now. Arrays: max_entries.
  [[nodiscard]] virtual std::size_t size() const = 0;

  /// Array-like maps: address of the first value (BPF_PSEUDO_MAP_VALUE); else nullptr. The values lie one after
  /// another, each value_size rounded up to 8 bytes.
  [[nodiscard]] virtual std::byte* direct_value() { return nullptr; }
  /// Maps that are indexed: address of the first element, for engines that look up without a call; else nullptr. array:
  /// direct_value(). percpu_array: the first value of CPU 0, value_stride() and cpu_stride() apart. array_of_maps,
  /// prog_array: a word for each slot, which is 0 or the address of the inner Map, of the TailTarget; read with
  /// acquire, that of a prog_array in the one order of all sequentially consistent accesses.
  [[nodiscard]] virtual std::byte* elements() { return direct_value(); }
  /// Freezes the map against user writes (bpf(2) BPF_MAP_FREEZE).
  virtual MapResult freeze();
  /// Whether the `size` bytes at `address` lie in memory of one value that a program may have looked up.
  [[nodiscard]] virtual bool contains(const void* /*address*/, std::size_t /*size*/) const { return false; }

  /// For for_each_map_elem: calls `visit` with each key and value (per-CPU maps: that of `cpu`) until it returns other
  /// than 0. Elements may be updated and deleted meanwhile. Returns how many were visited; -EINVAL: the type has no
  /// such operation.
  using Visitor = std::uint64_t (*)(void* state, void* key, void* value);
  virtual std::int64_t for_each(Visitor /*visit*/, void* /*state*/, std::uint32_t /*cpu*/) { return kNoSuchOperation; }

 protected:
  static constexpr MapResult kNoSuchOperation = -22;  ///< -EINVAL
  /// -EPERM when a user may not read, respectively write, the contents; else 0.
  [[nodiscard]] MapResult user_may_read() const;
  [[nodiscard]] MapResult user_may_write() const;

  const MapSpec spec_;  // NOLINT(misc-non-private-member-variables-in-classes): every map reads it.
  std::atomic<bool> frozen_ = false;
};

/// Makes a map as `spec` says with one value per CPU for `cpus` CPUs where the type is per-CPU. The Error carries the
/// kernel's reason (a size, a flag, a count) and the field at fault.
Result<std::shared_ptr<Map>> make_map(const MapSpec& spec, std::uint32_t cpus);

}  // namespace skep
