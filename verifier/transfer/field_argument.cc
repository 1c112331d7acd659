// SPDX-License-Identifier: Apache-2.0
// Locks, timers and kernel pointers in map values and objects as arguments and results of helpers.
#include <string>

#include "verifier/transfer/helper_call.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, const Arguments& seen) {
  return run.reject(DiagCode::kUnsupported, "managed fields of helper bpf_" + std::string(seen.proto.name));
}

}  // namespace

Check check_field_argument(Run& run, std::uint32_t /*reg*/, ArgKind /*kind*/, Arguments& seen) {
  return unsupported(run, seen);
}
Check use_field(Run& /*run*/, const Arguments& /*seen*/) { return Check::ok(); }
Check return_kptr(Run& run, const Arguments& seen) { return unsupported(run, seen); }

}  // namespace skep::verifier
