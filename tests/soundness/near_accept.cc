// SPDX-License-Identifier: Apache-2.0
// The generator knows what each register and stack slot holds, roughly as a compiler does, and emits code that is right
// by that knowledge. Blocks that may be skipped or repeated work on a copy of it; afterwards only what both agree on
// counts.
//
// r10-64 .. r10-1 is a block of data; r10-128 .. r10-65 are eight slots for spills. r6 of the entry function is the
// context. Whatever fails a check goes to the end of its function.
#include "tests/soundness/near_accept.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

#include "skep/isa.h"
#include "tests/verifier/case_types.h"

namespace skep::soundness {
namespace {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.

constexpr std::uint64_t kUnbounded = ~std::uint64_t{0};
constexpr std::uint32_t kBlock = 64;  // Bytes of stack data.
constexpr std::uint32_t kSpillSlots = 8;
constexpr std::int32_t kLookup = 1, kUpdate = 2, kRandom = 7, kLoadBytes = 26, kChecksum = 28, kAdjustHead = 44,
                       kLoop = 181;

enum class What : std::uint8_t { kNothing, kNumber, kContext, kMemory, kPacket };
struct Held {
  What what = What::kNothing;
  std::uint64_t largest = kUnbounded;  ///< kNumber: known bound, by which it may serve as an index.
  std::uint32_t size = 0;              ///< kMemory, kPacket: bytes that may be accessed from there on.
  bool stack = false;                  ///< kMemory: of the caller's stack, where accesses must be aligned.
  friend bool operator==(const Held&, const Held&) = default;
};
constexpr Held kAnyNumber{.what = What::kNumber};

struct Known {
  std::array<Held, 10> regs{};
  std::array<Held, kSpillSlots> slots{};
  std::uint32_t frozen = 0;  ///< Registers that may not be written: counters of the loops around.

  /// What holds here and there.
  void meet(const Known& other) {
    const auto join = [](Held& a, const Held& b) {
      if (a == b) return;
      if (a.what == What::kNumber && b.what == What::kNumber) {
        a.largest = std::max(a.largest, b.largest);
      } else if (a.what == b.what && a.what != What::kNothing) {
        a.size = std::min(a.size, b.size);
      } else {
        a = {};
      }
    };
    for (std::size_t i = 0; i < regs.size(); ++i) join(regs[i], other.regs[i]);
    for (std::size_t i = 0; i < slots.size(); ++i) join(slots[i], other.slots[i]);
  }
  /// What holds before an iteration: numbers may be any, and nothing is known of scratch registers and slots.
  void forget_for_loop() {
    for (std::size_t i = 0; i < regs.size(); ++i) {
      if (i < 6) regs[i] = {};
      if (regs[i].what == What::kNumber) regs[i].largest = kUnbounded;
    }
    slots = {};
  }
};

enum class Role : std::uint8_t { kEntry, kCallee, kCallback };

class Generator {
 public:
  Generator(std::uint64_t seed, std::uint32_t faults) : random_(seed), faults_(faults) {}

  Program run() {
    Program program;
    program.name = "near_accept";
    program.license = "GPL";
    packet_ = pick(2) == 0;
    program.type = packet_ ? ProgramType::kXdp : ProgramType::kSchedCls;
    body(Role::kEntry);
    for (const Role role : {Role::kCallee, Role::kCallback})
      if (called_[static_cast<std::size_t>(role)]) body(role);
    link();
    program.insns = std::move(insns_);
    for (const auto start : starts_)
      if (start) program.functions.push_back({.first = *start, .name = "f" + std::to_string(*start)});
    // Linux asks for the types of functions that are called back.
    if (const auto types = test::give_types(program.functions, "int")) program.btf = *types;
    const auto add_map = [&](MapType type, std::uint32_t entries) {
      program.maps.push_back(std::make_shared<MapSpec>(
          MapSpec{.name = "values", .type = type, .key_size = 4, .value_size = kValueSize, .max_entries = entries}));
    };
    add_map(MapType::kArray, kEntries);
    add_map(MapType::kHash, kEntries);
    add_map(MapType::kArray, 1);  // Linux gives the address of a value only where there is but one.
    return program;
  }

