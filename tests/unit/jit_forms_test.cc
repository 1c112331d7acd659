// SPDX-License-Identifier: Apache-2.0
// Every op that lower/optimize/ makes, in every form that it can have: registers (also the same one twice), addressing,
// displacements at the edges of encodings, both widths, boundary operands; on the interpreter and on native code for
// CPUs with and without each feature. The oracle is evaluate() of op_machine.h.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "base/address.h"
#include "isa/semantics.h"
#include "tests/unit/op_machine.h"

namespace skep::test {
namespace {

using isa::Extend;
using isa::JmpOp;
using isa::Size;
using isa::Width;
using lower::Imm;
using lower::kNoReg;
using lower::Op;
using lower::Operand;
using lower::Reg;

constexpr std::uint64_t kBoundaries[] = {0,
                                         1,
                                         2,
                                         0x7f,
                                         0x80,
                                         0xff,
                                         0x7fffffff,
                                         0x80000000,
                                         0xffffffff,
                                         0x100000000,
                                         0x123456789abcdef0,
                                         0x7fffffffffffffff,
                                         0x8000000000000000,
                                         0xffffffff00000000,
                                         0xffffffff80000000,
                                         0xfffffffffffffffe,
                                         0xffffffffffffffff};
constexpr std::int32_t kOffsets[] = {
    0,   1,   -1,   7,    127,      128,   -127,   -128,  -129,     255,       256,       -255,      -256,         -257,
    504, 512, 4095, 4096, 8 * 4095, 32767, -32768, 65536, 0xffffff, 0x1000000, INT32_MAX, INT32_MIN, INT32_MIN + 1};

#ifdef __aarch64__
constexpr int kEvery = 7;  // Usually under qemu: some of the forms, and others of them in each test.
#else
constexpr int kEvery = 1;
#endif

Words pattern() {
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = 0xa5a5a5a5'00000000 + 0x1111111111111111 * i;
  return words;
}

/// Memory with something in it.
struct Buffer {
  static constexpr std::size_t kSize = 4096;
  alignas(64) std::array<std::byte, kSize> bytes;
  Buffer() {
    for (std::size_t i = 0; i < kSize; ++i) bytes[i] = static_cast<std::byte>(i * 37 + i / 251 + 0x81);
  }
  [[nodiscard]] std::uint64_t middle() const { return address_of(bytes.data()) + kSize / 2; }
  friend bool operator==(const Buffer&, const Buffer&) = default;
};

/// Chooses the forms of one op that are tested, and the engine forms that they are tested on: the interpreter, native
/// code with all features and with none always, the others in turn.
class Turns {
 public:
  /// One in so many.
  explicit Turns(int every = 1) : every_(every * kEvery) {}
  bool next() { return ++count_ % every_ == 0; }
  [[nodiscard]] std::vector<const Form*> engines() const {
    const std::vector<Form>& all = forms();
    std::vector<const Form*> chosen = {&all[0]};
    if (all.size() > 1) chosen.insert(chosen.end(), {&all[1], &all.back()});
    if (all.size() > 3) chosen.push_back(&all[2 + static_cast<std::size_t>(count_ / every_) % (all.size() - 3)]);
    return chosen;
  }

 private:
  int every_ = 1, count_ = 0;
};

std::string name(Reg reg) { return reg == kNoReg ? "-" : "r" + std::to_string(reg.index); }

/// The ops on these words: registers and memory as the oracle leaves them. Memory is put back.
testing::AssertionResult same(const std::vector<Op>& ops, const Words& words, Buffer& memory, const Form& form) {
  static Buffer before, want;
  before = memory;
  Words wanted = words, got = words;
  for (const Op& op : ops) evaluate(op, wanted);
  want = memory;
  memory = before;
  Runnable(around(ops), form).run(address_of(&got));
  const bool memory_same = memory == want;
  memory = before;
  if (got == wanted && memory_same) return testing::AssertionSuccess();
  auto result = testing::AssertionFailure() << form.name << (memory_same ? "" : ": memory differs");
  for (std::size_t r = 0; r < got.size(); ++r)
    if (got[r] != wanted[r]) result << ": r" << r << " is " << got[r] << ", not " << wanted[r];
  return result;
}
testing::AssertionResult same(const Op& op, const Words& words, Buffer& memory, const Form& form) {
  return same(std::vector<Op>{op}, words, memory, form);
}

struct Address {
  Reg base, index = kNoReg;
  std::uint8_t shift = 0;
  std::int32_t offset = 0;
};
std::string text(const Address& a) {
  return "[" + name(a.base) + " + " + name(a.index) + " << " + std::to_string(a.shift) + " + " +
         std::to_string(a.offset) + "]";
}

/// The inverse of an odd number modulo 2^64.
constexpr std::uint64_t inverse(std::uint64_t odd) {
  std::uint64_t result = odd;
  for (int i = 0; i < 6; ++i) result *= 2 - odd * result;
  return result;
}

/// Gives base and index values with which the address is `target`, or one byte beside it.
void aim(const Address& a, std::uint64_t target, std::uint64_t index, Words& words) {
  const std::uint64_t rest = target - static_cast<std::uint64_t>(std::int64_t{a.offset});
  if (a.index == kNoReg) {
    words[a.base.index] = rest;
  } else if (a.index != a.base) {
    words[a.index.index] = index;
    words[a.base.index] = rest - (index << a.shift);
  } else if (a.shift == 0) {
    words[a.base.index] = rest >> 1;  // An odd byte cannot be reached.
  } else {
    words[a.base.index] = rest * inverse((std::uint64_t{1} << a.shift) + 1);
  }
}

struct Kind {
  Size size;
  Extend extend;
  bool swap;
};
std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const Size size : {Size::k8, Size::k16, Size::k32, Size::k64})
    for (const Extend extend : {Extend::kZero, Extend::kSign})
      for (const bool swap : {false, true})
        if (!(swap && size == Size::k8) && !(extend == Extend::kSign && size == Size::k64))
          all.push_back({size, extend, swap});
  return all;
}

