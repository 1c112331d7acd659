// SPDX-License-Identifier: Apache-2.0
// Single ops of lower::Code: what they mean, by their comments and isa/semantics.h, and what interpreter and native
// code make of them. An op runs with r0 to r9 as given and every register and byte around it watched.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "jit/compile.h"
#include "lower/code.h"
#include "vm/interpreter/compiled.h"

namespace skep::test {

/// r0 to r9.
using Words = std::array<std::uint64_t, 10>;

/// Does `op`, which neither branches nor calls, on `words` and on memory at the addresses that it computes.
/// `frame`: r10.
void evaluate(const lower::Op& op, Words& words, std::uint64_t frame = 0);

lower::Reg reg(int index);
lower::Code one_function(std::vector<lower::Op> ops, std::uint32_t stack = 512);
/// Loads r0 to r9 from the Words at r1, does `middle`, stores them back. The middle may use r10-512 to r10-129.
lower::Code around(const std::vector<lower::Op>& middle);

/// One engine in one form.
struct Form {
  std::string name;
  bool native = true;
  CpuFeatures features;
};
/// The interpreter; where the host has native code: with all features, without each that this CPU has, with none.
const std::vector<Form>& forms();

/// Code that is ready to run.
class Runnable {
 public:
  /// Fails the test where the code does not compile.
  Runnable(const lower::Code& code, const Form& form);
  std::uint64_t run(std::uint64_t r1, std::uint64_t r2 = 0) const;

 private:
  std::shared_ptr<const jit::NativeCode> native_;
  std::unique_ptr<interpreter::Compiled> interpreted_;
};

}  // namespace skep::test
