// SPDX-License-Identifier: Apache-2.0
// asmjit's half of an assembly: the first error is kept, the text is collected, the bytes are handed out.
#pragma once
#include <asmjit/core.h>

#include "jit/target.h"

namespace skep::jit {

class Recorder final : private asmjit::ErrorHandler {
 public:
  /// Initialises `holder`, which outlives this.
  Recorder(asmjit::CodeHolder& holder, const asmjit::Environment& environment, const AssembleOptions& options);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() override;

  /// Bytes, listing and the offset of the function for Env::invoke; or the first error.
  Result<Assembled> finish(std::size_t invoke);

 private:
  void handleError(asmjit::Error error, const char* message, asmjit::BaseEmitter* origin) override;

  asmjit::CodeHolder& holder_;
  asmjit::StringLogger logger_;
  std::string first_error_;
};

}  // namespace skep::jit