std::vector<Address> addresses_by_register() {
  std::vector<Address> all;
  for (int base = 0; base < 10; ++base) {
    all.push_back({reg(base), kNoReg, 0, 24});
    for (int index = 0; index < 10; ++index) {
      const auto n = static_cast<std::uint8_t>(all.size());
      all.push_back({reg(base), reg(index), static_cast<std::uint8_t>(n % 4),
                     n % 3 == 0   ? 0
                     : n % 3 == 1 ? -100
                                  : 5000});
    }
  }
  return all;
}
std::vector<Address> addresses_by_offset() {
  std::vector<Address> all;
  for (const std::int32_t offset : kOffsets) {
    for (const int base : {2, 5, 7, 9}) {
      all.push_back({reg(base), kNoReg, 0, offset});
      for (std::uint8_t shift = 0; shift <= 3; ++shift) {
        all.push_back({reg(base), reg(0), shift, offset});
        all.push_back({reg(base), reg(6), shift, offset});
      }
      all.push_back({reg(base), reg(base), 1, offset});
    }
  }
  return all;
}
constexpr std::uint64_t kIndexes[] = {5, 0, ~std::uint64_t{2}, 0x100000003, 0x8000000000000001};

TEST(JitForms, LoadsByRegisters) {
  Buffer memory;
  Turns turns;
  for (const Kind& kind : kinds())
    for (const Address& a : addresses_by_register())
      for (int dst = 0; dst < 10; ++dst) {
        if (!turns.next()) continue;
        const Op op = lower::Load{kind.size, kind.extend, {}, reg(dst), a.base, a.offset, a.index, a.shift, kind.swap};
        Words words = pattern();
        aim(a, memory.middle(), kIndexes[static_cast<std::size_t>(dst) % std::size(kIndexes)], words);
        for (const Form* form : turns.engines())
          ASSERT_TRUE(same(op, words, memory, *form)) << "r" << dst << " = " << text(a) << ", " << bytes(kind.size)
                                                      << " bytes" << (kind.swap ? ", swapped" : "");
      }
}

TEST(JitForms, LoadsAtTheEdgesOfDisplacements) {
  Buffer memory;
  Turns turns;
  for (const Kind& kind : kinds())
    for (const Address& a : addresses_by_offset())
      for (const Reg dst : {a.base, a.index == kNoReg ? reg(1) : a.index, reg(4)}) {
        if (!turns.next()) continue;
        const Op op = lower::Load{kind.size, kind.extend, {}, dst, a.base, a.offset, a.index, a.shift, kind.swap};
        Words words = pattern();
        aim(a, memory.middle() + 3, 7, words);
        for (const Form* form : turns.engines())
          ASSERT_TRUE(same(op, words, memory, *form))
              << name(dst) << " = " << text(a) << ", " << bytes(kind.size) << " bytes";
      }
}

TEST(JitForms, StoresByRegisters) {
  Buffer memory;
  Turns turns;
  for (const Kind& kind : kinds()) {
    if (kind.extend == Extend::kSign) continue;
    for (const Address& a : addresses_by_register())
      for (int src = 0; src < 10; ++src) {  // Among them those whose low byte has a name of its own only with a prefix.
        if (!turns.next()) continue;
        const Op op = lower::Store{kind.size, {}, a.base, a.offset, reg(src), a.index, a.shift, kind.swap};
        Words words = pattern();
        aim(a, memory.middle(), kIndexes[static_cast<std::size_t>(src) % std::size(kIndexes)], words);
        for (const Form* form : turns.engines())
          ASSERT_TRUE(same(op, words, memory, *form))
              << text(a) << " = r" << src << ", " << bytes(kind.size) << " bytes" << (kind.swap ? ", swapped" : "");
      }
  }
}

TEST(JitForms, StoresAtTheEdgesOfDisplacements) {
  Buffer memory;
  Turns turns(3);
  for (const Kind& kind : kinds()) {
    if (kind.extend == Extend::kSign) continue;
    for (const Address& a : addresses_by_offset()) {
      std::vector<Operand> sources = {a.base, reg(4)};
      if (!kind.swap)
        for (const std::int64_t value : {0L, 1L, -1L, 0x80L, 0xffL, 0x8000L, 0x7fffffffL, -0x80000000L, -0x12345678L})
          sources.emplace_back(Imm{value});
      for (const Operand& src : sources) {
        if (!turns.next()) continue;
        const Op op = lower::Store{kind.size, {}, a.base, a.offset, src, a.index, a.shift, kind.swap};
        Words words = pattern();
        aim(a, memory.middle() + 5, 9, words);
        for (const Form* form : turns.engines())
          ASSERT_TRUE(same(op, words, memory, *form)) << text(a) << ", " << bytes(kind.size) << " bytes";
      }
    }
  }
}

