// SPDX-License-Identifier: Apache-2.0
// Words that are loaded or stored in parts, because the compiler could not know that they are aligned, or because the
// program says so to be independent of the byte order: the parts become one access, which swaps where they are in the
// other order. A byte swap of what was loaded, or is stored, becomes part of the access as well.
#include <algorithm>
#include <optional>
#include <vector>

#include "lower/optimize/alias.h"
#include "lower/optimize/bytes.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Size;

/// From the address of the lowest byte upwards, or downwards.
enum class Order : std::uint8_t { kUp, kDown };

class Loads {
 public:
  explicit Loads(Graph& graph)
      : graph_(graph), back_(graph), alias_(graph), bytes_(graph, ByteOrigins::Wanted::kLoads) {}

  void run() {
    for (Label at = 0; at < graph_.size(); ++at) {
      if (graph_.is_target(at)) words_ = shifted_ = 0;
      if (const auto dst = root(at)) visit(at, *dst);
      note(at);
    }
  }

 private:
  /// The parts of a word, which all lie at a distance from one value.
  struct Word {
    Order order{};
    Range range;
    Label first = 0, last = 0;  // The loads.
    bool single = true;
  };

  // What registers may hold is kept track of, so that few ops have to be looked at more closely.

  /// The register that the op leaves a word in, if it may have put one together.
  [[nodiscard]] std::optional<Reg> root(Label at) const {
    if (words_ == 0) return std::nullopt;
    if (const ByteSwap* swap = graph_.get<ByteSwap>(at); swap != nullptr && contains(words_, swap->dst))
      return swap->dst;
    const Alu* alu = graph_.get<Alu>(at);
    // A word that is not complete has no lowest byte yet.
    const bool complete = alu != nullptr && combines(*alu) && !both_shifted(*alu);
    return complete ? std::optional(alu->dst) : std::nullopt;
  }
  /// Of two parts that share no byte, one has been shifted.
  [[nodiscard]] bool combines(const Alu& alu) const {
    if (alu.op != AluOp::kOr && alu.op != AluOp::kXor && alu.op != AluOp::kAdd) return false;
    const Reg* src = std::get_if<Reg>(&alu.src);
    if (src == nullptr || *src == alu.dst || !contains(words_, *src) || !contains(words_, alu.dst)) return false;
    return contains(shifted_, *src) || contains(shifted_, alu.dst);
  }
  [[nodiscard]] bool both_shifted(const Alu& alu) const {
    return contains(shifted_, alu.dst) && contains(shifted_, std::get<Reg>(alu.src));
  }
  void note(Label at) {
    if (const Load* load = graph_.get<Load>(at)) {
      set(load->dst, load->extend == isa::Extend::kZero && load->ordering == Ordering::kRelaxed, false);
    } else if (const Alu* alu = graph_.get<Alu>(at)) {
      note(*alu);
    } else if (const ByteSwap* swap = graph_.get<ByteSwap>(at)) {
      set(swap->dst, contains(words_, swap->dst), true);
    } else {
      words_ = static_cast<RegSet>(words_ & ~graph_.effects(at).writes);
    }
  }
  void note(const Alu& alu) {
    const Imm* imm = std::get_if<Imm>(&alu.src);
    const bool word = contains(words_, alu.dst);
    if (alu.op == AluOp::kMov && imm == nullptr) {
      const Reg from = std::get<Reg>(alu.src);
      set(alu.dst, contains(words_, from), contains(shifted_, from));
    } else if (alu.op == AluOp::kLsh && imm != nullptr) {
      set(alu.dst, word && imm->value % 8 == 0, true);
    } else if (combines(alu)) {
      set(alu.dst, true, both_shifted(alu));
    } else if (alu.op != AluOp::kAnd || imm == nullptr) {
      set(alu.dst, false, false);
    }
  }
  void set(Reg reg, bool word, bool shifted) {
    const RegSet bit = set_of(reg);
    words_ = static_cast<RegSet>(word ? words_ | bit : words_ & ~bit);
    shifted_ = static_cast<RegSet>(shifted ? shifted_ | bit : shifted_ & ~bit);
  }

  void visit(Label root, Reg dst) {
    const auto bytes = bytes_.result(root, dst);
    const auto word = bytes ? word_of(*bytes) : std::nullopt;
    if (!word) return;
    if (word->single) {
      swap_where_loaded(root, dst, *word);
    } else if (part_dies(root) && untouched(*word, root)) {
      load_whole(root, dst, *word);
    }
  }

