// SPDX-License-Identifier: Apache-2.0
#include "jit/listing.h"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace skep::jit {

asmjit::Error LineLogger::_log(const char* data, std::size_t size) noexcept {
  std::string_view text = size == SIZE_MAX ? std::string_view(data) : std::string_view(data, size);
  while (text.ends_with('\n')) text.remove_suffix(1);
  lines_.push_back(
      {.offset = static_cast<std::uint32_t>(holder_.textSection()->buffer().size()), .text = std::string(text)});
  return asmjit::kErrorOk;
}

Recorder::Recorder(asmjit::CodeHolder& holder, const asmjit::Environment& environment, const AssembleOptions& options)
    : holder_(holder), logger_(holder) {
  holder.init(environment, options.base);
  holder.setErrorHandler(this);
  if (options.listing == Listing::kOff) return;
  logger_.setFlags(asmjit::FormatFlags::kMachineCode | asmjit::FormatFlags::kHexImms |
                   asmjit::FormatFlags::kHexOffsets);
  holder.setLogger(&logger_);
}

Recorder::~Recorder() { holder_.reset(); }

void Recorder::handleError(asmjit::Error, const char* message, asmjit::BaseEmitter*) {
  if (first_error_.empty()) first_error_ = message;
}

Result<Assembled> Recorder::finish(std::optional<std::size_t> invoke, CodeMap map) {
  if (first_error_.empty() && holder_.unresolvedLinkCount() != 0) first_error_ = "a branch to an op that is not there";
  if (!first_error_.empty()) return Error{Errc::kUnsupported, "native code: " + first_error_};
  Assembled assembled;
  assembled.invoke = invoke;
  const asmjit::CodeBuffer& buffer = holder_.textSection()->buffer();
  assembled.bytes.resize(buffer.size());
  std::memcpy(assembled.bytes.data(), buffer.data(), buffer.size());
  assembled.listing = logger_.take();
  assembled.map = std::move(map);
  return assembled;
}

}  // namespace skep::jit