/// Through r10, whose value only the code itself knows: 64 bytes go to the stack and back.
TEST(JitForms, AccessesToTheStack) {
  constexpr std::int32_t kWindow = -448;
  for (const Kind& kind : kinds()) {
    for (const Reg index : {kNoReg, reg(0), reg(6)}) {
      for (std::uint8_t shift = 0; shift <= std::uint8_t{3}; ++shift) {
        if (index == kNoReg && shift != 0) continue;
        for (const bool loads : {true, false}) {
          Buffer memory;
          Words words = pattern();
          words[7] = memory.middle();
          if (index != kNoReg) words[index.index] = 2;
          const std::int32_t skip = index == kNoReg ? 0 : 2 << shift;
          const std::int32_t offset = kWindow + 17 - skip;
          const Op op =
              loads ? Op(lower::Load{kind.size, kind.extend, {}, reg(3), isa::kR10, offset, index, shift, kind.swap})
                    : Op(lower::Store{kind.size, {}, isa::kR10, offset, reg(4), index, shift, kind.swap});
          std::vector<Op> ops;
          for (std::int32_t i = 0; i < 64; i += 8) {
            ops.push_back(lower::Load{.size = Size::k64, .dst = reg(2), .base = reg(7), .offset = i});
            ops.push_back(lower::Store{.size = Size::k64, .base = isa::kR10, .offset = kWindow + i, .src = reg(2)});
          }
          ops.push_back(op);
          for (std::int32_t i = 0; i < 64; i += 8) {
            ops.push_back(lower::Load{.size = Size::k64, .dst = reg(2), .base = isa::kR10, .offset = kWindow + i});
            ops.push_back(lower::Store{.size = Size::k64, .base = reg(7), .offset = i, .src = reg(2)});
          }
          Buffer want = memory;
          Words wanted = words;
          evaluate(op, wanted, want.middle() - static_cast<std::uint64_t>(std::int64_t{kWindow}));
          std::memcpy(&wanted[2], want.bytes.data() + Buffer::kSize / 2 + 56, 8);
          for (const Form& form : forms()) {
            Buffer got = memory;
            Words after = words;
            after[7] = got.middle();
            Runnable(around(ops), form).run(address_of(&after));
            after[7] = words[7];
            ASSERT_EQ(after, wanted) << form.name << " shift " << int{shift};
            ASSERT_TRUE(got == want) << form.name << " shift " << int{shift};
          }
        }
      }
    }
  }
}

/// All addresses; in turn, as each is tested with many ops.
std::vector<Address> all_addresses() {
  std::vector<Address> all = addresses_by_register();
  const std::vector<Address> by_offset = addresses_by_offset();
  all.insert(all.end(), by_offset.begin(), by_offset.end());
  return all;
}

TEST(JitForms, OperandsInMemory) {
  Buffer memory;
  Turns turns;
  using enum isa::AluOp;
  for (const isa::AluOp alu : {kAdd, kSub, kMul, kAnd, kOr, kXor})
    for (const Width width : {Width::k32, Width::k64})
      for (const Address& a : all_addresses())
        for (const int dst : {int{a.base.index}, a.index == kNoReg ? 1 : int{a.index.index}, a.base.index % 9 + 1}) {
          if (!turns.next()) continue;
          const Op op = lower::AluLoad{alu, width, reg(dst), a.base, a.offset, a.index, a.shift};
          Words words = pattern();
          aim(a, memory.middle() + 1, kIndexes[static_cast<std::size_t>(dst) % std::size(kIndexes)], words);
          for (const Form* form : turns.engines())
            ASSERT_TRUE(same(op, words, memory, *form)) << "r" << dst << " op= " << text(a);
        }
}

TEST(JitForms, UpdatesOfMemory) {
  Buffer memory;
  Turns turns(5);
  using enum isa::AluOp;
  for (const isa::AluOp alu : {kAdd, kSub, kAnd, kOr, kXor})
    for (const Size size : {Size::k8, Size::k16, Size::k32, Size::k64})
      for (const Address& a : all_addresses())
        for (const Operand& src : {Operand(a.base), Operand(reg(a.base.index % 9 + 1)), Operand(reg(4)),
                                   Operand(Imm{1}), Operand(Imm{-1}), Operand(Imm{0x80}), Operand(Imm{-0x80}),
                                   Operand(Imm{0x8001}), Operand(Imm{0x7fffffff}), Operand(Imm{-0x80000000L})}) {
          if (!turns.next()) continue;
          const Op op = lower::Update{alu, size, a.base, a.offset, src, a.index, a.shift};
          Words words = pattern();
          aim(a, memory.middle() + 1, 3, words);
          for (const Form* form : turns.engines())
            ASSERT_TRUE(same(op, words, memory, *form)) << text(a) << " op=, " << bytes(size) << " bytes";
        }
}