 private:
  // --- choices
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(std::uint64_t percent) { return pick(100) < percent; }
  bool fault() { return pick(1000) < faults_; }
  Width width() { return chance(50) ? Width::k64 : Width::k32; }
  Size size() { return kSizeTable[pick(4)].size; }
  static Reg reg(std::uint32_t index) { return Reg{static_cast<std::uint8_t>(index)}; }
  template <class Int>
  static Imm imm(Int value) {
    return Imm{static_cast<std::int32_t>(value)};
  }
  std::int32_t any_imm() {
    static constexpr std::array<std::int32_t, 14> kEdges = {
        0, 1, -1, 2, 7, 8, 63, 0xff, 0x7fff, 1 << 16, INT32_MAX, -INT32_MAX, INT32_MIN, -8};
    if (chance(40)) return kEdges[pick(kEdges.size())];
    if (chance(50)) return static_cast<std::int32_t>(pick(128)) - 32;
    return static_cast<std::int32_t>(random_() >> pick(64));
  }
  template <class Wanted>
  std::optional<std::uint32_t> find(Wanted wanted) {
    const std::uint64_t first = pick(10);
    for (std::uint32_t i = 0; i < 10; ++i) {
      const auto at = static_cast<std::uint32_t>((first + i) % 10);
      if (wanted(at)) return at;
    }
    return std::nullopt;
  }
  std::optional<std::uint32_t> number() {
    return find([&](std::uint32_t r) { return known_.regs[r].what == What::kNumber; });
  }
  [[nodiscard]] bool writable(std::uint32_t r) const {
    return (known_.frozen >> r & 1) == 0 && known_.regs[r].what != What::kContext;
  }
  /// A register to put something into; inside loops pointers go to scratch registers only.
  std::uint32_t target(bool pointer) {
    const auto free = find([&](std::uint32_t r) {
      if (!writable(r)) return false;
      const bool kept_pointer = r >= 6 && known_.regs[r].what != What::kNumber;
      return loops_ == 0 || r < 6 || (!pointer && !kept_pointer);
    });
    return free.value_or(5);
  }
  void set(std::uint32_t r, Held held) { known_.regs[r] = held; }

  // --- emission
  void emit(Insn insn) { insns_.push_back(insn); }
  void alu(AluOp op, Width w, std::uint32_t dst, Operand src) { emit(Alu{op, w, reg(dst), src}); }
  void mov(std::uint32_t dst, std::uint32_t src) { alu(AluOp::kMov, Width::k64, dst, reg(src)); }
  void mov_imm(std::uint32_t dst, std::int64_t value) { alu(AluOp::kMov, Width::k64, dst, imm(value)); }
  void branch(JmpOp op, Width w, std::uint32_t dst, Operand src, std::int32_t offset) {
    emit(Branch{op, w, reg(dst), src, static_cast<std::int16_t>(offset)});
  }
  void branch_to_end(JmpOp op, Width w, std::uint32_t dst, Operand src) {
    to_end_.push_back(insns_.size());
    branch(op, w, dst, src, 0);
  }
  void load(Size s, std::uint32_t dst, std::uint32_t base, std::int64_t offset, Extend extend = Extend::kZero) {
    emit(Load{s, s == Size::k64 ? Extend::kZero : extend, reg(dst), reg(base), static_cast<std::int16_t>(offset)});
  }
  void store(Size s, std::uint32_t base, std::int64_t offset, Operand src) {
    emit(Store{s, reg(base), static_cast<std::int16_t>(offset), src});
  }
  void load_imm64(Imm64Kind kind, std::uint32_t dst, std::int32_t low, std::int32_t high = 0) {
    emit(LoadImm64{kind, reg(dst), low, high});
    emit(Continuation{});
  }
  void call_helper(std::int32_t id) {
    emit(Call{CallKind::kHelper, id, 0});
    for (std::uint32_t r = 1; r <= 5; ++r) known_.regs[r] = {};
    known_.regs[0] = kAnyNumber;
  }
  /// Sets the forward branch at `at` to come here.
  void land(std::size_t at) { aim(at, insns_.size()); }
  void aim(std::size_t at, std::size_t target) {
    const auto distance =
        static_cast<std::int16_t>(static_cast<std::int64_t>(target) - static_cast<std::int64_t>(at) - 1);
    if (auto* insn = std::get_if<Branch>(&insns_[at])) insn->offset = distance;
    if (auto* jump = std::get_if<Jump>(&insns_[at])) jump->offset = distance;
  }
  void link() {
    for (std::size_t at = 0; at < insns_.size(); ++at) {
      const auto to = [&](std::int32_t function) {
        return static_cast<std::int32_t>(starts_[static_cast<std::size_t>(function)].value_or(0)) -
               static_cast<std::int32_t>(at) - 1;
      };
      if (auto* call = std::get_if<Call>(&insns_[at]); call != nullptr && call->kind == CallKind::kLocal)
        call->imm = to(call->imm);
      if (auto* insn = std::get_if<LoadImm64>(&insns_[at]); insn != nullptr && insn->kind == Imm64Kind::kFunction)
        insn->low = to(insn->low);
    }
  }

