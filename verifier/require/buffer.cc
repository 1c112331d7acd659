// SPDX-License-Identifier: Apache-2.0
// Buffers whose size the kernel learns only when the program is attached (writable raw tracepoints, iterators):
// constant offsets from the start, checked then.
#include <string>

#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {

Check check_buffer(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode) {
  const Value& base = run.reg(reg);
  if (mode != AccessMode::kRead && base.read_only)
    return run.reject(DiagCode::kReadOnlyMemory, std::uint64_t{reg}, kind_name(base));
  const bool plain = base.kind == ValueKind::kBuffer;
  const std::string name = !plain ? "tracepoint" : base.read_only ? "rdonly" : "rdwr";
  const std::int64_t start = std::int64_t{base.offset} + offset;
  if (start < 0) return run.reject(DiagCode::kBufferOffset, std::uint64_t{reg}, name, start, std::uint64_t{size});
  if (!base.scalar.is_constant() || base.scalar.value() != 0)
    return run.reject(DiagCode::kBufferVariable, std::uint64_t{reg}, start, print_bits(base.scalar.bits));
  return Check::ok();
}

}  // namespace skep::verifier
