// SPDX-License-Identifier: Apache-2.0
// Buffers whose size the kernel learns only when the program is attached (writable raw tracepoints, iterators):
// constant offsets from the start, checked then.
#include <string>

#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {

Check check_buffer(Run& run, std::uint32_t reg, std::int32_t /*offset*/, std::uint32_t /*size*/, AccessMode /*mode*/) {
  return run.reject(DiagCode::kUnsupported, "access through " + kind_name(run.reg(reg)));
}

}  // namespace skep::verifier