  // --- functions
  void body(Role role) {
    role_ = role;
    starts_[static_cast<std::size_t>(role)] = static_cast<InsnIndex>(insns_.size());
    known_ = {};
    to_end_.clear();
    if (role == Role::kEntry) {
      mov(6, 1);
      set(6, {.what = What::kContext});
    } else {
      mov(6, role == Role::kCallback ? 2 : 1);  // Memory of the caller's.
      set(6, {.what = What::kMemory, .size = kBlock, .stack = true});
      mov(7, role == Role::kCallback ? 1 : 2);
      set(7, kAnyNumber);
    }
    for (std::int64_t at = -static_cast<std::int64_t>(kBlock); at < 0; at += 8)
      store(Size::k64, 10, at, imm(any_imm()));
    for (const std::uint32_t r : {8u, 9u}) fresh_number(r);
    if (role == Role::kEntry) fresh_number(7);
    const std::uint64_t items = role == Role::kEntry ? 4 + pick(12) : 2 + pick(4);
    block(items, 2);
    // A callback may go on or stop; other functions return what they like.
    const auto result = role == Role::kCallback ? std::nullopt : number();
    if (result) {
      if (*result != 0) mov(0, *result);
    } else {
      mov_imm(0, static_cast<std::int64_t>(pick(2)));
    }
    emit(Exit{});
    if (to_end_.empty()) return;
    for (const std::size_t at : to_end_) land(at);
    mov_imm(0, static_cast<std::int64_t>(pick(2)));
    emit(Exit{});
  }

  void block(std::uint64_t items, std::uint32_t depth) {
    for (std::uint64_t i = 0; i < items && insns_.size() < 700; ++i) item(depth);
  }

  void item(std::uint32_t depth) {
    const std::uint64_t kind = pick(100);
    if (kind < 22) return arithmetic();
    if (kind < 28) return fresh_number(target(false));
    if (kind < 40) return packet_or_map();
    if (kind < 58) return access();
    if (kind < 66) return stack_at_index();
    if (kind < 74) return spill_or_fill();
    if (kind < 78) return linked_numbers();
    if (kind < 82) return helper_with_size();
    if (depth == 0) return arithmetic();
    if (kind < 92) return diamond(depth);
    if (kind < 96) return loop(depth);
    return call();
  }