  [[nodiscard]] std::optional<Word> word_of(const Bytes& bytes) const {
    const auto zero = [](const Byte& byte) { return byte.zero(); };
    const auto end = std::find_if(bytes.begin(), bytes.end(), zero);
    const auto count = static_cast<std::uint32_t>(end - bytes.begin());
    if ((count != 2 && count != 4 && count != 8) || !std::all_of(end, bytes.end(), zero)) return std::nullopt;
    const auto first = place(bytes[0]), second = place(bytes[1]);
    if (!first || !second) return std::nullopt;
    Word word{.order = second->offset > first->offset ? Order::kUp : Order::kDown, .range = *first};
    word.first = word.last = bytes[0].of.at - 1;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto one = place(bytes[i]);
      const std::int64_t step = word.order == Order::kUp ? std::int64_t{i} : -std::int64_t{i};
      if (!one || one->offset != first->offset + step || !alias_.same_base(*one, *first)) return std::nullopt;
      const Label load = bytes[i].of.at - 1;
      if (load != word.first || load != word.last) word.single = false;
      word.first = std::min(word.first, load);
      word.last = std::max(word.last, load);
    }
    word.range.bytes = count;
    if (word.order == Order::kDown) word.range.offset -= count - 1;
    return word;
  }
  /// Where in memory the byte was.
  [[nodiscard]] std::optional<Range> place(const Byte& byte) const {
    const Label at = byte.of.at - 1;
    const Load* load = graph_.get<Load>(at);
    auto range = load != nullptr ? alias_.range(*load, at) : std::nullopt;
    if (!range) return std::nullopt;
    range->offset += load->swap ? range->bytes - 1 - byte.index : byte.index;
    range->bytes = 1;
    return range;
  }
  [[nodiscard]] bool untouched(const Word& word, Label end) const {
    for (Label at = word.first + 1; at < end; ++at)
      if (alias_.may_write(at, word.range)) return false;
    return true;
  }

  [[nodiscard]] Load whole(const Word& word, Reg dst, Label like) const {
    Load load = *graph_.get<Load>(like);
    const Range was = *alias_.range(load, like);
    load.offset += static_cast<std::int32_t>(word.range.offset - was.offset);
    load.size = isa::size_of(word.range.bytes);
    load.extend = isa::Extend::kZero;
    load.dst = dst;
    load.swap = word.order == Order::kDown;
    return load;
  }

  /// A byte swap of what was loaded right into its register.
  void swap_where_loaded(Label root, Reg dst, const Word& word) {
    if (word.order == Order::kUp || !(graph_.get<Load>(word.first)->dst == dst)) return;
    if (graph_.get<ByteSwap>(root) == nullptr || back_.def({dst, root}) != word.first) return;
    if (!back_.unread(dst, word.first, root)) return;
    graph_.replace(word.first, whole(word, dst, word.first));
    graph_.replace(root, Nop{});
  }

  /// What the root combines is of no other use, so that at least one op goes away.
  [[nodiscard]] bool part_dies(Label root) const {
    const Alu* alu = graph_.get<Alu>(root);
    if (alu == nullptr) return true;
    const Reg src = std::get<Reg>(alu->src);
    const auto into = back_.def({alu->dst, root}), from = back_.def({src, root});
    return (into && back_.unread(alu->dst, *into, root)) ||
           (from && graph_.dead_after(root, src) && back_.unread(src, *from, root));
  }

  void load_whole(Label root, Reg dst, const Word& word) {
    const Load& last = *graph_.get<Load>(word.last);
    if (back_.holds({last.base, word.last}, root)) return graph_.replace(root, whole(word, dst, word.last));
    // The last load has overwritten the base: load the word there.
    const Reg through = last.dst;
    if (!only_shifted(through, word.last, root) || (!(through == dst) && !graph_.dead_after(root, through))) return;
    for (Label at = word.last + 1; at < root; ++at)
      if (contains(graph_.effects(at).writes, through)) graph_.replace(at, Nop{});
    graph_.replace(word.last, whole(word, through, word.last));
    if (through == dst) return graph_.replace(root, Nop{});
    graph_.replace(root, Alu{.op = AluOp::kMov, .width = isa::Width::k64, .divisor = {}, .dst = dst, .src = through});
  }
  /// Whether what lies between uses the register only to shift it in place.
  [[nodiscard]] bool only_shifted(Reg reg, Label from, Label to) const {
    for (Label at = from + 1; at < to; ++at) {
      const Effects effects = graph_.effects(at);
      if (contains(static_cast<RegSet>(effects.reads | effects.writes), reg)) {
        const Alu* alu = graph_.get<Alu>(at);
        if (alu == nullptr || !(alu->dst == reg) || !std::holds_alternative<Imm>(alu->src)) return false;
      }
      if (graph_.branches(at) && contains(graph_.live_after(at), reg)) return false;
    }
    return true;
  }

  Graph& graph_;
  Lookback back_;
  Alias alias_;
  ByteOrigins bytes_;
  RegSet words_ = 0;    // Registers that may hold bytes that were loaded, and zeros,
  RegSet shifted_ = 0;  // and of these, those whose lowest byte may be 0.
};

