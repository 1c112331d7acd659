// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/op_machine.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/address.h"
#include "isa/semantics.h"
#include "jit/target.h"
#include "vm/interpreter/run.h"

namespace skep::test {

using isa::Size;
using isa::Width;
using lower::Imm;
using lower::Op;
using lower::Operand;
using lower::Reg;

namespace {

class Evaluator {
 public:
  Evaluator(Words& words, std::uint64_t frame) : words_(words), frame_(frame) {}

  void operator()(const lower::Alu& op) { set(op.dst, isa::eval(op.op, op.width, get(op.dst), get(op.src))); }
  void operator()(const lower::ByteSwap& op) { set(op.dst, isa::swap_bytes(op.order, op.bits, get(op.dst))); }
  void operator()(const lower::Load& op) {
    std::uint64_t value = 0;
    std::memcpy(&value, at(address(op)), isa::bytes(op.size));
    set(op.dst, isa::extend(op.swap ? reversed(value, op.size) : value, op.size, op.extend));
  }
  void operator()(const lower::Store& op) {
    const std::uint64_t value = op.swap ? reversed(get(op.src), op.size) : get(op.src);
    std::memcpy(at(address(op)), &value, isa::bytes(op.size));
  }
  void operator()(const lower::Sum& op) { set(op.dst, narrow(op.width, address(op))); }
  void operator()(const lower::Rotate& op) {
    const std::uint64_t count = get(op.count) % isa::bits(op.width), value = narrow(op.width, get(op.src));
    if (count == 0) return set(op.dst, value);
    set(op.dst, narrow(op.width, value << count | value >> (isa::bits(op.width) - count)));
  }
  void operator()(const lower::CountBits& op) {
    const std::uint64_t value = narrow(op.width, get(op.src)), bits = isa::bits(op.width);
    std::uint64_t count = 0;
    switch (op.what) {
      case lower::BitCount::kOnes:
        for (std::uint64_t i = 0; i < bits; ++i) count += value >> i & 1;
        break;
      case lower::BitCount::kLeadingZeros:
        while (count < bits && (value >> (bits - 1 - count) & 1) == 0) ++count;
        break;
      case lower::BitCount::kTrailingZeros:
        while (count < bits && (value >> count & 1) == 0) ++count;
        break;
    }
    set(op.dst, count);
  }
  void operator()(const lower::AddWithCarry& op) {
    const std::uint64_t a = narrow(op.width, get(op.dst)), sum = narrow(op.width, a + get(op.src));
    set(op.dst, narrow(op.width, sum + (sum < a ? 1 : 0)));
  }
  void operator()(const lower::Clear& op) { std::memset(at(get(op.base) + wide(op.offset)), 0, op.bytes); }
  void operator()(const lower::Copy& op) {
    std::memmove(at(get(op.to) + wide(op.to_offset)), at(get(op.from) + wide(op.from_offset)), op.bytes);
  }
  void operator()(const lower::AluLoad& op) {
    std::uint64_t value = 0;
    std::memcpy(&value, at(address(op)), isa::bits(op.width) / 8);
    set(op.dst, isa::eval(op.op, op.width, get(op.dst), value));
  }
  void operator()(const lower::Update& op) {
    std::uint64_t value = 0;
    std::memcpy(&value, at(address(op)), isa::bytes(op.size));
    value = isa::eval(op.op, Width::k64, value, get(op.src));
    std::memcpy(at(address(op)), &value, isa::bytes(op.size));
  }
  void operator()(const lower::Nop&) {}
  template <class Other>
  void operator()(const Other&) {
    ADD_FAILURE() << "no op for evaluate()";
  }

