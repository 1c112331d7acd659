// SPDX-License-Identifier: Apache-2.0
// Idioms that load and store.
#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <vector>

#include "tests/differential/idiom.h"

namespace skep::differential {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.

/// Gives `index` a value that, times `scale`, lies below `room`; returns the largest product.
std::int32_t Idiom::index_into(Reg index, std::int32_t room, std::int32_t scale) {
  const std::int32_t most = room / scale;
  if (most < 1) {
    exact(mov(index, imm(0)));
    return 0;
  }
  if (w_.counter_max > 0 && w_.counter_max <= most && r_.chance(60)) {
    exact(alu(kMov, w_.any_width(), index, kCounter));
    return w_.counter_max * scale;
  }
  if (r_.chance(30)) {
    const auto value = static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(most) + 1));
    exact(mov(index, imm(value)));
    return value * scale;
  }
  std::int32_t bound = 1;
  while (2 * bound + 1 <= most && r_.chance(80)) bound = 2 * bound + 1;
  exact(mov(index, w_.any_reg()));
  out_.emplace_back(alu(kAnd, w_.any_width(), index, imm(bound)));
  return bound * scale;
}

/// base + index << shift + displacement, read, written, or both.
void Idiom::indexed() {
  const Size size = w_.any_size();
  const auto width = static_cast<std::int32_t>(bytes(size));
  const Writer::Area where = w_.area(Writer::Use::kSpecial);
  const Reg index = w_.any_reg();
  keep(index);
  const Reg address = w_.any_reg();
  keep(address);
  const bool aligned = w_.must_align(where);
  const std::uint32_t shift = aligned ? static_cast<std::uint32_t>(std::countr_zero(bytes(size))) : r_.below(5);
  const std::int32_t most = index_into(index, where.bytes - width, 1 << shift);
  auto start = static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(where.bytes - width - most) + 1));
  if (aligned) start -= start % width;
  const std::int32_t offset = where.start + start;
  // How much of the displacement is in the instruction; the rest is added.
  const std::int32_t added = r_.chance(50) ? 0 : static_cast<std::int32_t>(r_.below(600)) - 300;
  Reg scaled = index;
  const bool in_place = r_.chance(35);
  Reg copy = index;
  if (!in_place) {
    copy = w_.any_reg();
    keep(copy);
    exact(alu(kMov, r_.chance(80) ? Width::k64 : Width::k32, copy, index));
    scaled = copy;
  }
  // Adding nothing here and there is what the kernel's verifier refuses for an unbounded value, which this is not.
  if (shift != 0) exact(alu(kLsh, Width::k64, scaled, imm(shift)));
  exact(mov(address, where.base));
  if (added != 0 && r_.chance(50)) {
    exact(alu(kAdd, Width::k64, address, imm(added)));
    exact(alu(kAdd, Width::k64, address, scaled));
  } else {
    exact(alu(kAdd, Width::k64, address, scaled));
    if (added != 0) exact(alu(kAdd, Width::k64, address, imm(added)));
  }
  const auto displacement = static_cast<std::int16_t>(offset - added);
  const bool sign = size != Size::k64 && r_.chance(30);
  const Load load{size, sign ? Extend::kSign : Extend::kZero, w_.any_reg(), address, displacement};
  const std::uint32_t kind = r_.below(3);
  if (kind != 1) {
    Load loaded = load;
    if (kind == 0 && r_.chance(30)) loaded.dst = address;
    exact(loaded);
    if (loaded.dst == address) return;
  }
  if (kind != 0) exact(Store{size, address, displacement, w_.any_operand()});
  if (!in_place && r_.chance(50)) release(index);
  w_.set_constant(out_, address);
  if (r_.chance(60)) w_.set_constant(out_, scaled);
}

/// A pointer that moves on by what it points to and a constant, as through options and extension headers.
void Idiom::advance() {
  const Writer::Area where = w_.area(Writer::Use::kSpecial);
  constexpr std::int32_t kMask = 3;
  const std::int32_t room = where.bytes - 1 - (kMask << 1);
  if (room < 1) return;
  const Reg pointer = w_.any_reg();
  keep(pointer);
  const Reg step = w_.any_reg();
  keep(step);
  const auto start = static_cast<std::int16_t>(where.start);
  const bool shifts = r_.chance(50);
  exact(mov(pointer, where.base));
  exact(Load{Size::k8, Extend::kZero, step, r_.chance(80) ? pointer : where.base, start});
  exact(alu(kAnd, w_.any_width(), step, imm(kMask)));
  if (shifts) exact(alu(kLsh, w_.any_width(), step, imm(1)));
  exact(alu(kAdd, w_.any_width(), step, imm(1 + r_.below(static_cast<std::uint32_t>(room)))));
  exact(alu(kAdd, Width::k64, pointer, step));
  exact(Load{Size::k8, Extend::kZero, w_.any_reg(), pointer, start});
  w_.set_constant(out_, pointer);
  if (r_.chance(60)) w_.set_constant(out_, step);
}

