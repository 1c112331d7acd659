// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/bytes.h"

#include <algorithm>

namespace skep::lower {
namespace {

using isa::AluOp;

/// Eight bytes from 8-byte loads are combined by 7 shifts and 7 ors, and copies.
constexpr int kMost = 40;

Bytes all_of(Value value) {
  Bytes bytes;
  for (std::uint8_t i = 0; i < 8; ++i) bytes[i] = {value, i};
  return bytes;
}
/// Up (towards the high end) by `by` bytes, zeros coming in; negative: down.
Bytes moved(const Bytes& bytes, int by) {
  Bytes out;
  for (int i = 0; i < 8; ++i)
    if (i - by >= 0 && i - by < 8) out[static_cast<std::size_t>(i)] = bytes[static_cast<std::size_t>(i - by)];
  return out;
}
Bytes truncated(Bytes bytes, std::size_t kept) {
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(kept), bytes.end(), Byte{});
  return bytes;
}
std::optional<Bytes> masked(Bytes bytes, std::uint64_t mask) {
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint64_t part = mask >> (8 * i) & 0xff;
    if (part == 0) {
      bytes[i] = {};
    } else if (part != 0xff && !bytes[i].zero()) {
      return std::nullopt;
    }
  }
  return bytes;
}
/// Where no byte has two sources, or, xor and add are the same.
std::optional<Bytes> combined(const Bytes& a, const Bytes& b) {
  Bytes out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (!a[i].zero() && !b[i].zero()) return std::nullopt;
    out[i] = a[i].zero() ? b[i] : a[i];
  }
  return out;
}

}  // namespace

std::optional<Bytes> ByteOrigins::find(Value value) {
  left_ = kMost;
  return walk(value);
}

std::optional<Bytes> ByteOrigins::result(Label at, Reg reg) {
  left_ = kMost;
  return walk(at, reg);
}

std::optional<Bytes> ByteOrigins::whole(Value value) const {
  if (wanted_ == Wanted::kLoads) return std::nullopt;
  return all_of(value);
}

std::optional<Bytes> ByteOrigins::walk(Value value) {
  const auto at = back_.def(value);
  return at ? walk(*at, value.reg) : whole(value);
}

std::optional<Bytes> ByteOrigins::walk(Label at, Reg reg) {
  if (left_-- == 0) return std::nullopt;
  const Value value{reg, at + 1};
  if (const Alu* alu = graph_.get<Alu>(at)) {
    const auto bytes = walk(*alu, at);
    return bytes ? bytes : whole(value);
  }
  if (const Load* load = graph_.get<Load>(at)) {
    const bool sign = load->extend == isa::Extend::kSign;
    if (sign || load->ordering != Ordering::kRelaxed) return whole(value);
    return truncated(all_of(value), isa::bytes(load->size));
  }
  if (const ByteSwap* swap = graph_.get<ByteSwap>(at)) {
    auto bytes = walk({swap->dst, at});
    if (!bytes) return std::nullopt;
    const std::size_t count = swap->bits / 8;
    if (swap->order != isa::ByteOrder::kToLittle)
      std::reverse(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(count));
    return truncated(*bytes, count);
  }
  return whole(value);
}

std::optional<Bytes> ByteOrigins::walk(const Alu& alu, Label at) {
  const std::size_t width = isa::bits(alu.width) / 8;
  const Value dst{alu.dst, at};
  if (const Imm* imm = std::get_if<Imm>(&alu.src)) {
    const auto count = static_cast<std::uint32_t>(imm->value) & (isa::bits(alu.width) - 1);
    // To take a word apart, not to put it together.
    if (alu.op == AluOp::kRsh && wanted_ == Wanted::kLoads) return std::nullopt;
    const bool shifts = alu.op == AluOp::kLsh || alu.op == AluOp::kRsh;
    if (alu.op == AluOp::kMov && imm->value == 0) return Bytes{};
    if ((!shifts || count % 8 != 0) && alu.op != AluOp::kAnd) return std::nullopt;
    const auto bytes = walk(dst);
    if (!bytes) return std::nullopt;
    const Bytes in = truncated(*bytes, width);
    if (alu.op == AluOp::kAnd) return masked(in, static_cast<std::uint64_t>(imm->value));
    const int by = static_cast<int>(count / 8);
    return truncated(moved(in, alu.op == AluOp::kLsh ? by : -by), width);
  }
  const Value src{std::get<Reg>(alu.src), at};
  if (alu.op != AluOp::kMov && alu.op != AluOp::kOr && alu.op != AluOp::kXor && alu.op != AluOp::kAdd)
    return std::nullopt;
  // Words are taken apart without.
  if (alu.op != AluOp::kMov && wanted_ == Wanted::kAny) return std::nullopt;
  const auto from = walk(src);
  if (!from) return std::nullopt;
  if (alu.op == AluOp::kMov) return truncated(*from, width);
  const auto into = walk(dst);
  const auto both = into ? combined(*from, *into) : std::nullopt;
  return both ? std::optional(truncated(*both, width)) : std::nullopt;
}

}  // namespace skep::lower
