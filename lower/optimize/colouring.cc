// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/colouring.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace skep::lower {
namespace {

std::uint32_t count(RegSet set) { return static_cast<std::uint32_t>(std::popcount(set)); }
Reg lowest(RegSet set) { return Reg{static_cast<std::uint8_t>(std::countr_zero(set))}; }

}  // namespace

Colouring::Colouring(std::vector<Info> nodes)
    : nodes_(std::move(nodes)),
      words_((nodes_.size() + 63) / 64),
      edges_(nodes_.size() * words_),
      has_optional_(std::ranges::any_of(nodes_, &Info::optional)),
      first_(nodes_.size(), kNoLink),
      edges_of_(nodes_.size()),
      limit_(nodes_.size()),
      alias_(nodes_.size()),
      wishes_(nodes_.size()) {
  constexpr std::size_t kUsual = 24;  // Neighbours of a node, both ways.
  links_.reserve(kUsual * nodes_.size());
  for (Node node = 0; node < nodes_.size(); ++node) alias_[node] = node;
}

void Colouring::connect(Node a, Node b) {
  if (a == b || meet(a, b)) return;
  link(a, b);
  link(b, a);
}
void Colouring::link(Node from, Node to) {
  row(from)[to / 64] |= std::uint64_t{1} << (to % 64);
  ++edges_of_[from];
  links_.push_back({.to = to, .next = first_[from]});
  first_[from] = static_cast<std::uint32_t>(links_.size() - 1);
}
void Colouring::disconnect(Node a, Node b) {
  row(a)[b / 64] &= ~(std::uint64_t{1} << (b % 64));
  row(b)[a / 64] &= ~(std::uint64_t{1} << (a % 64));
  --edges_of_[a];
  --edges_of_[b];
}

template <class Visit>
void Colouring::neighbours(Node node, Visit visit) {
  for (std::uint32_t at = first_[node]; at != kNoLink; at = links_[at].next)
    if (const Node other = links_[at].to; meet(node, other)) visit(other);
}

void Colouring::limit(Node node) { limit_[node] = count(allowed(node)); }

bool Colouring::try_out(RegSet usable, RegSet cheap) {
  usable_ = usable;
  cheap_ = cheap;
  for (Node node = 0; node < nodes_.size(); ++node) limit(node);
  if (!has_optional_) return true;
  simplify();
  return select();
}

bool Colouring::run() {
  drop_rest();
  coalesce();
  note_wishes();
  simplify();
  return select();
}

bool Colouring::is_complete() {
  for (Node node = 0; node < nodes_.size(); ++node)
    if (nodes_[node].optional && given(node) == kNoReg) return false;
  return true;
}

void Colouring::drop_rest() {
  dropped_.assign(nodes_.size(), 0);
  for (Node node = 0; node < nodes_.size(); ++node) {
    if (!nodes_[node].optional || !(given_[node] == kNoReg)) continue;
    dropped_[node] = 1;
    neighbours(node, [&](Node other) { disconnect(node, other); });
  }
}

Colouring::Node Colouring::alias(Node node) {
  while (alias_[node] != node) node = alias_[node] = alias_[alias_[node]];
  return node;
}

void Colouring::coalesce() {
  std::ranges::stable_sort(copies_, std::greater(), &CopyOf::weight);
  for (const CopyOf& copy : copies_) {
    if (is_dropped(copy.to) || is_dropped(copy.from)) continue;
    const Node a = alias(copy.to), b = alias(copy.from);
    if (a != b && !meet(a, b) && may_merge(a, b)) merge(a, b);
  }
}

/// Briggs: it has fewer neighbours that are hard to colour than there are registers.
bool Colouring::may_merge(Node a, Node b) {
  const Info &one = nodes_[a], &other = nodes_[b];
  if (!(one.fixed == kNoReg) && !(other.fixed == kNoReg)) return false;
  const Reg fixed = one.fixed == kNoReg ? other.fixed : one.fixed;
  const auto both = static_cast<RegSet>(allowed(a) & allowed(b));
  if (!(fixed == kNoReg) && !contains(both, fixed)) return false;
  const std::uint32_t registers = count(both);
  std::uint32_t hard = 0;
  bool taken = false;
  const auto look = [&](Node node) {
    const std::uint32_t degree = edges_of_[node] - (meet(a, node) && meet(b, node) ? 1 : 0);
    taken = taken || (!(fixed == kNoReg) && nodes_[node].fixed == fixed);
    if (!(nodes_[node].fixed == kNoReg) || degree >= limit_[node]) ++hard;
  };
  neighbours(a, look);
  neighbours(b, [&](Node node) {
    if (!meet(a, node)) look(node);
  });
  return !taken && hard < registers;
}