/// `value` as a comparison of that size sees it: signed ones look at the sign of so many bytes.
std::uint64_t as_number(std::uint64_t value, Size size, JmpOp op) {
  const bool is_signed = op == JmpOp::kSGt || op == JmpOp::kSGe || op == JmpOp::kSLt || op == JmpOp::kSLe;
  return isa::extend(value, size, is_signed ? Extend::kSign : Extend::kZero);
}

/// r0 = taken.
TEST(JitForms, ComparisonsWithMemory) {
  Turns turns;
  const std::vector<Address> addresses = all_addresses();
  std::size_t next = 0;
  for (const isa::JmpInfo& row : isa::kJmpTable)
    for (const Size size : {Size::k8, Size::k16, Size::k32, Size::k64})
      for (const bool unless : {false, true})
        for (const std::uint64_t value : kBoundaries)
          for (const std::uint64_t other : kBoundaries)
            for (const bool by_imm : {false, true}) {
              const Address& a = addresses[next++ % addresses.size()];
              const Reg src = reg(a.base.index % 9 + 1);
              if (!turns.next() || src == a.index || (unless && row.op != JmpOp::kSet)) continue;
              const auto imm = static_cast<std::int32_t>(other);
              const Op branch =
                  lower::BranchLoad{row.op, size,    a.base,  a.offset, by_imm ? Operand(Imm{imm}) : Operand(src),
                                    13,     a.index, a.shift, unless};
              // around() has 11 ops before it.
              const lower::Code code = around({branch, lower::Alu{isa::AluOp::kXor, Width::k64, {}, src, Imm{-1}}});
              std::array<std::uint64_t, 3> cells = {~value, value, ~value};
              Words words = pattern();
              aim(a, address_of(&cells[1]), 3, words);
              if (a.index == a.base && a.shift == 0 && (static_cast<std::uint64_t>(std::int64_t{a.offset}) & 1) != 0)
                continue;  // Between two cells.
              words[src.index] = other;
              Words want = words;
              const std::uint64_t right = by_imm ? static_cast<std::uint64_t>(std::int64_t{imm}) : other;
              const bool taken = isa::compare(row.op, Width::k64, as_number(value, size, row.op),
                                              as_number(right, size, row.op)) != unless;
              if (!taken) want[src.index] = ~want[src.index];
              for (const Form* form : turns.engines()) {
                Words got = words;
                Runnable(code, *form).run(address_of(&got));
                ASSERT_EQ(got, want) << form->name << ": " << row.mnemonic << " of " << bytes(size) << " bytes, "
                                     << text(a) << " = " << value << " and " << right;
              }
            }
}

TEST(JitForms, Sums) {
  Buffer memory;
  Turns turns;
  for (const Width width : {Width::k32, Width::k64})
    for (const Address& a : all_addresses())
      for (int dst = 0; dst < 10; ++dst) {
        if (!turns.next()) continue;
        const Op op = lower::Sum{width, reg(dst), a.base, a.offset, a.index, a.shift};
        for (const std::uint64_t value : {std::uint64_t{0xfffffff0}, std::uint64_t{0xfedcba9876543210}}) {
          Words words = pattern();
          words[a.base.index] = value;
          for (const Form* form : turns.engines())
            ASSERT_TRUE(same(op, words, memory, *form)) << "r" << dst << " = " << text(a);
        }
      }
}

TEST(JitForms, RotationsByConstants) {
  Buffer memory;
  Turns turns;
  for (const Width width : {Width::k32, Width::k64})
    for (std::int64_t count = 1; count < isa::bits(width); ++count)
      for (int dst = 0; dst < 10; ++dst)
        for (const int src : {dst, (dst * 3 + static_cast<int>(count)) % 10}) {
          if (!turns.next()) continue;
          const Op op = lower::Rotate{width, reg(dst), reg(src), Imm{count}};
          Words words = pattern();
          words[static_cast<std::size_t>(src)] = 0xfedcba9876543211;
          for (const Form* form : turns.engines())
            ASSERT_TRUE(same(op, words, memory, *form)) << "r" << dst << " = r" << src << " <<< " << count;
        }
}

TEST(JitForms, RotationsByRegisters) {
  Buffer memory;
  Turns turns;
  constexpr std::uint64_t kCounts[] = {
      0, 1, 31, 32, 33, 63, 64, 65, 255, 0x100000001, ~std::uint64_t{0}, 0x8000000000000000};
  for (const Width width : {Width::k32, Width::k64})
    for (int dst = 0; dst < 10; ++dst)
      for (int src = 0; src < 10; ++src)
        for (int by = 0; by < 10; ++by) {
          if (!turns.next()) continue;
          const Op op = lower::Rotate{width, reg(dst), reg(src), reg(by)};
          for (const std::uint64_t count : kCounts) {
            Words words = pattern();
            words[static_cast<std::size_t>(src)] = 0xfedcba9876543211;
            words[static_cast<std::size_t>(by)] = count;
            const Form* form = turns.engines()[count % turns.engines().size()];
            ASSERT_TRUE(same(op, words, memory, *form))
                << "r" << dst << " = r" << src << " <<< r" << by << " = " << count;
          }
          for (const Form* form : turns.engines()) ASSERT_TRUE(same(op, pattern(), memory, *form));
        }
}

