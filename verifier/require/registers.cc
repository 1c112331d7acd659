// SPDX-License-Identifier: Apache-2.0
#include "verifier/require/require.h"

namespace skep::verifier {

Check check_readable(Run& run, std::uint32_t reg) {
  if (run.reg(reg).kind == ValueKind::kNotInit) return run.reject(DiagCode::kUninitializedRead, std::uint64_t{reg});
  return Check::ok();
}

Check check_writable(Run& run, std::uint32_t reg) {
  if (reg == 10) return run.reject(DiagCode::kFramePointerWrite);
  return Check::ok();
}

}  // namespace skep::verifier
