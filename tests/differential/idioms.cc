// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/idioms.h"

#include "tests/differential/idiom.h"

namespace skep::differential {
namespace {

struct Row {
  void (Idiom::*write)();
  std::uint32_t weight;
};
constexpr Row kIdioms[] = {
    {&Idiom::rotation, 18},      {&Idiom::shifts, 6},         {&Idiom::sum, 8},
    {&Idiom::indexed, 16},       {&Idiom::byte_load, 8},      {&Idiom::byte_store, 6},
    {&Idiom::swapped_access, 6}, {&Idiom::zeroing, 5},        {&Idiom::copying, 5},
    {&Idiom::population, 2},     {&Idiom::leading_zeros, 2},  {&Idiom::trailing_zeros, 1},
    {&Idiom::feedback, 4},       {&Idiom::carry, 7},          {&Idiom::fold_checksum, 3},
    {&Idiom::division, 10},      {&Idiom::multiplication, 6}, {&Idiom::masking, 8},
    {&Idiom::compare_memory, 6}, {&Idiom::modify_memory, 6},  {&Idiom::spill, 6},
    {&Idiom::select, 4},         {&Idiom::hash, 5},           {&Idiom::advance, 5},
};

}  // namespace

Insns random_idiom(Writer& writer) {
  std::uint32_t total = 0;
  for (const Row& row : kIdioms) total += row.weight;
  std::uint32_t pick = writer.random.below(total);
  for (const Row& row : kIdioms) {
    if (pick < row.weight) {
      Idiom idiom(writer);
      (idiom.*row.write)();
      return idiom.take();
    }
    pick -= row.weight;
  }
  return {};
}

}  // namespace skep::differential
