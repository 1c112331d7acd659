// SPDX-License-Identifier: Apache-2.0
// Counted bits: eBPF has no such instruction, so that compilers add up pairs, nibbles and bytes of bits. That, where it
// counts what a smeared and inverted word leaves (leading zeros) or what lies below the lowest bit (trailing zeros),
// becomes one op. All three are exact for 0 as well.
#include <algorithm>
#include <optional>
#include <vector>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

/// `byte` in each byte of 64 bits.
constexpr std::uint64_t repeated(std::uint64_t byte) { return byte * 0x0101010101010101; }

/// An expression that was recognised: what it counts in what, and the ops that it is made of.
struct Count {
  BitCount what = BitCount::kOnes;
  Width width{};
  Value in;
  std::vector<Label> ops;
};
/// Two operands of an op.
struct Pair {
  Value a, b;
};

class Bits {
 public:
  explicit Bits(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    for (Label at = 0; at < graph_.size(); ++at) {
      const Alu* alu = graph_.get<Alu>(at);
      if (alu == nullptr || alu->op != AluOp::kRsh) continue;
      const Imm* by = std::get_if<Imm>(&alu->src);
      if (by == nullptr || (by->value != 56 && by->value != 24)) continue;
      computed_ = alu->width;
      const Width counted = by->value == 56 ? Width::k64 : Width::k32;
      if (counted == Width::k32 || computed_ == Width::k64) visit(at, counted);
    }
  }

 private:
  void visit(Label root, Width counted) {
    ops_.clear();
    const auto ones = ones_of(root, counted);
    if (!ones) return;
    const std::vector<Label> ops = ops_;
    // Zeros are computed in the width in which they are counted.
    if (counted == computed_) {
      if (const auto in = smeared(*ones); in && put({BitCount::kLeadingZeros, counted, *in, ops_}, root)) return;
      ops_ = ops;
      if (const auto in = below_lowest(*ones); in && put({BitCount::kTrailingZeros, counted, *in, ops_}, root)) return;
    }
    put({BitCount::kOnes, counted, *ones, ops}, root);
  }

  // What shapes are made of. Each notes the ops that it sees through.

  /// Through copies.
  Value source(Value value) {
    for (;;) {
      const auto at = back_.def(value);
      const Alu* copy = at ? graph_.get<Alu>(*at) : nullptr;
      if (copy == nullptr || copy->op != AluOp::kMov || copy->width < computed_) return value;
      const Reg* from = std::get_if<Reg>(&copy->src);
      if (from == nullptr) return value;
      ops_.push_back(*at);
      value = {*from, *at};
    }
  }
  /// The Alu op that computed the value.
  const Alu* computed_by(Value value, AluOp op, Label& at) {
    const auto def = back_.def(source(value));
    const Alu* alu = def ? graph_.get<Alu>(*def) : nullptr;
    if (alu == nullptr || alu->op != op || alu->width != computed_) return nullptr;
    ops_.push_back(*def);
    at = *def;
    return alu;
  }
  [[nodiscard]] bool is_constant(const Operand& operand, Label at, std::uint64_t value) const {
    const auto constant = constant_of(operand, at);
    const std::uint64_t mask = computed_ == Width::k64 ? ~std::uint64_t{0} : 0xffffffff;
    return constant && ((*constant ^ value) & mask) == 0;
  }
  [[nodiscard]] std::optional<std::uint64_t> constant_of(const Operand& operand, Label at) const {
    const Imm* imm = std::get_if<Imm>(&operand);
    if (imm == nullptr) {
      if (operand == std::get<Alu>(graph_.op(at)).src)
        if (const auto constant = graph_.wide_constant(at)) return constant;
      const Alu* mov = back_.def_as<Alu>({std::get<Reg>(operand), at});
      if (mov == nullptr || mov->op != AluOp::kMov || mov->width < computed_) return std::nullopt;
      imm = std::get_if<Imm>(&mov->src);
      if (imm == nullptr) return std::nullopt;
    }
    return static_cast<std::uint64_t>(imm->value);
  }
  /// x where the value is `x op constant`.
  std::optional<Value> applied(Value value, AluOp op, std::uint64_t constant) {
    Label at = 0;
    const Alu* alu = computed_by(value, op, at);
    if (alu == nullptr) return std::nullopt;
    if (is_constant(alu->src, at, constant)) return Value{alu->dst, at};
    const Reg* src = std::get_if<Reg>(&alu->src);
    if (op == AluOp::kRsh || src == nullptr || !is_constant(alu->dst, at, constant)) return std::nullopt;
    return Value{*src, at};
  }
  std::optional<Pair> operands(Value value, AluOp op) {
    Label at = 0;
    const Alu* alu = computed_by(value, op, at);
    const Reg* src = alu != nullptr ? std::get_if<Reg>(&alu->src) : nullptr;
    if (src == nullptr) return std::nullopt;
    return Pair{{alu->dst, at}, {*src, at}};
  }
  bool same(Value a, Value b) { return back_.same(source(a), source(b)); }
  /// `shape(a, b)`, or else `shape(b, a)`.
  template <class Shape>
  std::optional<Value> either(const std::optional<Pair>& pair, Shape shape) {
    if (!pair) return std::nullopt;
    const std::size_t noted = ops_.size();
    if (const auto found = shape(pair->a, pair->b)) return found;
    ops_.resize(noted);
    return shape(pair->b, pair->a);
  }

