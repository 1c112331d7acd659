// SPDX-License-Identifier: Apache-2.0
// asmjit's half of an assembly: the first error is kept, the text is collected, the bytes are handed out.
#pragma once
#include <asmjit/core.h>

#include "jit/target.h"

namespace skep::jit {

/// Collects lines with the offset at which each was written.
class LineLogger final : public asmjit::Logger {
 public:
  explicit LineLogger(const asmjit::CodeHolder& holder) : holder_(holder) {}
  std::vector<ListedLine> take() { return std::move(lines_); }

 private:
  asmjit::Error _log(const char* data, std::size_t size) noexcept override;

  const asmjit::CodeHolder& holder_;
  std::vector<ListedLine> lines_;
};

class Recorder final : private asmjit::ErrorHandler {
 public:
  /// Initialises `holder`, which outlives this.
  Recorder(asmjit::CodeHolder& holder, const asmjit::Environment& environment, const AssembleOptions& options);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() override;

  /// Bytes, listing, the offset of the function for Env::invoke and the map; or the first error.
  Result<Assembled> finish(std::optional<std::size_t> invoke, CodeMap map);

 private:
  void handleError(asmjit::Error error, const char* message, asmjit::BaseEmitter* origin) override;

  asmjit::CodeHolder& holder_;
  LineLogger logger_;
  std::string first_error_;
};

}  // namespace skep::jit