class Stores {
 public:
  explicit Stores(Graph& graph)
      : graph_(graph), back_(graph), alias_(graph), bytes_(graph, ByteOrigins::Wanted::kAny) {}

  /// Backwards, so that each store is the last of those before it.
  void run() {
    for (Label at = graph_.size(); at-- > 0;) {
      const Store* store = graph_.get<Store>(at);
      if (store == nullptr || !plain(*store)) continue;
      if (store->size != Size::k64 && merge(at)) continue;
      if (store->size != Size::k8) swap(at, *store);
    }
  }

 private:
  struct Part {
    Label at = 0;
    Range range;
    Operand src;
  };
  static constexpr std::size_t kMostParts = 16;
  static constexpr Label kMostBetween = 8;  // Other ops in a row.

  static bool plain(const Store& store) {
    return store.ordering == Ordering::kRelaxed && store.index == kNoReg && !store.swap;
  }

  bool merge(Label root) {
    collect(root);
    if (parts_.size() < 2) return false;
    for (const std::uint32_t bytes : {8u, 4u, 2u}) {
      const Range& last = parts_.front().range;
      if (bytes <= last.bytes) continue;
      for (std::int64_t start = last.end() - bytes; start <= last.offset; ++start)
        if (keeps_aligned(start, bytes) && tile(start, bytes) && clear_between(start, bytes) &&
            (store_immediate(bytes) || store_register(bytes)))
          return true;
    }
    return false;
  }

  /// The stack is aligned, and stays so for who loads from it.
  [[nodiscard]] bool keeps_aligned(std::int64_t start, std::uint32_t bytes) const {
    return !(parts_.front().range.base.reg == isa::kR10) || start % std::int64_t{bytes} == 0;
  }
  /// Into parts_: the stores before `root` at the same base, latest first.
  void collect(Label root) {
    parts_.clear();
    const auto last = alias_.range(*graph_.get<Store>(root), root);
    Label between = 0;
    for (Label at = root + 1; at-- > 0 && between < kMostBetween && parts_.size() < kMostParts;) {
      const Op& op = graph_.op(at);
      ++between;
      if (const Store* store = std::get_if<Store>(&op)) {
        const auto range = plain(*store) ? alias_.range(*store, at) : std::nullopt;
        if (range && in_reach(*range, *last) && alias_.same_base(*range, *last)) {
          parts_.push_back({.at = at, .range = *range, .src = store->src});
          between = 0;
        }
      } else if (!std::holds_alternative<Alu>(op) && !only_computes(op) && !std::holds_alternative<Nop>(op)) {
        return;
      }
      if (graph_.is_target(at)) return;
    }
  }
  /// Whether both may be parts of one word, as far as displacements tell.
  static bool in_reach(const Range& a, const Range& b) {
    return a.bytes < 8 && a.offset > b.end() - 8 - 1 && a.end() < b.offset + 8 + 1;
  }
  /// Into tiles_: parts that make up the bytes from `start` on, in the order of their addresses; the root is one.
  bool tile(std::int64_t start, std::uint32_t bytes) {
    tiles_.clear();
    for (std::int64_t next = start; next < start + bytes; next = tiles_.back().range.end()) {
      const auto found = std::ranges::find(parts_, next, [](const Part& part) { return part.range.offset; });
      if (found == parts_.end() || found->range.end() > start + bytes) return false;
      tiles_.push_back(*found);
    }
    return std::ranges::find(tiles_, parts_.front().at, &Part::at) != tiles_.end();
  }
  /// Whether nothing else between the tiles touches their bytes.
  [[nodiscard]] bool clear_between(std::int64_t start, std::uint32_t bytes) const {
    Range range = tiles_.front().range;
    range.offset = start;
    range.bytes = bytes;
    const Label first = std::ranges::min(tiles_, {}, &Part::at).at;
    for (Label at = first; at < parts_.front().at; ++at)
      if (std::ranges::find(tiles_, at, &Part::at) == tiles_.end() && alias_.may_touch(at, range)) return false;
    return true;
  }

