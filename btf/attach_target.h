// SPDX-License-Identifier: Apache-2.0
// What a program attaches to, as a type of the kernel that it is for.
#pragma once
#include "skep/btf.h"
#include "skep/program.h"
#include "skep/result.h"

namespace skep::btf {

/// `type`: a tracepoint's typedef, a function, or the struct of operations, of which `member` is implemented. 0: the
/// program type attaches to no kernel type.
struct AttachTarget {
  TypeId type = 0;
  std::uint32_t member = 0;
};
/// Ids are those of program.target_btf. Error: the program names no target, or the kernel does not have it.
Result<AttachTarget> find_attach_target(const Program& program);

}  // namespace skep::btf
