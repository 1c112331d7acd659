// SPDX-License-Identifier: Apache-2.0
// Where programs run: which helpers exist there. Map types, program types and contexts are those of the tables.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/helper.h"
#include "skep/result.h"

namespace skep {

/// Immutable value; copies share their rows.
class Platform {
 public:
  /// Linux 6.18 as far as skep knows it.
  static const Platform& linux_like();
  /// A copy of this platform with one more helper. Error: the id or the name is taken, or `fn` is null.
  [[nodiscard]] Result<Platform> with_helper(HelperProto proto, HelperFn fn) const;
  /// nullptr: no such helper. The pointer lives as long as this Platform or a copy of it.
  [[nodiscard]] const HelperProto* helper(std::int32_t id) const;
  [[nodiscard]] const HelperProto* helper(std::string_view name) const;
  /// Of the prototypes with that number, the one for programs of this hook; where it has none, the first.
  [[nodiscard]] const HelperProto* helper(std::int32_t id, ProgramType type, std::uint32_t attach_type) const;
  /// The embedder's function for `id`; nullptr: it is none of the embedder's.
  [[nodiscard]] HelperFn own_function(std::int32_t id) const;

 private:
  struct OwnHelper {
    HelperProto proto;
    std::string name;
    HelperFn fn = nullptr;
  };
  std::vector<std::shared_ptr<const OwnHelper>> own_{};
};

}  // namespace skep
