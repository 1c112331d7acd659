// SPDX-License-Identifier: Apache-2.0
// What the types of a global function say of its parameters (require/prototype.cc reads it from BTF).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "skep/btf.h"

namespace skep::verifier {

/// kArena: an address in the arena, or any number; the function must cast it. kObject: of a kernel type. kUnchecked,
/// kUncheckedMemory: whatever the caller has, to be read only.
enum class ParameterKind : std::uint8_t {
  kScalar,
  kContext,
  kMemory,
  kDynptr,
  kArena,
  kObject,
  kUnchecked,
  kUncheckedMemory
};
struct ParameterRule {
  ParameterKind kind{};
  std::uint32_t size = 0;  ///< kMemory: bytes.
  bool nullable = false;   ///< kMemory, kObject: the function must check for null.
  TypeId type = 0;         ///< kObject, kUnchecked: in the kernel's BTF.
};
/// What BTF and declaration tags say of a function.
struct Prototype {
  std::vector<ParameterRule> parameters{};
  std::string fault{};         ///< Not empty: Linux refuses to call this function, and why.
  bool returns_other = false;  ///< Not a number.
  std::string unsupported{};   ///< Not empty: a kind of parameter whose rules are not modelled.
};

}  // namespace skep::verifier