  // --- numbers
  void fresh_number(std::uint32_t dst) {
    switch (pick(5)) {
      case 0:
        mov_imm(dst, any_imm());
        break;
      case 1: {
        const std::uint64_t word = chance(50) ? random_() >> pick(64) : ~(random_() >> pick(64));
        load_imm64(Imm64Kind::kConstant, dst, static_cast<std::int32_t>(word), static_cast<std::int32_t>(word >> 32));
        break;
      }
      case 2:
        if (dst >= 6) {
          call_helper(kRandom);
          mov(dst, 0);
          break;
        }
        [[fallthrough]];
      case 3:
        if (role_ == Role::kEntry) {
          load(Size::k32, dst, 6,
               packet_ ? 12 + 4 * static_cast<std::int64_t>(pick(2)) : 4 * static_cast<std::int64_t>(pick(4)));
          break;
        }
        [[fallthrough]];
      default: {
        const Size s = size();
        const std::uint64_t at = pick(kBlock / bytes(s)) * bytes(s);
        load(s, dst, 10, static_cast<std::int64_t>(at) - static_cast<std::int64_t>(kBlock),
             chance(30) ? Extend::kSign : Extend::kZero);
      }
    }
    set(dst, kAnyNumber);
  }

  void arithmetic() {
    const auto dst = find([&](std::uint32_t r) { return known_.regs[r].what == What::kNumber && writable(r); });
    if (!dst) return fresh_number(target(false));
    set(*dst, kAnyNumber);
    if (chance(8)) {
      static constexpr std::array<std::uint8_t, 3> kBits = {16, 32, 64};
      emit(ByteSwap{static_cast<ByteOrder>(pick(3)), kBits[pick(3)], reg(*dst)});
      return;
    }
    const AluInfo& row = kAluTable[pick(kAluTable.size())];
    const Width w = row.widths == 3 ? width() : Width::k64;
    if (row.forms == Forms::Unary) return alu(row.op, w, *dst, Imm{0});
    const auto src = number();
    if (row.forms != Forms::Both || chance(50)) return alu(row.op, w, *dst, reg(src.value_or(*dst)));
    std::int32_t value = any_imm();
    const bool shift = row.op == AluOp::kLsh || row.op == AluOp::kRsh || row.op == AluOp::kArsh;
    const bool divides = row.code == info(AluOp::kDiv).code || row.code == info(AluOp::kMod).code;
    if (shift) value = static_cast<std::int32_t>(pick(bits(w)));
    if (divides && value == 0) value = 3;
    alu(row.op, w, *dst, Imm{value});
  }

  /// Makes a number in a scratch register that is at most `largest`, in one of the ways that compilers and people use.
  void index(std::uint64_t largest, std::uint32_t r) {
    const auto source = number();
    if (source && known_.regs[*source].largest <= largest && chance(70)) {
      return mov(r, *source);
    }
    if (source)
      mov(r, *source);
    else
      fresh_number(r);
    const std::uint64_t bound = fault() ? largest + 1 + pick(8) : largest;
    const auto mask = std::bit_floor(bound + 1) - 1;
    switch (pick(8)) {
      case 0:
        alu(AluOp::kAnd, width(), r, imm(mask));
        break;
      case 1:
        alu(AluOp::kMod, width(), r, imm(bound + 1));  // Of which Linux knows nothing.
        branch_to_end(JmpOp::kGt, Width::k64, r, imm(bound));
        break;
      case 2:
        branch_to_end(JmpOp::kGt, Width::k64, r, imm(bound));
        break;
      case 3:  // The check is of the low half: so must be what is used.
        if (!fault()) alu(AluOp::kMov, Width::k32, r, reg(r));
        branch_to_end(JmpOp::kGe, Width::k32, r, imm(bound + 1));
        break;
      case 4:
        branch_to_end(JmpOp::kSGt, Width::k64, r, imm(bound));
        if (!fault()) branch_to_end(JmpOp::kSLt, Width::k64, r, Imm{0});
        break;
      case 5: {
        const auto w = width();
        if (mask != 0) alu(AluOp::kRsh, w, r, imm(bits(w) - static_cast<std::uint32_t>(std::bit_width(mask))));
        if (mask == 0) alu(AluOp::kAnd, Width::k64, r, Imm{0});
        break;
      }
      case 6: {  // Through a copy, at a distance.
        const std::uint32_t other = r == 5 ? 4 : r + 1;
        const auto distance = static_cast<std::int64_t>(pick(16));
        alu(AluOp::kMov, Width::k32, r, reg(r));
        mov(other, r);
        set(other, {});
        alu(AluOp::kAdd, Width::k64, other, imm(distance));
        branch_to_end(JmpOp::kGt, Width::k64, other, imm(bound + static_cast<std::uint64_t>(distance)));
        break;
      }
      default:  // Of two branches one survives.
        branch(JmpOp::kLe, width(), r, imm(bound), 1);
        mov_imm(r, static_cast<std::int64_t>(pick(bound + 1)));
        alu(AluOp::kAnd, Width::k32, r, imm(std::max<std::uint64_t>(std::bit_ceil(bound + 1) - 1, 1)));
        branch_to_end(JmpOp::kGt, Width::k32, r, imm(bound));
    }
    set(r, {.what = What::kNumber, .largest = bound});
  }

