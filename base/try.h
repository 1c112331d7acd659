// SPDX-License-Identifier: Apache-2.0
// TRY: the project's only control-flow macro.
#pragma once
#include "skep/result.h"

#define SKEP_CONCAT_IMPL(a, b) a##b
#define SKEP_CONCAT(a, b) SKEP_CONCAT_IMPL(a, b)
#define SKEP_TRY_IMPL(tmp, decl, expr)      \
  auto tmp = (expr);                        \
  if (!tmp.has_value()) return tmp.error(); \
  decl = std::move(tmp).value()
/// `TRY(auto x, f());` binds the value of f() to x, or returns its Error.
#define TRY(decl, expr) SKEP_TRY_IMPL(SKEP_CONCAT(try_result_, __COUNTER__), decl, expr)
/// `TRY_OK(f());` returns the Error of f(), if it has one.
#define TRY_OK(expr) \
  if (auto try_status = (expr); !try_status.has_value()) return try_status.error()
