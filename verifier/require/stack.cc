// SPDX-License-Identifier: Apache-2.0
// Bounds of stack accesses. What lies there is the business of transfer/stack.cc.
#include <string>

#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

std::string what(AccessMode mode) { return mode == AccessMode::kRead ? " read from" : " write to"; }

}  // namespace

Check check_stack_range(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode,
                        StackRange& range) {
  const Value& base = run.reg(reg);
  const std::int64_t start = std::int64_t{base.offset} + offset;
  std::int64_t low = 0, high = 0;
  range.fixed = base.scalar.is_constant();
  if (range.fixed) {
    low = high = start + static_cast<std::int64_t>(base.scalar.value());
  } else {
    if (base.scalar.smax >= kMaxVariableOffset || base.scalar.smin <= -kMaxVariableOffset)
      return run.reject(DiagCode::kUnboundedStack, what(mode), std::uint64_t{reg});
    low = start + base.scalar.smin;
    high = start + base.scalar.smax;
  }
  const std::int64_t end = high + size;
  const bool begins = low >= -std::int64_t{kStackBytes} && low < 0;
  if (!begins || end > 0) {
    if (range.fixed)
      return run.reject(DiagCode::kOutsideStack, what(mode), std::uint64_t{reg}, low, std::uint64_t{size});
    return run.reject(DiagCode::kOutsideStackVariable, what(mode), std::uint64_t{reg}, print_bits(base.scalar.bits),
                      start, std::uint64_t{size});
  }
  range.first = static_cast<std::int32_t>(low);
  range.last = static_cast<std::int32_t>(end);
  return Check::ok();
}

}  // namespace skep::verifier
