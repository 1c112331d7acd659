// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "skep/env.h"

namespace skep {

/// This process and the real world: see VmOptions::host. Traces and samples are dropped.
std::shared_ptr<Host> default_host();

}  // namespace skep
