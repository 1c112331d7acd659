// SPDX-License-Identifier: Apache-2.0
// Sockets as arguments and results of helpers.
#include <string>

#include "verifier/transfer/helper_call.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, const Arguments& seen) {
  return run.reject(DiagCode::kUnsupported, "sockets of helper bpf_" + std::string(seen.proto.name));
}

}  // namespace

Check check_socket_argument(Run& run, std::uint32_t /*reg*/, const Arg& /*arg*/, Arguments& seen) {
  return unsupported(run, seen);
}
Check return_socket(Run& run, const Arguments& seen) { return unsupported(run, seen); }
Check return_socket_of_map(Run& run, const Arguments& seen) { return unsupported(run, seen); }

}  // namespace skep::verifier
