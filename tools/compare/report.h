// SPDX-License-Identifier: Apache-2.0
// skep's verdicts beside a kernel's: how they relate, as a table for people and as rows.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tools/judge.h"

namespace skep::tools {

enum class Relation : std::uint8_t {
  kBothAccept,
  kBothReject,
  kFalseAccept,        ///< skep accepts what the kernel rejects: the worst.
  kFalseReject,        ///< The other way round.
  kNotModelled,        ///< skep says that it cannot verify the program yet, whatever the kernel says.
  kNotJudgedBySkep,    ///< The object or program could not be loaded.
  kNotJudgedByKernel,  ///< It lacks what the program needs, or permission; Opinion::sentence says which.
};
std::string_view name(Relation relation);

/// Precondition: judge_all() asked a kernel about those that have a program.
Relation relate(const Judged& one);

enum class Listing : std::uint8_t { kTableOnly, kEachDifference };
/// False: the verdicts differ, or skep does not model the program.
bool agrees(const Judged& one);
/// Prints where both differ, then the table and what is missing, family by family.
void print_comparison(const std::vector<Judged>& all, Listing listing);

/// One row a program: the columns of the stored tables (tests/kernel/README.md) and skep's half beside them.
std::string comparison_csv(const std::vector<Judged>& all);

}  // namespace skep::tools
