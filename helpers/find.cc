// SPDX-License-Identifier: Apache-2.0
#include "helpers/helpers.h"

namespace skep::helpers {

HelperFn find(std::int32_t id) {
  switch (id) {
#define HELPER(number, name, ...) \
  case number:                    \
    return &helpers::name;
#include "skep/tables/helpers.def"
    default:
      return nullptr;
  }
}

}  // namespace skep::helpers
