// SPDX-License-Identifier: Apache-2.0
// Open-coded iterators as arguments.
#include "verifier/require/kfunc.h"

namespace skep::verifier {

Check check_kfunc_iterator(Run& run, KfuncCall& call, std::uint32_t /*index*/) {
  return run.reject(DiagCode::kUnsupported, "kernel function " + std::string(call.kfunc.name));
}

}  // namespace skep::verifier