 private:
  static std::uint64_t wide(std::int32_t value) { return static_cast<std::uint64_t>(std::int64_t{value}); }
  static std::uint64_t narrow(Width width, std::uint64_t value) {
    return width == Width::k64 ? value : static_cast<std::uint32_t>(value);
  }
  static std::uint64_t reversed(std::uint64_t value, Size size) {
    return isa::swap_bytes(isa::ByteOrder::kSwap, 64, value) >> (64 - 8 * isa::bytes(size));
  }
  static std::byte* at(std::uint64_t address) { return from_address<std::byte>(address); }
  [[nodiscard]] std::uint64_t get(Reg reg) const { return reg == isa::kR10 ? frame_ : words_[reg.index]; }
  [[nodiscard]] std::uint64_t get(const Operand& operand) const {
    if (const Imm* imm = std::get_if<Imm>(&operand)) return static_cast<std::uint64_t>(imm->value);
    return get(std::get<Reg>(operand));
  }
  template <class Access>
  [[nodiscard]] std::uint64_t address(const Access& op) const {
    const std::uint64_t index = op.index == lower::kNoReg ? 0 : get(op.index) << op.shift;
    return get(op.base) + index + wide(op.offset);
  }
  void set(Reg reg, std::uint64_t value) { words_[reg.index] = value; }

  Words& words_;
  std::uint64_t frame_;
};

Op load(int dst, int base, std::int32_t offset) {
  return lower::Load{.size = Size::k64, .dst = reg(dst), .base = reg(base), .offset = offset};
}
Op store(int base, std::int32_t offset, int src) {
  return lower::Store{.size = Size::k64, .base = reg(base), .offset = offset, .src = reg(src)};
}

}  // namespace

void evaluate(const Op& op, Words& words, std::uint64_t frame) { std::visit(Evaluator(words, frame), op); }

Reg reg(int index) { return Reg{static_cast<std::uint8_t>(index)}; }

lower::Code one_function(std::vector<Op> ops, std::uint32_t stack) {
  lower::Code code;
  code.ops = std::move(ops);
  code.origin.resize(code.ops.size());
  code.functions = {{.entry = 0, .stack_bytes = stack}};
  return code;
}

lower::Code around(const std::vector<Op>& middle) {
  std::vector<Op> ops = {store(10, -8, 1)};
  for (const int r : {0, 2, 3, 4, 5, 6, 7, 8, 9, 1}) ops.push_back(load(r, 1, 8 * r));
  ops.insert(ops.end(), middle.begin(), middle.end());
  for (int r = 0; r < 10; ++r) ops.push_back(store(10, -16 - 8 * r, r));
  ops.push_back(load(1, 10, -8));
  for (int r = 0; r < 10; ++r) {
    ops.push_back(load(2, 10, -16 - 8 * r));
    ops.push_back(store(1, 8 * r, 2));
  }
  ops.emplace_back(lower::Return{});
  return one_function(ops);
}

const std::vector<Form>& forms() {
  static const std::vector<Form> all = [] {
    std::vector<Form> made = {{.name = "interpreter", .native = false, .features = {}}};
    if (jit::host_target().arch == jit::Arch::kOther) return made;
    const CpuFeatures host = jit::host_target().features;
    made.push_back({.name = "native", .native = true, .features = host});
    for (const CpuFeatureInfo& row : kCpuFeatures) {
      if (!(host.*row.member)) continue;
      made.push_back({.name = "native without " + std::string(row.name), .native = true, .features = host});
      made.back().features.*row.member = false;
    }
    made.push_back({.name = "native baseline", .native = true, .features = {}});
    return made;
  }();
  return all;
}

Runnable::Runnable(const lower::Code& code, const Form& form) {
  if (!form.native) {
    static const Platform platform = Platform::linux_like();
    interpreted_ = interpreter::compile(code, {}, platform, {}, interpreter::Counting::kOff);
    return;
  }
  auto native = jit::compile(code, {}, {.features = form.features, .limits = {}});
  if (native) {
    native_ = *native;
  } else {
    ADD_FAILURE() << form.name << ": " << native.error().message;
  }
}

std::uint64_t Runnable::run(std::uint64_t r1, std::uint64_t r2) const {
  Env env;
  if (native_ != nullptr) {
    env.invoke = native_->invoke();
    return native_->entry()(r1, r2, env);
  }
  if (interpreted_ == nullptr) return 0;
  interpreter::Run state(env);
  state.code = interpreted_.get();
  return interpreter::execute<interpreter::Policy{.checked = false, .counted = false}>(state, r1, r2);
}

}  // namespace skep::test