TEST(JitForms, BitCounts) {
  Buffer memory;
  std::vector<std::uint64_t> values(std::begin(kBoundaries), std::end(kBoundaries));
  for (unsigned bit = 0; bit < 64; ++bit) values.push_back(std::uint64_t{1} << bit);
  for (const lower::BitCount what :
       {lower::BitCount::kOnes, lower::BitCount::kLeadingZeros, lower::BitCount::kTrailingZeros})
    for (const Width width : {Width::k32, Width::k64})
      for (const Form& form : forms())
        for (int dst = 0; dst < 10; ++dst)
          for (int src = 0; src < 10; ++src) {
            const Op op = lower::CountBits{what, width, reg(dst), reg(src)};
            const Runnable runnable(around({op}), form);
            for (const std::uint64_t value : values) {
              Words words = pattern();
              words[static_cast<std::size_t>(src)] = value;
              Words want = words;
              evaluate(op, want);
              runnable.run(address_of(&words));
              ASSERT_EQ(words, want) << form.name << ": r" << dst << " of r" << src << " = " << value;
            }
          }
}

TEST(JitForms, AdditionsWithCarry) {
  for (const Width width : {Width::k32, Width::k64})
    for (const Form& form : forms())
      for (int dst = 0; dst < 10; ++dst)
        for (int src = 0; src < 10; ++src) {
          if (dst == src) continue;
          const Op op = lower::AddWithCarry{width, reg(dst), reg(src)};
          const Runnable runnable(around({op}), form);
          for (const std::uint64_t a : kBoundaries)
            for (const std::uint64_t b : kBoundaries) {
              Words words = pattern();
              words[static_cast<std::size_t>(dst)] = a;
              words[static_cast<std::size_t>(src)] = b;
              Words want = words;
              evaluate(op, want);
              runnable.run(address_of(&words));
              ASSERT_EQ(words, want) << form.name << ": r" << dst << " = " << a << ", r" << src << " = " << b;
            }
        }
}

std::vector<std::uint32_t> block_sizes() {
  std::vector<std::uint32_t> all;
  for (std::uint32_t bytes = 16; bytes <= 144; bytes += 8) all.push_back(bytes);
  for (const std::uint32_t bytes : {192u, 248u, 256u, 264u, 320u, 504u, 512u}) all.push_back(bytes);
  return all;
}

bool fits(std::int32_t offset, std::uint32_t bytes) { return offset <= INT32_MAX - static_cast<std::int32_t>(bytes); }

TEST(JitForms, ClearedBlocks) {
  Buffer memory;
  Turns turns;
  for (const std::uint32_t bytes : block_sizes())
    for (const std::int32_t offset : kOffsets)
      for (int base = 0; base < 10; ++base) {
        if (!turns.next() || !fits(offset, bytes)) continue;
        const Op op = lower::Clear{reg(base), offset, bytes};
        Words words = pattern();
        aim({reg(base), kNoReg, 0, offset}, memory.middle() + bytes % 7, 0, words);
        for (const Form* form : turns.engines())
          ASSERT_TRUE(same(op, words, memory, *form)) << bytes << " bytes at r" << base << " + " << offset;
      }
}

TEST(JitForms, CopiedBlocks) {
  Buffer memory;
  Turns turns;
  for (const std::uint32_t bytes : block_sizes())
    for (std::size_t i = 0; i < std::size(kOffsets); ++i)
      for (int to = 0; to < 10; ++to)
        for (const int from : {(to + 1) % 10, (to + 4) % 10}) {
          const std::int32_t to_offset = kOffsets[i], from_offset = kOffsets[(i * 5 + 3) % std::size(kOffsets)];
          if (!turns.next() || !fits(to_offset, bytes) || !fits(from_offset, bytes)) continue;
          const Op op = lower::Copy{reg(to), reg(from), to_offset, from_offset, bytes};
          Words words = pattern();
          aim({reg(to), kNoReg, 0, to_offset}, memory.middle() + bytes % 5, 0, words);
          aim({reg(from), kNoReg, 0, from_offset}, memory.middle() - bytes - bytes % 3, 0, words);
          for (const Form* form : turns.engines())
            ASSERT_TRUE(same(op, words, memory, *form))
                << bytes << " bytes from r" << from << " + " << from_offset << " to r" << to << " + " << to_offset;
        }
}

/// Within what one register points to, the blocks side by side in either order.
TEST(JitForms, CopiedBlocksOfOneBase) {
  Buffer memory;
  for (const std::uint32_t bytes : block_sizes())
    for (int base = 0; base < 10; ++base)
      for (const bool up : {false, true}) {
        const auto distance = static_cast<std::int32_t>(bytes);
        const Op op = lower::Copy{reg(base), reg(base), up ? 3 + distance : 3, up ? 3 : 3 + distance, bytes};
        Words words = pattern();
        words[static_cast<std::size_t>(base)] = memory.middle() - bytes;
        for (const Form& form : forms())
          ASSERT_TRUE(same(op, words, memory, form)) << bytes << " bytes at r" << base << (up ? " upwards" : "");
      }
}

