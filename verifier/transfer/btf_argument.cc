// SPDX-License-Identifier: Apache-2.0
// Pointers to objects of the kernel's types as arguments and results of helpers.
#include <string>

#include "verifier/transfer/helper_call.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, const Arguments& seen) {
  return run.reject(DiagCode::kUnsupported, "kernel objects of helper bpf_" + std::string(seen.proto.name));
}

}  // namespace

Check check_btf_argument(Run& run, std::uint32_t /*reg*/, const Arg& /*arg*/, Arguments& seen) {
  return unsupported(run, seen);
}
Check check_btf_memory(Run& run, std::uint32_t reg, std::uint32_t /*size*/, AccessMode /*mode*/) {
  return run.reject(DiagCode::kUnsupported, kind_name(run.reg(reg)) + " as memory");
}
Check return_btf(Run& run, const Arguments& seen) { return unsupported(run, seen); }
std::optional<Value> kernel_object(const Run& /*run*/, std::string_view /*type*/) { return std::nullopt; }

}  // namespace skep::verifier