  /// The same, of multiples of the size.
  void aligned_index(std::uint64_t largest, std::uint32_t r, Size s) {
    index(largest / bytes(s), r);
    const auto shift = std::countr_zero(bytes(s));
    if (shift != 0 && !fault()) alu(AluOp::kLsh, Width::k64, r, imm(shift));
    set(r, {.what = What::kNumber, .largest = largest});
  }

  // --- memory
  void packet_or_map() {
    if (role_ == Role::kEntry && chance(55)) return packet();
    lookup();
  }

  void packet() {
    const std::uint32_t start = target(true), end = start == 4 ? 3 : 4, checked = start == 5 ? 3 : 5;
    const auto wanted = static_cast<std::int64_t>(1 + pick(40));
    load(Size::k32, start, 6, packet_ ? 0 : 76);
    load(Size::k32, end, 6, packet_ ? 4 : 80);
    set(end, {});
    set(checked, {});
    std::uint64_t limit = 0;
    if (chance(35)) {  // Behind a header of variable length.
      set(start, {});
      limit = pick(3) == 0 ? 255 : 60;
      const std::uint32_t length = start == 2 ? 1 : 2;
      set(length, {});
      index(limit, length);
      set(length, {});
      if (length == 2 && start == 3) set(3, {});
      alu(AluOp::kAdd, Width::k64, start, reg(length));
      load(Size::k32, end, 6, packet_ ? 4 : 80);
    }
    mov(checked, start);
    alu(AluOp::kAdd, Width::k64, checked, imm(wanted));
    switch (pick(4)) {
      case 0:
        branch_to_end(JmpOp::kGt, Width::k64, checked, reg(end));
        break;
      case 1:
        branch_to_end(JmpOp::kLt, Width::k64, end, reg(checked));
        break;
      case 2:
        branch(JmpOp::kLe, Width::k64, checked, reg(end), 1);
        to_end_.push_back(insns_.size());
        emit(Jump{JumpForm::kShort, 0});
        break;
      default:
        branch_to_end(JmpOp::kGe, Width::k64, checked, reg(end));  // One more is known than needed.
    }
    set(start, {.what = What::kPacket, .size = static_cast<std::uint32_t>(fault() ? wanted + 1 : wanted)});
  }

  void lookup() {
    const auto key = -4 * static_cast<std::int64_t>(1 + pick(16));
    if (chance(25)) {
      const std::uint32_t dst = target(true);
      const auto offset = static_cast<std::int32_t>(pick(16));
      load_imm64(Imm64Kind::kMapValueIndex, dst, 2, offset);
      set(dst, {.what = What::kMemory, .size = kValueSize - static_cast<std::uint32_t>(offset) + (fault() ? 1 : 0)});
      return;
    }
    if (chance(60)) {
      index(kEntries, 2);
      store(Size::k32, 10, key, reg(2));
    }
    const auto map = static_cast<std::int32_t>(pick(2));
    load_imm64(Imm64Kind::kMapIndex, 1, map);
    mov(2, 10);
    alu(AluOp::kAdd, Width::k64, 2, imm(key));
    if (chance(15)) {
      mov(3, 10);
      alu(AluOp::kAdd, Width::k64, 3, imm(-static_cast<std::int64_t>(kBlock)));
      mov_imm(4, 0);
      return call_helper(kUpdate);
    }
    call_helper(kLookup);
    const std::uint32_t dst = target(true);
    const bool test_first = chance(60);
    const bool tested = !fault();
    if (test_first && tested) branch_to_end(JmpOp::kEq, Width::k64, 0, Imm{0});
    if (dst != 0) mov(dst, 0);
    set(0, {});
    if (!test_first && tested) branch_to_end(JmpOp::kEq, Width::k64, chance(50) ? 0 : dst, Imm{0});
    set(dst, {.what = What::kMemory, .size = kValueSize + (fault() ? 1 : 0)});
  }

