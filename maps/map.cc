// SPDX-License-Identifier: Apache-2.0
// What all maps share, and the factory.
#include "skep/map.h"

#include <sys/random.h>

#include "base/unreachable.h"
#include "maps/all.h"
#include "maps/check.h"
#include "maps/errors.h"
#include "maps/seed.h"

namespace skep {

MapResult Map::remove(std::span<const std::byte> key) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size) return maps::kInvalid;
  return erase(key.data());
}

MapResult Map::freeze() { return frozen_.exchange(true) ? maps::kBusy : maps::kOkResult; }

MapResult Map::user_may_read() const {
  return (spec_.flags & map_flags::kWriteOnly) != 0 ? maps::kPermission : maps::kOkResult;
}

MapResult Map::user_may_write() const {
  const bool denied = (spec_.flags & map_flags::kReadOnly) != 0 || frozen_.load(std::memory_order_relaxed);
  return denied ? maps::kPermission : maps::kOkResult;
}

std::uint64_t maps::seed_for(const MapSpec& spec) {
  std::uint64_t seed = 0;
  if ((spec.flags & map_flags::kZeroSeed) != 0) return seed;
  // A failure leaves 0, which costs the protection against chosen keys and nothing else.
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) return 0;
  return seed;
}

Result<std::shared_ptr<Map>> make_map(const MapSpec& spec, std::uint32_t cpus) {
  using namespace maps;  // Where the table's classes live.
  if (cpus == 0) return creation_error(spec, Errc::kInvalid, "is to be made for 0 CPUs, expected at least 1", "EINVAL");
  switch (spec.type) {
    case MapType::kUnspec:
      break;
#define MAP_TYPE_ROW(id, name, text, cls, ...) \
  case MapType::k##name:                       \
    return cls::make(spec, cpus);
#define MAP_TYPE_ROW_KNOWN(id, name, ...) \
  case MapType::k##name:                  \
    return creation_error(spec, Errc::kUnsupported, "is of a type that only the kernel can make", "ENOTSUPP");
#include "skep/tables/map_types.def"
  }
  return creation_error(
      spec, Errc::kUnsupported,
      "has map_type " + std::to_string(static_cast<unsigned>(spec.type)) + ", which skep does not have", "EINVAL");
}

}  // namespace skep
