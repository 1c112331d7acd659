// SPDX-License-Identifier: Apache-2.0
// Pointers to objects of the kernel's types: what a load through one gives, and what may be stored.
#include <string>

#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, const Access& access) {
  return run.reject(DiagCode::kUnsupported, "access through " + kind_name(run.reg(access.base)));
}
Check bad_map_access(Run& run, const Access& access) {
  return run.reject(DiagCode::kInvalidMemoryAccess, std::uint64_t{access.base}, kind_name(run.reg(access.base)));
}

}  // namespace

Check load_btf(Run& run, const Access& access, std::uint32_t /*dst*/) { return unsupported(run, access); }
Check store_btf(Run& run, const Access& access, const StoredValue& /*stored*/) { return unsupported(run, access); }
Check load_map(Run& run, const Access& access, std::uint32_t /*dst*/) { return bad_map_access(run, access); }
Check store_map(Run& run, const Access& access) { return bad_map_access(run, access); }

}  // namespace skep::verifier