  bool store_immediate(std::uint32_t bytes) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const Part& tile : tiles_) {
      const Imm* imm = std::get_if<Imm>(&tile.src);
      if (imm == nullptr) return false;
      const std::uint64_t mask = (std::uint64_t{1} << (8 * tile.range.bytes)) - 1;
      value |= (static_cast<std::uint64_t>(imm->value) & mask) << shift;
      shift += 8 * tile.range.bytes;
    }
    const auto low = static_cast<std::int32_t>(value);
    if (bytes == 8 && value != static_cast<std::uint64_t>(std::int64_t{low})) return false;
    put(parts_.front().at,
        {.bytes = bytes, .src = Imm{bytes == 2 ? static_cast<std::int16_t>(low) : low}, .swap = false});
    return true;
  }

  /// The part at one end has the whole word in its register.
  bool store_register(std::uint32_t bytes) {
    Bytes want;
    std::size_t count = 0;
    for (const Part& tile : tiles_) {
      const auto stored = bytes_of(tile);
      if (!stored) return false;
      for (std::uint32_t i = 0; i < tile.range.bytes; ++i) want[count++] = (*stored)[i];
    }
    for (const Part* part : {&tiles_.front(), &tiles_.back()}) {
      const bool swap = part == &tiles_.back();
      const Reg* reg = std::get_if<Reg>(&part->src);
      const auto have = reg != nullptr ? bytes_of(*part) : std::nullopt;
      if (swap) std::reverse(want.begin(), want.begin() + bytes);
      if (!have || !std::equal(want.begin(), want.begin() + bytes, have->begin(),
                               [&](const Byte& a, const Byte& b) { return same(a, b); }))
        continue;
      put(part->at, {.bytes = bytes, .src = *reg, .swap = swap});
      return true;
    }
    return false;
  }
  [[nodiscard]] std::optional<Bytes> bytes_of(const Part& part) {
    if (const Reg* reg = std::get_if<Reg>(&part.src)) return bytes_.find({*reg, part.at});
    if (std::get<Imm>(part.src).value == 0) return Bytes{};
    return std::nullopt;
  }
  [[nodiscard]] bool same(const Byte& a, const Byte& b) const {
    if (a.zero() || b.zero()) return a.zero() && b.zero();
    return a.index == b.index && back_.same(a.of, b.of);
  }

  struct Word {
    std::uint32_t bytes = 0;
    Operand src;
    bool swap = false;
  };
  /// One store at `at`, which is one of the tiles, for all of them.
  void put(Label at, const Word& word) {
    Store store = *graph_.get<Store>(at);
    const std::int64_t was = std::ranges::find(tiles_, at, &Part::at)->range.offset;
    store.offset += static_cast<std::int32_t>(tiles_.front().range.offset - was);
    store.size = isa::size_of(word.bytes);
    store.src = word.src;
    store.swap = word.swap;
    for (const Part& tile : tiles_) graph_.replace(tile.at, Nop{});
    graph_.replace(at, store);
  }

  /// A register that is swapped only to be stored.
  void swap(Label at, Store store) {
    const Reg* src = std::get_if<Reg>(&store.src);
    if (src == nullptr || *src == store.base) return;
    const auto def = back_.def({*src, at});
    const ByteSwap* swap = def ? graph_.get<ByteSwap>(*def) : nullptr;
    if (swap == nullptr || swap->order == isa::ByteOrder::kToLittle || swap->bits != 8 * isa::bytes(store.size)) return;
    if (!back_.unread(*src, *def, at) || !graph_.dead_after(at, *src)) return;
    store.swap = true;
    graph_.replace(*def, Nop{});
    graph_.replace(at, store);
  }

  Graph& graph_;
  Lookback back_;
  Alias alias_;
  ByteOrigins bytes_;
  std::vector<Part> parts_, tiles_;
};

}  // namespace

void merge(Graph& graph) {
  Loads(graph).run();
  Stores(graph).run();
}

}  // namespace skep::lower::passes