TEST(JitForms, BlocksOnTheStack) {
  for (const std::uint32_t bytes : block_sizes()) {
    if (bytes > 320) continue;
    Buffer memory;
    const auto window = -static_cast<std::int32_t>(504 - bytes % 5);
    const auto length = static_cast<std::int32_t>(bytes);
    // Onto the stack, the middle of it cleared, and back.
    std::vector<Op> ops = {lower::Copy{isa::kR10, reg(7), window, 0, bytes}};
    if (bytes >= 32) ops.push_back(lower::Clear{isa::kR10, window + 9, bytes - 16});
    ops.push_back(lower::Copy{reg(7), isa::kR10, length, window, bytes});
    Buffer want = memory;
    std::byte* half = want.bytes.data() + Buffer::kSize / 2;
    std::memcpy(half + bytes, half, bytes);
    if (bytes >= 32) std::memset(half + bytes + 9, 0, bytes - 16);
    for (const Form& form : forms()) {
      Buffer got = memory;
      Words words = pattern();
      words[7] = got.middle();
      const Words before = words;
      Runnable(around(ops), form).run(address_of(&words));
      ASSERT_EQ(words, before) << form.name;
      ASSERT_TRUE(got == want) << form.name << ": " << bytes << " bytes";
    }
  }
}

/// r0 = taken; also `unless`.
TEST(JitForms, BranchesAndTheirOpposites) {
  for (const isa::JmpInfo& row : isa::kJmpTable)
    for (const Width width : {Width::k32, Width::k64})
      for (const bool unless : {false, true})
        for (const Form& form : forms()) {
          if (unless && row.op != JmpOp::kSet) continue;
          const auto branch = [&](Reg dst, Operand src) {
            return Runnable(
                one_function({lower::Alu{isa::AluOp::kMov, Width::k64, {}, reg(6), reg(2)},
                              lower::Branch{row.op, width, dst, src, 4, unless},
                              lower::Alu{isa::AluOp::kMov, Width::k64, {}, isa::kR0, Imm{0}}, lower::Return{},
                              lower::Alu{isa::AluOp::kMov, Width::k64, {}, isa::kR0, Imm{1}}, lower::Return{}}),
                form);
          };
          const Runnable by_reg = branch(reg(1), reg(6)), of_itself = branch(reg(1), reg(1));
          for (const std::uint64_t b : kBoundaries) {
            const auto value = static_cast<std::int32_t>(b);
            const Runnable by_imm = branch(reg(1), Imm{value});
            for (const std::uint64_t a : kBoundaries) {
              const auto want = [&](std::uint64_t other) {
                return (isa::compare(row.op, width, a, other) != unless) ? 1u : 0u;
              };
              ASSERT_EQ(by_reg.run(a, b), want(b)) << form.name << ": " << row.mnemonic << " " << a << ", " << b;
              ASSERT_EQ(by_imm.run(a, b), want(static_cast<std::uint64_t>(std::int64_t{value})))
                  << form.name << ": " << row.mnemonic << " " << a << ", imm " << value;
              ASSERT_EQ(of_itself.run(a, b), want(a)) << form.name << ": " << row.mnemonic << " " << a;
            }
          }
        }
}

/// Divisions by what is known not to be zero, and by constants that are.
TEST(JitForms, Divisions) {
  Buffer memory;
  Turns turns;
  using enum isa::AluOp;
  constexpr std::int64_t kDivisors[] = {0,
                                        1,
                                        -1,
                                        2,
                                        3,
                                        5,
                                        7,
                                        8,
                                        10,
                                        11,
                                        13,
                                        25,
                                        28,
                                        60,
                                        100,
                                        125,
                                        641,
                                        1000,
                                        6700417,
                                        65535,
                                        -2,
                                        -3,
                                        -5,
                                        -7,
                                        -8,
                                        -10,
                                        0x7fffffff,
                                        INT32_MIN,
                                        INT32_MIN + 1,
                                        1000000007};
  for (const isa::AluOp op : {kDiv, kMod, kSDiv, kSMod})
    for (const Width width : {Width::k32, Width::k64})
      for (int dst = 0; dst < 10; ++dst) {
        for (const std::int64_t divisor : kDivisors) {
          for (const std::uint64_t value : kBoundaries) {
            if (!turns.next()) continue;
            Words words = pattern();
            words[static_cast<std::size_t>(dst)] = value;
            const Form* form = turns.engines()[value % turns.engines().size()];
            ASSERT_TRUE(same(lower::Alu{op, width, {}, reg(dst), Imm{divisor}}, words, memory, *form))
                << value << " by " << divisor;
            if (divisor == 0) continue;
            for (const Form* each : turns.engines())
              ASSERT_TRUE(
                  same(lower::Alu{op, width, lower::Divisor::kConstant, reg(dst), Imm{divisor}}, words, memory, *each))
                  << "r" << dst << " = " << value << " by " << divisor;
          }
        }
        for (int src = 0; src < 10; ++src) {
          if (dst == src) continue;
          for (const std::int64_t divisor : kDivisors) {
            if (!turns.next()) continue;
            const auto known = divisor == 0 ? lower::Divisor::kMayBeZero : lower::Divisor::kNonZero;
            Words words = pattern();
            words[static_cast<std::size_t>(dst)] = width == Width::k64 ? 0x8000000000000000 : 0x80000000;
            words[static_cast<std::size_t>(src)] = static_cast<std::uint64_t>(divisor);
            for (const Form* form : turns.engines())
              ASSERT_TRUE(same(lower::Alu{op, width, known, reg(dst), reg(src)}, words, memory, *form))
                  << "r" << dst << " by r" << src << " = " << divisor;
          }
        }
      }
}

