// SPDX-License-Identifier: Apache-2.0
// What skep and the running kernel say of a program; for tests of the tables.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "skep/btf.h"
#include "skep/program.h"

namespace skep::test {

/// The running kernel's types, read once; nullptr: it has none.
const std::shared_ptr<const Btf>& kernel_types();

/// "accept", or the sentence of the rejection.
struct Answers {
  std::string ours, theirs;
};
/// nullopt: bpf(2) does not work here.
std::optional<Answers> ask(const Program& program);

}  // namespace skep::test
