// SPDX-License-Identifier: Apache-2.0
#include "jit/compile.h"

namespace skep::jit {

Result<std::shared_ptr<const NativeCode>> compile(const lower::Code&, const lower::Bindings&) {
  return Error{Errc::kUnsupported, "no native code for this host yet; use Engine::kInterpreter"};
}

}  // namespace skep::jit