/// What may stand between a copy and the op that changes it, as far as the copy may be left to that op, or may not.
std::vector<std::vector<Op>> between_copy_and_change(Reg dst, Reg from, Reg other) {
  using enum isa::AluOp;
  return {{},
          {},
          {},
          {lower::Nop{}},
          {lower::Sum{Width::k64, other, from, 5}},
          {lower::Alu{kAdd, Width::k64, {}, from, Imm{3}}},
          {lower::Alu{kMov, Width::k64, {}, other, dst}},
          {lower::Alu{kMov, Width::k32, {}, other, from}, lower::Alu{kLsh, Width::k32, {}, other, Imm{2}}},
          {lower::Alu{kDiv, Width::k64, {}, other, Imm{3}}},
          {lower::Rotate{Width::k64, other, other, from}}};
}

TEST(JitForms, OpsOnCopies) {
  Buffer memory;
  Turns turns(3);
  using enum isa::AluOp;
  std::size_t next = 0;
  for (const isa::AluInfo& row : isa::kAluTable)
    for (const Width copied : {Width::k32, Width::k64})
      for (const Width width : {Width::k32, Width::k64})
        for (int dst = 0; dst < 10; ++dst)
          for (const int from : {dst, (dst + 1) % 10, (dst + 3) % 10, (dst + 6) % 10}) {
            std::vector<Operand> sources = {reg(dst), reg(from), reg((dst + 4) % 10), reg(4)};
            const bool by_register_only = row.op == kMovSx8 || row.op == kMovSx16 || row.op == kMovSx32;
            if (!by_register_only)
              for (const std::int64_t value : {0L, 1L, 2L, 3L, 4L, 31L, 33L, 35L, 10L, 0x7fL, 0x80L, 0xffL, 0xffffL,
                                               0x12345L, 0x7fffffffL, -1L, -5L, -0x80L, -0x80000000L})
                sources.emplace_back(Imm{value});
            for (const Operand& src : sources)
              for (const std::vector<Op>& between : between_copy_and_change(reg(dst), reg(from), reg((dst + 8) % 10))) {
                const std::uint64_t value = kBoundaries[next++ % std::size(kBoundaries)];
                if (!turns.next()) continue;
                std::vector<Op> ops = {lower::Alu{kMov, copied, {}, reg(dst), reg(from)}};
                ops.insert(ops.end(), between.begin(), between.end());
                ops.push_back(lower::Alu{row.op, width, {}, reg(dst), src});
                Words words = pattern();
                words[static_cast<std::size_t>(from)] = value;
                for (const Form* form : turns.engines())
                  ASSERT_TRUE(same(ops, words, memory, *form))
                      << "r" << dst << " = r" << from << " = " << value << "; r" << dst << " " << row.mnemonic << "= "
                      << (src == Operand(reg(4)) ? "r4" : "...") << ", " << between.size() << " between";
              }
          }
}

/// x & (x - 1), also where that is not quite what the ops do.
TEST(JitForms, LowestBitsCleared) {
  Buffer memory;
  Turns turns;
  for (const Width width : {Width::k32, Width::k64})
    for (const Width masked : {Width::k32, Width::k64})
      for (int dst = 0; dst < 10; ++dst)
        for (int from = 0; from < 10; ++from)
          for (const std::int32_t less : {-1, -2})
            for (const int by : {from, (from + 1) % 10})
              for (const std::uint64_t value : kBoundaries) {
                if (!turns.next()) continue;
                Words words = pattern();
                words[static_cast<std::size_t>(from)] = value;
                const std::vector<Op> ops = {lower::Sum{width, reg(dst), reg(from), less},
                                             lower::Alu{isa::AluOp::kAnd, masked, {}, reg(dst), reg(by)}};
                for (const Form* form : turns.engines())
                  ASSERT_TRUE(same(ops, words, memory, *form))
                      << "r" << dst << " = r" << from << " & (" << value << less << ")";
              }
}

/// Where another way leads between the copy and the op.
TEST(JitForms, OpsOnCopiesOrNot) {
  using enum isa::AluOp;
  for (const isa::AluOp op : {kAdd, kAnd, kLsh, kMul, kXor})
    for (const Form& form : forms()) {
      const lower::Alu change{op, Width::k64, {}, reg(2), Imm{op == kAnd ? 255 : 3}};
      // around() has 11 ops before these.
      const Runnable runnable(around({lower::Branch{JmpOp::kEq, Width::k64, reg(3), Imm{0}, 13},
                                      lower::Alu{kMov, Width::k64, {}, reg(2), reg(1)}, change}),
                              form);
      for (const bool copies : {false, true}) {
        Words words = pattern();
        words[3] = copies ? 1 : 0;
        Words want = words;
        if (copies) want[2] = want[1];
        evaluate(change, want);
        runnable.run(address_of(&words));
        ASSERT_EQ(words, want) << form.name << (copies ? " with" : " without") << " the copy";
      }
    }
}