  // The shapes.

  /// x where the value is x op (x >> shift).
  std::optional<Value> with_itself_shifted(Value value, AluOp op, std::uint64_t shift) {
    return either(operands(value, op), [&](Value a, Value b) -> std::optional<Value> {
      const auto shifted = applied(b, AluOp::kRsh, shift);
      return shifted && same(*shifted, a) ? std::optional(a) : std::nullopt;
    });
  }
  /// x where the op at `root` leaves the number of ones of x.
  std::optional<Value> ones_of(Label root, Width counted) {
    const std::uint64_t mask = counted == Width::k64 ? ~std::uint64_t{0} : 0xffffffff;
    std::optional<Value> value = Value{graph_.get<Alu>(root)->dst, root};
    // In a wider register the product has more bytes, which are sums as well.
    if (counted != computed_) value = applied(*value, AluOp::kAnd, 0xff000000);
    if (value) value = applied(*value, AluOp::kMul, repeated(0x01) & mask);
    if (value) value = applied(*value, AluOp::kAnd, repeated(0x0f) & mask);
    if (value) value = with_itself_shifted(*value, AluOp::kAdd, 4);
    if (!value) return std::nullopt;
    value = either(operands(*value, AluOp::kAdd), [&](Value a, Value b) -> std::optional<Value> {
      const auto low = applied(a, AluOp::kAnd, repeated(0x33) & mask);
      const auto high = low ? applied(b, AluOp::kAnd, repeated(0x33) & mask) : std::nullopt;
      const auto shifted = high ? applied(*high, AluOp::kRsh, 2) : std::nullopt;
      return shifted && same(*shifted, *low) ? low : std::nullopt;
    });
    const auto pair = value ? operands(*value, AluOp::kSub) : std::nullopt;
    const auto odd = pair ? applied(pair->b, AluOp::kAnd, repeated(0x55) & mask) : std::nullopt;
    const auto shifted = odd ? applied(*odd, AluOp::kRsh, 1) : std::nullopt;
    return shifted && same(*shifted, pair->a) ? std::optional(pair->a) : std::nullopt;
  }
  /// x where the value has ones where zeros lead x.
  std::optional<Value> smeared(Value value) {
    auto x = applied(value, AluOp::kXor, ~std::uint64_t{0});
    for (std::uint64_t shift = isa::bits(computed_) / 2; x && shift > 0; shift /= 2)
      x = with_itself_shifted(*x, AluOp::kOr, shift);
    return x;
  }
  /// x where the value is ~x & (x - 1): ones where zeros trail x.
  std::optional<Value> below_lowest(Value value) {
    return either(operands(value, AluOp::kAnd), [&](Value a, Value b) -> std::optional<Value> {
      const auto inverted = applied(a, AluOp::kXor, ~std::uint64_t{0});
      const auto less = inverted ? applied(b, AluOp::kAdd, ~std::uint64_t{0}) : std::nullopt;
      return less && same(*less, *inverted) ? inverted : std::nullopt;
    });
  }

  // The replacement.

  bool put(const Count& count, Label root) {
    const Reg dst = graph_.get<Alu>(root)->dst;
    if (back_.holds(count.in, root)) {
      graph_.replace(root, counting(count, dst));
      return true;
    }
    const auto at = last_place(count);
    if (!at) return false;
    for (const Reg through : {dst, count.in.reg}) {
      if (!carries(count, *at, root, through)) continue;
      for (const Label op : count.ops)
        if (op > *at) graph_.replace(op, Nop{});
      graph_.replace(*at, counting(count, through));
      const Alu copy{.op = AluOp::kMov, .width = Width::k64, .divisor = {}, .dst = dst, .src = through};
      graph_.replace(root, through == dst ? Op(Nop{}) : Op(copy));
      return true;
    }
    return false;
  }
  static Op counting(const Count& count, Reg dst) {
    return CountBits{.what = count.what, .width = count.width, .dst = dst, .src = count.in.reg};
  }
  /// The last op of the expression at which the counted register still holds what is counted.
  [[nodiscard]] std::optional<Label> last_place(const Count& count) const {
    std::optional<Label> last;
    for (const Label at : count.ops)
      if (at >= count.in.at && back_.holds(count.in, at) && (!last || at > *last)) last = at;
    return last;
  }
  /// Whether the result may wait in `through` from `from` to `root`, and nobody else reads what the expression computed
  /// in between.
  [[nodiscard]] bool carries(const Count& count, Label from, Label root, Reg through) {
    RegSet computed = 0;
    for (Label at = from; at < root; ++at) {
      const Effects effects = graph_.effects(at);
      if (std::ranges::find(count.ops, at) != count.ops.end()) {
        computed |= effects.writes;
        continue;
      }
      if (((effects.reads & computed) | ((effects.reads | effects.writes) & set_of(through))) != 0) return false;
      if (graph_.branches(at)) return false;
      computed = static_cast<RegSet>(computed & ~effects.writes);
    }
    computed = static_cast<RegSet>((computed | set_of(through)) & ~set_of(graph_.get<Alu>(root)->dst));
    return (computed & graph_.live_after(root)) == 0;
  }

  Graph& graph_;
  Lookback back_;
  Width computed_{};
  std::vector<Label> ops_;  // Of the expression that is being matched.
};

}  // namespace

void bits(Graph& graph) { Bits(graph).run(); }

}  // namespace skep::lower::passes