void Idiom::byte_load() {
  const std::uint32_t count = r_.of(std::array{2u, 4u, 8u});
  const Size part_size = count > 2 && r_.chance(20) ? Size::k16 : Size::k8;
  const std::uint32_t step = bytes(part_size);
  const Writer::Place where = w_.place(count, false);
  const Reg acc = w_.any_reg(), byte = other_than({acc});
  const bool big = r_.chance(50), horner = r_.chance(40);
  const Width width = count == 8 ? Width::k64 : w_.any_width();
  std::vector<std::uint32_t> order(count / step);
  std::iota(order.begin(), order.end(), 0u);
  if (horner ? !big : big) std::ranges::reverse(order);
  if (!horner && r_.chance(40)) std::swap(order[r_.below(count / step)], order[r_.below(count / step)]);
  if (miss_ && r_.chance(60)) {
    const std::uint32_t at = r_.below(count / step);
    if (r_.chance(50)) {
      order.erase(order.begin() + at);
    } else {
      order[at] = order[r_.below(count / step)];
    }
  }
  const AluOp join = r_.chance(80) ? kOr : r_.chance(50) ? kAdd : kXor;
  bool first = true;
  for (const std::uint32_t at : order) {
    const Load load{part_size, Extend::kZero, first ? acc : byte, where.base,
                    static_cast<std::int16_t>(where.offset + static_cast<std::int32_t>(at * step))};
    const std::uint32_t place = big ? count / step - 1 - at : at;
    if (horner) {
      if (!first) part({kLsh, width, acc, imm(std::int64_t{8} * step)});
      exact(load);
    } else {
      exact(load);
      if (place != 0) part({kLsh, width, first ? acc : byte, imm(std::int64_t{8} * step * place)});
    }
    if (!first) part({join, width, acc, byte});
    first = false;
  }
  if (r_.chance(25))
    exact(ByteSwap{r_.chance(50) ? ByteOrder::kToBig : ByteOrder::kSwap, static_cast<std::uint8_t>(8 * count), acc});
}

void Idiom::byte_store() {
  const std::uint32_t count = r_.of(std::array{2u, 4u, 8u});
  const Writer::Place where = w_.place(count, false);
  const Reg value = w_.any_reg(), byte = other_than({value});
  const bool big = r_.chance(50), progressive = r_.chance(40);
  const Width width = count == 8 ? Width::k64 : w_.any_width();
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  if (!progressive && r_.chance(50)) {
    std::ranges::reverse(order);
  } else if (!progressive && r_.chance(50)) {
    std::swap(order[r_.below(count)], order[r_.below(count)]);
  }
  if (miss_ && r_.chance(60)) order[r_.below(count)] = r_.below(count);
  for (const std::uint32_t at : order) {
    const std::uint32_t place = big ? count - 1 - at : at;
    const auto offset = static_cast<std::int16_t>(where.offset + static_cast<std::int32_t>(place));
    if (progressive) {
      exact(Store{Size::k8, where.base, offset, value});
      part({kRsh, width, value, imm(8)});
    } else if (at == 0) {
      exact(Store{Size::k8, where.base, offset, value});
    } else {
      part({kMov, r_.chance(70) ? width : Width::k64, byte, value});
      part({kRsh, width, byte, imm(std::int64_t{8} * at)});
      exact(Store{Size::k8, where.base, offset, byte});
    }
  }
}

/// A byte swap of what was loaded, or is stored.
void Idiom::swapped_access() {
  const Size size = r_.of(std::array{Size::k16, Size::k32, Size::k64});
  const Writer::Place where = w_.place(bytes(size), false);
  const Reg reg = w_.any_reg();
  const auto swapped = static_cast<std::uint8_t>(miss_ ? r_.of(std::array{16u, 32u, 64u}) : 8 * bytes(size));
  const ByteSwap swap{r_.of(std::array{ByteOrder::kToBig, ByteOrder::kSwap}), swapped, reg};
  const bool sign = size != Size::k64 && r_.chance(20);
  if (r_.chance(60)) exact(Load{size, sign ? Extend::kSign : Extend::kZero, reg, where.base, where.offset});
  exact(swap);
  if (r_.chance(50)) exact(Store{size, where.base, where.offset, reg});
  if (r_.chance(50)) w_.set_constant(out_, reg);
}

/// Stores that add up to a clear block, or nearly so.
void Idiom::zeroing() {
  const Writer::Area where = w_.area();
  const Size size = r_.chance(70) ? Size::k64 : w_.any_size();
  const auto step = static_cast<std::int32_t>(bytes(size));
  const std::int32_t longest = std::min(where.bytes / step, 24);
  const std::int32_t count = 1 + static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(longest)));
  const auto slack = static_cast<std::uint32_t>(where.bytes - count * step);
  std::int32_t start = static_cast<std::int32_t>(r_.below(slack + 1));
  if (r_.chance(60) || w_.must_align(where)) start -= start % step;
  const Reg zero = w_.any_reg();
  const bool by_register = r_.chance(50);
  Operand value = imm(r_.chance(85) ? 0 : r_.below(3));
  if (by_register) {
    exact(mov(zero, value));
    value = zero;
    keep(zero);
  }
  const bool down = r_.chance(50);
  for (std::int32_t i = 0; i < count; ++i) {
    std::int32_t at = start + (down ? count - 1 - i : i) * step;
    if (miss_ && r_.chance(10))
      at = step * static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(where.bytes / step)));
    if (miss_ && r_.chance(5)) continue;
    exact(Store{size, where.base, static_cast<std::int16_t>(where.start + at), value});
    if (miss_ && r_.chance(5)) out_.push_back(w_.memory());
  }
}