  void access() {
    const auto base = find(
        [&](std::uint32_t r) { return known_.regs[r].what == What::kMemory || known_.regs[r].what == What::kPacket; });
    if (!base) return packet_or_map();
    const Held held = known_.regs[*base];
    const Size s = size();
    if (held.size < bytes(s)) return arithmetic();
    const std::uint64_t room = held.size - bytes(s);
    if (chance(40)) {
      // Base and index; the sum lives in a scratch register.
      const std::uint32_t at = *base == 3 ? 2 : 3, sum = *base == 1 ? 4 : 1;
      set(at, {});
      if (held.stack)
        aligned_index(room, at, s);
      else
        index(room, at);
      if (known_.regs[*base] != held) return;  // The index needed its register.
      mov(sum, *base);
      alu(AluOp::kAdd, Width::k64, sum, reg(at));
      touch(sum, 0, s, held.what);
      set(sum, {});
      return;
    }
    const std::uint64_t offset = held.stack ? pick(room / bytes(s) + 1) * bytes(s) : pick(room + 1);
    touch(*base, static_cast<std::int64_t>(offset) + (fault() ? 8 : 0), s, held.what);
  }

  void touch(std::uint32_t base, std::int64_t offset, Size s, What what) {
    const std::uint64_t kind = pick(10);
    if (kind < 5 || what == What::kContext) {
      const std::uint32_t dst = target(false);
      load(s, dst, base, offset, chance(25) ? Extend::kSign : Extend::kZero);
      return set(dst, {.what = What::kNumber, .largest = kUnbounded});
    }
    const auto src = number();
    if (kind < 9 || s == Size::k8 || s == Size::k16 || !src || what == What::kPacket) {
      if (src && chance(60)) return store(s, base, offset, reg(*src));
      return store(s, base, offset, imm(any_imm()));
    }
    if (!writable(*src)) return store(s, base, offset, imm(any_imm()));
    static constexpr std::array<AtomicOp, 6> kOps = {AtomicOp::kAdd,      AtomicOp::kFetchAdd, AtomicOp::kOr,
                                                     AtomicOp::kFetchXor, AtomicOp::kXchg,     AtomicOp::kFetchAnd};
    const AtomicOp op = kOps[pick(kOps.size())];
    const auto aligned = offset / 8 * 8;
    emit(Atomic{op, s, reg(base), static_cast<std::int16_t>(aligned), reg(*src)});
    set(*src, kAnyNumber);
  }

  void stack_at_index() {
    const Size s = size();
    const std::uint32_t at = 3, sum = 1;
    aligned_index(kBlock - bytes(s), at, s);
    mov(sum, 10);
    alu(AluOp::kAdd, Width::k64, sum, reg(at));
    const std::int64_t base = -static_cast<std::int64_t>(kBlock);
    if (chance(50)) alu(AluOp::kAdd, Width::k64, sum, imm(base));
    const bool added = std::get<Alu>(insns_.back()).src == Operand{imm(base)};
    const std::int64_t offset = added ? 0 : base;
    if (chance(50)) {
      const std::uint32_t dst = target(false);
      load(s, dst, sum, offset, chance(25) ? Extend::kSign : Extend::kZero);
      set(dst, kAnyNumber);
      if (dst != sum) set(sum, {});
      return;
    }
    const auto src = number();
    if (src && chance(70))
      store(s, sum, offset, reg(*src));
    else
      store(s, sum, offset, imm(chance(50) ? 0 : any_imm()));
    set(sum, {});
  }

