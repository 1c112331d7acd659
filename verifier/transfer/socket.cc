// SPDX-License-Identifier: Apache-2.0
// Sockets as the program sees them (struct bpf_sock and its kin in linux/bpf.h), and flow keys.
#include <string>

#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, const Access& access) {
  return run.reject(DiagCode::kUnsupported, "access through " + kind_name(run.reg(access.base)));
}

}  // namespace

Check load_socket(Run& run, const Access& access, std::uint32_t /*dst*/) { return unsupported(run, access); }
Check store_socket(Run& run, const Access& access) { return unsupported(run, access); }

}  // namespace skep::verifier
