// SPDX-License-Identifier: Apache-2.0
// Dynptrs as arguments of helpers, and the memory that they tell of as a result.
#include <string>

#include "verifier/transfer/helper_call.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, std::string_view what) {
  return run.reject(DiagCode::kUnsupported, "dynptrs of helper bpf_" + std::string(what));
}

}  // namespace

Check check_dynptr_argument(Run& run, std::uint32_t /*reg*/, const Arg& /*arg*/, Arguments& seen) {
  return unsupported(run, seen.proto.name);
}
Check return_dynptr_memory(Run& run, const Arguments& seen) { return unsupported(run, seen.proto.name); }
Check dynptr_for_callback(Run& run, Value& /*value*/) { return unsupported(run, "user_ringbuf_drain"); }

}  // namespace skep::verifier