/// Word by word from one place to another; the two may overlap.
void Idiom::copying() {
  const Writer::Area to = w_.area(), from = w_.area();
  const Size size = r_.chance(70) ? Size::k64 : w_.any_size();
  const auto step = static_cast<std::int32_t>(bytes(size));
  const std::int32_t longest = std::min({to.bytes / step, from.bytes / step, 16});
  const std::int32_t count = 1 + static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(longest)));
  const auto start = [&](const Writer::Area& area) {
    auto at = static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(area.bytes - count * step) + 1));
    if (r_.chance(60) || w_.must_align(area)) at -= at % step;
    return area.start + at;
  };
  const std::int32_t first = start(from), second = start(to);
  const Reg a = w_.any_reg(), b = w_.any_reg();
  const bool down = r_.chance(40), all_first = r_.chance(25);
  const auto at = [&](std::int32_t i) { return (down ? count - 1 - i : i) * step; };
  const auto load = [&](std::int32_t i, Reg reg) {
    exact(Load{size, Extend::kZero, reg, from.base, static_cast<std::int16_t>(first + at(i))});
  };
  const auto store = [&](std::int32_t i, Reg reg) {
    exact(Store{size, to.base, static_cast<std::int16_t>(second + at(i)), reg});
  };
  for (std::int32_t i = 0; i < count; ++i) {
    if (all_first && i + 1 < count) {
      load(i, a);
      load(i + 1, b);
      store(i, a);
      store(i + 1, b);
      ++i;
      continue;
    }
    const Reg reg = i % 2 == 0 ? a : b;
    load(i, reg);
    if (miss_ && r_.chance(15)) part({kAdd, Width::k64, reg, imm(1)});
    store(i, reg);
  }
}

void Idiom::compare_memory() {
  const Size size = w_.any_size();
  const Writer::Place where = w_.place(bytes(size), false);
  const Reg x = w_.any_reg();
  const bool sign = size != Size::k64 && r_.chance(20);
  exact(Load{size, sign ? Extend::kSign : Extend::kZero, x, where.base, where.offset});
  if (r_.chance(30)) part({kAnd, w_.any_width(), x, w_.any_imm()});
  const bool swapped = r_.chance(30);
  Branch branch{r_.of(kJmpTable).op, w_.any_width(), x, w_.any_operand(), 0};
  if (swapped && std::holds_alternative<Reg>(branch.src)) std::swap(branch.dst, std::get<Reg>(branch.src));
  if (branch.dst == kCounter) branch.dst = x;
  branch_over(branch, {w_.arithmetic()});
  if (r_.chance(60)) w_.set_constant(out_, x);
}

void Idiom::modify_memory() {
  const Size size = w_.any_size();
  const Writer::Place where = w_.place(bytes(size), false);
  const Reg x = w_.any_reg();
  exact(Load{size, Extend::kZero, x, where.base, where.offset});
  part({r_.of(std::array{kAdd, kSub, kOr, kXor, kAnd, kLsh, kRsh, kMul, kArsh}), w_.any_width(), x, w_.any_operand()});
  Store store{size, where.base, where.offset, x};
  if (miss_ && r_.chance(40)) store.size = Size::k8;
  exact(store);
  if (r_.chance(60)) w_.set_constant(out_, x);
}

/// A register that is put on the stack and taken back.
void Idiom::spill() {
  const Reg from = w_.any_source(), to = w_.any_reg();
  const auto slot =
      static_cast<std::int16_t>(-8 * (1 + static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(w_.slots)))));
  const Size size = r_.chance(80) ? Size::k64 : w_.any_size();
  const Size filled = r_.chance(85) ? size : w_.any_size();
  const auto parts = std::max(bytes(size) / bytes(filled), 1u);
  const auto within = static_cast<std::int16_t>(r_.below(parts) * bytes(filled));
  exact(Store{size, kR10, slot, from});
  for (std::uint32_t i = r_.below(4); i > 0; --i) out_.push_back(r_.chance(50) ? w_.arithmetic() : w_.memory());
  exact(Load{filled, filled != Size::k64 && r_.chance(20) ? Extend::kSign : Extend::kZero, to, kR10,
             static_cast<std::int16_t>(slot + within)});
  if (r_.chance(30)) out_.push_back(w_.arithmetic());
  if (r_.chance(50)) exact(Load{size, Extend::kZero, w_.any_reg(), kR10, slot});
}

}  // namespace skep::differential
