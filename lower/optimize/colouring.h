// SPDX-License-Identifier: Apache-2.0
// Colouring of an interference graph with registers: Chaitin 1982, with the conservative coalescing and the optimistic
// colouring of Briggs, Cooper and Torczon 1994.
#pragma once
#include <array>
#include <utility>
#include <vector>

#include "lower/code.h"
#include "lower/effects.h"

namespace skep::lower {

class Colouring {
 public:
  using Node = std::uint32_t;
  struct Info {
    Reg fixed = kNoReg;        ///< The register that it must have.
    Reg wish = kNoReg;         ///< The one that it has if nothing speaks against that.
    RegSet forbidden = 0;      ///< Those that it may not have.
    std::uint64_t weight = 0;  ///< How often it is used.
    bool optional = false;     ///< It may go without.
  };

  explicit Colouring(std::vector<Info> nodes);

  /// Both live at the same time.
  void connect(Node a, Node b);
  void forbid(Node node, RegSet regs) { nodes_[node].forbidden |= regs; }
  /// `to` is a copy of `from`, made so often.
  void copies(Node to, Node from, std::uint32_t weight) { copies_.push_back({to, from, weight}); }

  /// Without regard to copies, to see which optional nodes get a register. Those of `cheap` are taken before the
  /// others. False: a node that has to have one got none.
  bool try_out(RegSet usable, RegSet cheap);
  /// Coalesces what is left when nodes that got no register are gone, and colours again.
  bool run();
  /// Whether all optional nodes got one.
  [[nodiscard]] bool is_complete();
  /// kNoReg: an optional node got none.
  [[nodiscard]] Reg given(Node node) { return given_[alias(node)]; }

 private:
  static constexpr std::uint32_t kNoLink = ~std::uint32_t{0};
  /// One neighbour in the list of a node's; `next` is the index of the next one. It stays when the edge is gone.
  struct Link {
    Node to = 0;
    std::uint32_t next = kNoLink;
  };
  struct CopyOf {
    Node to = 0, from = 0;
    std::uint32_t weight = 0;
  };

  [[nodiscard]] std::uint64_t* row(Node node) { return &edges_[node * words_]; }
  void link(Node from, Node to);
  void disconnect(Node a, Node b);
  [[nodiscard]] bool meet(Node a, Node b) { return (row(a)[b / 64] >> (b % 64) & 1) != 0; }
  /// Calls `visit` with each neighbour.
  template <class Visit>
  void neighbours(Node node, Visit visit);
  Node alias(Node node);
  /// The colours to be had are as many.
  void limit(Node node);
  [[nodiscard]] RegSet allowed(Node node) const { return static_cast<RegSet>(usable_ & ~nodes_[node].forbidden); }

  void drop_rest();
  void coalesce();
  [[nodiscard]] bool is_dropped(Node node) const { return !dropped_.empty() && dropped_[node] != 0; }
  [[nodiscard]] bool may_merge(Node a, Node b);
  void merge(Node a, Node b);
  void note_wishes();
  void simplify();
  [[nodiscard]] double cost(Node node) const;
  bool select();
  [[nodiscard]] Reg choose(Node node);

  std::vector<Info> nodes_;
  std::size_t words_;  // Of a row: a bit for each node.
  std::vector<std::uint64_t> edges_;
  std::vector<Link> links_;
  std::vector<CopyOf> copies_;
  RegSet usable_ = 0, cheap_ = 0;
  bool has_optional_ = false;
  std::vector<std::uint32_t> first_;  // By node, as what follows: a link.
  std::vector<std::uint32_t> edges_of_;
  std::vector<std::uint32_t> limit_;
  std::vector<Node> alias_;
  std::vector<std::uint8_t> dropped_;
  std::vector<std::uint32_t> degree_;  // edges_of_, without those to nodes that left the graph.
  std::vector<Reg> given_;
  std::vector<std::vector<std::pair<Node, std::uint32_t>>> wishes_;
  std::vector<Node> order_;  // In which nodes left the graph.
};

}  // namespace skep::lower
