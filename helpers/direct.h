// SPDX-License-Identifier: Apache-2.0
// Functions that do what a helper does where more is known than the helper's prototype says: which kind of map it is
// passed, or that the host is this machine. Engines call them in place of the general one.
#pragma once
#include "skep/env.h"
#include "skep/helper.h"
#include "skep/map.h"

namespace skep::helpers {

/// For maps of the type and key size of `spec`. nullptr: there is none.
HelperFn find_for_map(HelperId id, const MapSpec& spec);
/// For runs whose Env::host is a RealHost. nullptr: there is none.
HelperFn find_for_real_host(HelperId id);

/// redirect.cc: redirect_map on maps of `type`. nullptr: it cannot be used with them.
HelperFn redirect_map_for(MapType type);

}  // namespace skep::helpers
