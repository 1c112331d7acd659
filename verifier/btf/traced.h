// SPDX-License-Identifier: Apache-2.0
// Contexts that are the arguments of a kernel function: of tracepoints, traced functions, iterators, LSM hooks and
// operations (struct_ops). Argument n lies at byte 8n.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skep/btf.h"
#include "skep/program.h"

namespace skep::verifier {

/// What a load of an argument gives.
enum class ArgumentKind : std::uint8_t { kScalar, kStruct, kBuffer, kUnreadable };
struct TracedArgument {
  ArgumentKind kind{};
  TypeId type = 0;  ///< kStruct.
  bool trusted = false;
  bool maybe_null = false;
  bool read_only = false;  ///< kBuffer.
};

/// Values that the program may return.
struct ReturnRange {
  std::int64_t low = 0, high = 0;
};

struct Traced {
  std::string_view function;              ///< As the kernel's log names it.
  std::vector<TracedArgument> arguments;  ///< The result of the function last, where the program may read it.
  std::optional<ReturnRange> returns;     ///< nullopt: anything.
  bool returns_nothing = false;           ///< The program's result is not even looked at.
  std::string_view operations;            ///< Structure of operations (struct_ops); empty: something else is traced.
};

/// nullopt: the program's context is no list of arguments. A text: why the kernel has no such hook.
using TracedOrReason = std::variant<std::optional<Traced>, std::string>;
TracedOrReason find_traced(const Program& program);

}  // namespace skep::verifier
