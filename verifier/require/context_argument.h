// SPDX-License-Identifier: Apache-2.0
// Which types of BTF stand for the context when they are a global function's parameter.
#pragma once
#include "skep/btf.h"
#include "skep/program.h"

namespace skep::verifier {

/// A pointer to `target` is a pointer to the context of such a program without that anything says so.
bool names_context(const Program& program, TypeId target);
/// The declaration tag "arg:ctx" may be on a parameter that points to `target`.
bool may_be_tagged_context(const Program& program, TypeId target);

}  // namespace skep::verifier