void Colouring::merge(Node a, Node b) {
  alias_[b] = a;
  neighbours(b, [&](Node node) {
    disconnect(b, node);
    connect(a, node);
  });
  Info& one = nodes_[a];
  const Info& other = nodes_[b];
  if (one.fixed == kNoReg) one.fixed = other.fixed;
  if (one.wish == kNoReg) one.wish = other.wish;
  one.forbidden |= other.forbidden;
  one.weight += other.weight;
  one.optional = one.optional && other.optional;
  limit(a);
}

/// What is easy to colour leaves the graph first, and gets its register last.
void Colouring::simplify() {
  order_.clear();
  degree_ = edges_of_;
  std::vector<Node> optional, left, easy;  // `left`: those that have to get one.
  std::vector<std::uint8_t> gone(nodes_.size(), 0);
  const auto is_easy = [&](Node node) { return degree_[node] < limit_[node]; };
  for (Node node = 0; node < nodes_.size(); ++node) {
    if (alias_[node] != node || !(nodes_[node].fixed == kNoReg) || is_dropped(node)) continue;
    (nodes_[node].optional ? optional : left).push_back(node);
    if (is_easy(node)) easy.push_back(node);
  }
  const auto remove = [&](Node node) {
    gone[node] = 1;
    order_.push_back(node);
    neighbours(node, [&](Node other) {
      if (gone[other] != 0) return;
      const bool was_easy = is_easy(other);
      --degree_[other];
      if (!was_easy && is_easy(other) && nodes_[other].fixed == kNoReg) easy.push_back(other);
    });
  };
  for (;;) {
    while (!easy.empty()) {
      const Node node = easy.back();
      easy.pop_back();
      if (gone[node] == 0) remove(node);
    }
    for (std::vector<Node>* nodes : {&optional, &left}) {
      std::erase_if(*nodes, [&](Node node) { return gone[node] != 0; });
      if (nodes->empty()) continue;
      remove(*std::ranges::min_element(*nodes, std::less(), [&](Node node) { return cost(node); }));
      break;
    }
    if (easy.empty() && optional.empty() && left.empty()) return;
  }
}

/// Of going without a register.
double Colouring::cost(Node node) const { return static_cast<double>(nodes_[node].weight) / (degree_[node] + 1); }

void Colouring::note_wishes() {
  for (const CopyOf& copy : copies_) {
    const Node a = alias(copy.to), b = alias(copy.from);
    if (a == b || is_dropped(a) || is_dropped(b)) continue;
    wishes_[a].push_back({b, copy.weight});
    wishes_[b].push_back({a, copy.weight});
  }
}

bool Colouring::select() {
  given_.assign(nodes_.size(), kNoReg);
  for (Node node = 0; node < nodes_.size(); ++node)
    if (alias_[node] == node) given_[node] = nodes_[node].fixed;
  for (std::size_t i = order_.size(); i-- > 0;) {
    const Node node = order_[i];
    given_[node] = choose(node);
    if (given_[node] == kNoReg && !nodes_[node].optional) return false;
  }
  return true;
}

Reg Colouring::choose(Node node) {
  RegSet free = allowed(node);
  neighbours(node, [&](Node other) { free &= static_cast<RegSet>(~set_of(given_[other])); });
  if (free == 0) return kNoReg;
  std::array<std::uint64_t, kRegs> wished{};
  for (const auto& [other, weight] : wishes_[node])
    if (contains(free, given_[other])) wished[given_[other].index] += weight;
  const auto best = std::ranges::max_element(wished);
  if (*best != 0) return Reg{static_cast<std::uint8_t>(best - wished.begin())};
  if (contains(free, nodes_[node].wish)) return nodes_[node].wish;
  const auto cheap = static_cast<RegSet>(free & cheap_);
  return lowest(cheap != 0 ? cheap : free);
}

}  // namespace skep::lower
