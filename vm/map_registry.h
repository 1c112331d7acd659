// SPDX-License-Identifier: Apache-2.0
// The maps of a Vm by name, and what their declared slots (`.values = {...}`) still wait for.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "skep/map.h"
#include "skep/vm.h"

namespace skep {

class MapRegistry {
 public:
  explicit MapRegistry(std::uint32_t cpus) : cpus_(cpus) {}

  /// The map that `spec` describes: an equal one of the same name, or a new one. Error: the name is taken by a map of
  /// another shape, or the map cannot be made.
  Result<std::shared_ptr<Map>> find_or_make(const std::shared_ptr<const MapSpec>& spec);
  [[nodiscard]] std::shared_ptr<Map> find(std::string_view name) const;
  [[nodiscard]] std::shared_ptr<Map> find(const Map& map) const;
  [[nodiscard]] const std::vector<std::shared_ptr<Map>>& all() const { return maps_; }

  struct ProgramSlot {
    std::shared_ptr<Map> map;
    std::uint32_t index = 0;
  };
  /// Slots of prog_arrays that were declared to hold `program`. Each is given out once.
  std::vector<ProgramSlot> take_slots_of(std::string_view program);

 private:
  struct Pending {
    std::shared_ptr<Map> map;
    MapSpec::Slot slot;
  };
  Status fill_slots();

  std::uint32_t cpus_ = 1;
  std::vector<std::shared_ptr<Map>> maps_;
  std::vector<std::shared_ptr<const MapSpec>> specs_;  // By the index in maps_.
  std::vector<Pending> pending_;
};

}  // namespace skep