/// A test for zero by what is left of an op before it, where others came between: r7 tells which way it went.
TEST(JitForms, BranchesOnZeroBehindOps) {
  using enum isa::AluOp;
  const auto alu = [](isa::AluOp op, Width width, int dst, Operand src) {
    return lower::Alu{op, width, {}, reg(dst), src};
  };
  constexpr std::uint64_t kHigh = 0x500000000;
  Buffer memory;
  std::vector<std::vector<Op>> between = {{}, {lower::Nop{}}};
  for (const Op& op : std::initializer_list<Op>{alu(kMov, Width::k64, 3, reg(2)),
                                                alu(kMov, Width::k64, 3, Imm{0}),
                                                alu(kMov, Width::k64, 3, Imm{7}),
                                                alu(kMov, Width::k64, 2, reg(4)),
                                                alu(kMov, Width::k64, 2, Imm{9}),
                                                alu(kMov, Width::k32, 2, reg(2)),
                                                alu(kMovSx16, Width::k64, 3, reg(4)),
                                                alu(kAdd, Width::k64, 3, Imm{1}),
                                                alu(kLsh, Width::k64, 3, reg(4)),
                                                alu(kLsh, Width::k64, 2, reg(4)),
                                                alu(kMul, Width::k64, 3, Imm{7}),
                                                alu(kDiv, Width::k64, 3, Imm{5}),
                                                alu(kSDiv, Width::k64, 2, Imm{1}),
                                                alu(kNeg, Width::k64, 3, Imm{0}),
                                                lower::Sum{Width::k64, reg(3), reg(4), 5},
                                                lower::Sum{Width::k32, reg(2), reg(4), 5},
                                                lower::Sum{Width::k64, reg(3), reg(3), 0, reg(4)},
                                                lower::Rotate{Width::k64, reg(3), reg(4), Imm{5}},
                                                lower::CountBits{lower::BitCount::kOnes, Width::k64, reg(3), reg(4)},
                                                lower::ByteSwap{isa::ByteOrder::kToBig, 16, reg(3)},
                                                lower::ByteSwap{isa::ByteOrder::kToBig, 64, reg(3)},
                                                lower::Load{Size::k64, {}, {}, reg(3), reg(6), 8},
                                                lower::Load{Size::k64, {}, {}, reg(2), reg(6), 8},
                                                lower::Load{Size::k16, {}, {}, reg(3), reg(6), 8, kNoReg, 0, true},
                                                lower::Store{Size::k32, {}, reg(6), 8, reg(2)},
                                                lower::Store{Size::k16, {}, reg(6), 8, reg(4), kNoReg, 0, true},
                                                lower::Update{kAdd, Size::k32, reg(6), 16, Imm{1}}})
    between.push_back({op});
  for (const Width width : {Width::k32, Width::k64})
    for (const Width tested : {Width::k32, Width::k64})
      for (const JmpOp condition : {JmpOp::kEq, JmpOp::kNe})
        for (const Op& op : std::initializer_list<Op>{
                 alu(kAdd, width, 2, Imm{-5}), alu(kSub, width, 2, reg(5)), alu(kAnd, width, 2, Imm{0xf0}),
                 alu(kAnd, width, 2, Imm{-16}), alu(kOr, width, 2, Imm{0}), alu(kXor, width, 2, reg(5)),
                 lower::Sum{width, reg(2), reg(5), -1}, alu(kRsh, width, 2, Imm{4}), alu(kLsh, width, 2, Imm{32}),
                 alu(kLsh, width, 2, Imm{29})})
          for (const std::vector<Op>& others : between)
            for (const Form& form : forms()) {
              std::vector<Op> ops = {op};
              ops.insert(ops.end(), others.begin(), others.end());
              // around() has 11 ops before these.
              const auto behind = static_cast<lower::Label>(11 + ops.size() + 2);
              const Op mark = alu(kXor, Width::k64, 7, Imm{-1});
              std::vector<Op> all = ops;
              all.push_back(lower::Branch{condition, tested, reg(2), Imm{0}, behind});
              all.push_back(mark);
              const Runnable runnable(around(all), form);
              for (const std::uint64_t value :
                   {std::uint64_t{0}, std::uint64_t{5}, kHigh, kHigh + 5, std::uint64_t{8}}) {
                Words words = pattern();
                words[2] = value;
                words[5] = 5;
                words[6] = memory.middle();
                Words want = words;
                Buffer before = memory;
                for (const Op& each : ops) evaluate(each, want);
                if (!isa::compare(condition, tested, want[2], 0)) evaluate(mark, want);
                memory = before;
                runnable.run(address_of(&words));
                memory = before;
                ASSERT_EQ(words, want) << form.name << ": " << value << ", op " << op.index() << ", between "
                                       << (&others - between.data());
              }
            }
}

}  // namespace
}  // namespace skep::test