  void spill_or_fill() {
    const std::uint64_t slot = pick(kSpillSlots);
    const auto at = -static_cast<std::int64_t>(kBlock + 8 * (slot + 1));
    Held& there = known_.slots[slot];
    if (there.what != What::kNothing && chance(60)) {
      const bool pointer = there.what != What::kNumber;
      const std::uint32_t dst = target(pointer);
      if (pointer || chance(60)) {
        load(Size::k64, dst, 10, at);
        return set(dst, there);
      }
      const Size s = size();  // A part of a spilled number.
      load(s, dst, 10, at + static_cast<std::int64_t>(pick(8 / bytes(s)) * bytes(s)),
           chance(25) ? Extend::kSign : Extend::kZero);
      return set(dst, kAnyNumber);
    }
    const auto what = find([&](std::uint32_t r) { return known_.regs[r].what != What::kNothing; });
    if (!what) return;
    const Held held = known_.regs[*what];
    if (held.what == What::kNumber && chance(25)) {  // A half, above something.
      store(Size::k64, 10, at, imm(any_imm()));
      store(Size::k32, 10, at + (chance(50) ? 4 : 0), reg(*what));
      there = kAnyNumber;
      return;
    }
    store(Size::k64, 10, at, reg(*what));
    there = held;
  }

  /// A copy is compared; the original is used.
  void linked_numbers() {
    const auto source = number();
    const std::uint32_t copy = target(false), original = copy == 4 ? 3 : 4;
    if (source)
      mov(original, *source);
    else
      fresh_number(original);
    set(original, {});
    if (chance(70)) alu(AluOp::kMov, Width::k32, original, reg(original));
    mov(copy, original);
    const auto distance = chance(50) ? 0 : static_cast<std::int64_t>(pick(32)) - 8;
    if (distance != 0) alu(AluOp::kAdd, width(), copy, imm(distance));
    static constexpr std::array<JmpOp, 6> kOps = {JmpOp::kGt, JmpOp::kGe,  JmpOp::kSGt,
                                                  JmpOp::kNe, JmpOp::kSet, JmpOp::kSGe};
    branch_to_end(kOps[pick(kOps.size())], width(), copy, imm(any_imm()));
    set(copy, kAnyNumber);
    set(original, kAnyNumber);
    if (chance(50)) set(original, {.what = What::kNumber, .largest = fault() ? 8 : kUnbounded});
  }

  // --- calls
  void helper_with_size() {
    if (role_ == Role::kEntry && !packet_ && chance(50)) {
      index(32, 4);
      if (!fault()) branch_to_end(JmpOp::kEq, Width::k64, 4, Imm{0});
      mov(1, 6);
      const auto from = number();
      if (from && *from > 5)
        mov(2, *from);
      else
        mov_imm(2, any_imm());
      mov(3, 10);
      alu(AluOp::kAdd, Width::k64, 3, imm(-static_cast<std::int64_t>(kBlock) + static_cast<std::int64_t>(pick(33))));
      return call_helper(kLoadBytes);
    }
    if (role_ == Role::kEntry && packet_ && loops_ == 0 && chance(15)) {
      mov(1, 6);
      mov_imm(2, static_cast<std::int64_t>(pick(32)) - 16);
      call_helper(kAdjustHead);
      const auto forget = [](Held& held) {
        if (held.what == What::kPacket) held = {};
      };
      for (Held& held : known_.regs) forget(held);
      for (Held& held : known_.slots) forget(held);
      return;
    }
    if (role_ != Role::kEntry) return call_helper(kRandom);
    index(60, 4);
    alu(AluOp::kAnd, Width::k64, 4, imm(~3));
    mov_imm(1, 0);
    mov_imm(2, 0);
    mov(3, 10);
    alu(AluOp::kAdd, Width::k64, 3, imm(-static_cast<std::int64_t>(kBlock)));
    mov_imm(5, 0);
    call_helper(kChecksum);
  }

