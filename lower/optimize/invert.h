// SPDX-License-Identifier: Apache-2.0
// Branches turned round.
#pragma once
#include <optional>

#include "base/unreachable.h"
#include "lower/code.h"

namespace skep::lower {

/// The op that has the opposite outcome; kSet has none.
constexpr std::optional<isa::JmpOp> inverse(isa::JmpOp op) {
  using enum isa::JmpOp;
  switch (op) {
    case kEq:
      return kNe;
    case kNe:
      return kEq;
    case kGt:
      return kLe;
    case kLe:
      return kGt;
    case kGe:
      return kLt;
    case kLt:
      return kGe;
    case kSGt:
      return kSLe;
    case kSLe:
      return kSGt;
    case kSGe:
      return kSLt;
    case kSLt:
      return kSGe;
    case kSet:
      return std::nullopt;
  }
  unreachable();
}

/// Goes to `target` where `branch` would fall through.
inline Branch inverted(Branch branch, Label target) {
  branch.target = target;
  if (const auto op = inverse(branch.op)) {
    branch.op = *op;
  } else {
    branch.unless = !branch.unless;
  }
  return branch;
}

}  // namespace skep::lower