  void call() {
    if (role_ != Role::kEntry) return arithmetic();
    const bool back = chance(50);
    called_[static_cast<std::size_t>(back ? Role::kCallback : Role::kCallee)] = true;
    if (back) {
      if (chance(50)) {
        mov_imm(1, static_cast<std::int64_t>(pick(6)));
      } else {
        index(8, 1);
      }
      load_imm64(Imm64Kind::kFunction, 2, static_cast<std::int32_t>(Role::kCallback));
      mov(3, 10);
      alu(AluOp::kAdd, Width::k64, 3, imm(-static_cast<std::int64_t>(kBlock)));
      mov_imm(4, 0);
      return call_helper(kLoop);
    }
    const auto given = number();
    if (given)
      mov(2, *given);
    else
      mov_imm(2, any_imm());
    mov(1, 10);
    alu(AluOp::kAdd, Width::k64, 1, imm(-static_cast<std::int64_t>(kBlock)));
    emit(Call{CallKind::kLocal, static_cast<std::int32_t>(Role::kCallee), 0});
    for (std::uint32_t r = 1; r <= 5; ++r) known_.regs[r] = {};
    known_.regs[0] = kAnyNumber;
  }

  // --- control flow
  void diamond(std::uint32_t depth) {
    const auto left = number();
    if (!left) return arithmetic();
    const JmpOp op = kJmpTable[pick(kJmpTable.size())].op;
    const auto right = number();
    const std::size_t at = insns_.size();
    if (right && chance(40))
      branch(op, width(), *left, reg(*right), 0);
    else
      branch(op, width(), *left, imm(any_imm()), 0);
    const Known before = known_;
    block(1 + pick(3), depth - 1);
    if (chance(50)) {
      const std::size_t over = insns_.size();
      emit(Jump{JumpForm::kShort, 0});
      land(at);
      const Known after = std::exchange(known_, before);
      block(1 + pick(3), depth - 1);
      land(over);
      known_.meet(after);
    } else {
      land(at);
      known_.meet(before);
    }
  }

  void loop(std::uint32_t depth) {
    const auto counter = find([&](std::uint32_t r) { return r >= 7 && writable(r); });
    if (!counter) return arithmetic();
    const bool up = chance(50);
    const auto rounds = static_cast<std::int64_t>(1 + pick(6));
    mov_imm(*counter, up ? 0 : rounds);
    set(*counter, {.what = What::kNumber, .largest = static_cast<std::uint64_t>(rounds)});
    const Known before = known_;
    known_.forget_for_loop();
    set(*counter, {.what = What::kNumber, .largest = static_cast<std::uint64_t>(rounds)});
    known_.frozen |= 1u << *counter;
    ++loops_;
    const std::size_t head = insns_.size();
    block(1 + pick(3), depth - 1);
    --loops_;
    alu(AluOp::kAdd, width(), *counter, up ? Imm{1} : Imm{-1});
    const std::size_t back = insns_.size();
    static constexpr std::array<JmpOp, 3> kUp = {JmpOp::kLt, JmpOp::kNe, JmpOp::kSLt};
    const auto w = width();
    if (up)
      branch(kUp[pick(kUp.size())], w, *counter, imm(rounds), 0);
    else
      branch(JmpOp::kNe, w, *counter, Imm{0}, 0);
    aim(back, head);
    known_.frozen = before.frozen;
    set(*counter, kAnyNumber);
  }

  std::mt19937_64 random_;
  std::uint32_t faults_ = 0;
  bool packet_ = false;  // XDP; else sched_cls.
  Role role_{};
  Known known_;
  std::uint32_t loops_ = 0;
  Insns insns_;
  std::array<bool, 3> called_{};  // By role, as starts_.
  std::array<std::optional<InsnIndex>, 3> starts_{};
  std::vector<std::size_t> to_end_;
};

}  // namespace

Program near_accept(std::uint64_t seed, std::uint32_t faults) { return Generator(seed, faults).run(); }

}  // namespace skep::soundness
