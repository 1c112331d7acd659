// SPDX-License-Identifier: Apache-2.0
// What must hold of all types together: references exist and have the right kind, nothing contains itself, sizes fit.
#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

#include "base/cat.h"
#include "base/overloaded.h"
#include "base/try.h"
#include "btf/parser.h"

namespace skep {

namespace {

constexpr std::uint32_t kPointerSize = 8;

/// Every type that `type` names, by value or not.
std::vector<TypeId> referenced_types(const btf::Type& type) {
  std::vector<TypeId> result;
  std::visit(Overloaded{[](const btf::Void&) {}, [](const btf::Int&) {}, [](const btf::Enum&) {},
                        [](const btf::Forward&) {}, [](const btf::Float&) {},
                        [&](const btf::Array& array) {
                          result = {array.element, array.index};
                        },
                        [&](const btf::Composite& composite) {
                          for (const btf::Member& member : composite.members) result.push_back(member.type);
                        },
                        [&](const btf::Func& func) { result = {func.prototype}; },
                        [&](const btf::FuncProto& proto) {
                          result = {proto.returns};
                          for (const btf::Parameter& parameter : proto.parameters) result.push_back(parameter.type);
                        },
                        [&](const btf::Var& var) { result = {var.type}; },
                        [&](const btf::DataSec& section) {
                          for (const btf::SectionVar& var : section.vars) result.push_back(var.var);
                        },
                        [&](const auto& other) { result = {other.target}; }},
             type);
  return result;
}

/// Before kind_flag, a bitfield was a member whose integer type has fewer bits than its bytes hold.
bool narrow_int(const Btf& btf, TypeId id) {
  const auto* number = btf.find<btf::Int>(btf.resolve(id));
  return number != nullptr && number->bits != number->size * 8;
}
std::uint64_t value_bits(const Btf& btf, const btf::Member& member) {
  if (member.bitfield_bits != 0) return member.bitfield_bits;
  const TypeId resolved = btf.resolve(member.type);
  if (narrow_int(btf, resolved)) {
    const auto* number = btf.find<btf::Int>(resolved);
    return std::uint64_t{number->bit_offset} + number->bits;
  }
  const Result<std::uint32_t> size = btf.size_of(member.type);
  return size ? std::uint64_t{*size} * 8 : 0;
}

}  // namespace

std::vector<TypeId> contained_types(const btf::Type& type) {
  if (const auto* array = std::get_if<btf::Array>(&type)) return {array->element};
  const bool by_value = std::holds_alternative<btf::Composite>(type) || std::holds_alternative<btf::Typedef>(type) ||
                        std::holds_alternative<btf::Qualifier>(type) || std::holds_alternative<btf::TypeTag>(type) ||
                        std::holds_alternative<btf::Var>(type) || std::holds_alternative<btf::DataSec>(type);
  return by_value ? referenced_types(type) : std::vector<TypeId>{};
}

Status BtfParser::check_references() const {
  for (TypeId id = 1; id < btf_.size(); ++id)
    for (const TypeId to : referenced_types(btf_.types_[id]))
      if (to >= btf_.size())
        return Error{Errc::kMalformed, cat(".BTF type ", id, " '", btf_.name(id), "' refers to type ", to,
                                           ", expected less than ", btf_.size())};
  return kOk;
}

Status BtfParser::check_kinds() const {
  for (TypeId id = 1; id < btf_.size(); ++id) {
    const btf::Type& type = btf_.types_[id];
    if (const auto* func = std::get_if<btf::Func>(&type))
      if (btf_.find<btf::FuncProto>(func->prototype) == nullptr)
        return Error{Errc::kMalformed, cat(".BTF type ", id, ": function '", func->name, "' has type ", func->prototype,
                                           ", which is no prototype")};
    if (const auto* section = std::get_if<btf::DataSec>(&type))
      for (const btf::SectionVar& var : section->vars)
        if (btf_.find<btf::Var>(var.var) == nullptr && btf_.find<btf::Func>(var.var) == nullptr)
          return Error{Errc::kMalformed, cat(".BTF type ", id, ": section '", section->name, "' lists type ", var.var,
                                             ", which is neither variable nor function")};
  }
  return kOk;
}

// Depth first by containment, on a stack of our own: the input decides how deep it goes.
Status BtfParser::compute_sizes() {
  struct Frame {
    TypeId id = 0;
    std::vector<TypeId> parts;
    std::size_t next = 0;
  };
  enum class Color : std::uint8_t { kNew, kOpen, kDone };
  std::vector<Color> colors(btf_.size(), Color::kNew);
  std::vector<std::uint32_t> depths(btf_.size(), 0);
  btf_.sizes_.assign(btf_.size(), 0);
  std::vector<Frame> stack;
  for (TypeId root = 0; root < btf_.size(); ++root) {
    if (colors[root] != Color::kNew) continue;
    colors[root] = Color::kOpen;
    stack.push_back({root, contained_types(btf_.types_[root])});
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next < top.parts.size()) {
        const TypeId part = top.parts[top.next++];
        if (colors[part] == Color::kOpen)
          return Error{Errc::kMalformed, cat(".BTF type ", part, " '", btf_.name(part), "' contains itself")};
        if (colors[part] == Color::kDone) continue;
        colors[part] = Color::kOpen;
        stack.push_back({part, contained_types(btf_.types_[part])});
        continue;
      }
      for (const TypeId part : top.parts) depths[top.id] = std::max(depths[top.id], depths[part] + 1);
      if (depths[top.id] > Btf::kMaxDepth)
        return Error{Errc::kLimit, cat(".BTF type ", top.id, " nests more than ", Btf::kMaxDepth, " types")};
      TRY(btf_.sizes_[top.id], own_size(top.id));
      colors[top.id] = Color::kDone;
      stack.pop_back();
    }
  }
  return kOk;
}

Result<std::uint32_t> BtfParser::own_size(TypeId id) const {
  const auto size = [&](TypeId part) { return std::uint64_t{btf_.sizes_[part]}; };
  const std::uint64_t bytes = std::visit(
      Overloaded{
          [](const btf::Void&) { return std::uint64_t{0}; }, [](const btf::Forward&) { return std::uint64_t{0}; },
          [](const btf::Func&) { return std::uint64_t{0}; }, [](const btf::FuncProto&) { return std::uint64_t{0}; },
          [](const btf::DeclTag&) { return std::uint64_t{0}; },
          [](const btf::Pointer&) { return std::uint64_t{kPointerSize}; },
          [&](const btf::Array& array) { return size(array.element) * array.count; },
          [&](const btf::Typedef& alias) { return size(alias.target); },
          [&](const btf::Qualifier& qualifier) { return size(qualifier.target); },
          [&](const btf::TypeTag& tag) { return size(tag.target); },
          [&](const btf::Var& var) { return size(var.type); },
          [](const auto& sized) { return std::uint64_t{sized.size}; }},
      btf_.types_[id]);
  if (bytes > std::numeric_limits<std::uint32_t>::max())
    return Error{Errc::kLimit, cat(".BTF type ", id, " takes ", bytes, " bytes, expected at most 4294967295")};
  return static_cast<std::uint32_t>(bytes);
}

Status BtfParser::check_members() const {
  for (TypeId id = 1; id < btf_.size(); ++id) {
    const auto* composite = std::get_if<btf::Composite>(&btf_.types_[id]);
    if (composite == nullptr) continue;
    for (const btf::Member& member : composite->members) {
      const bool bitfield = member.bitfield_bits != 0 || narrow_int(btf_, member.type);
      const std::uint64_t bits = value_bits(btf_, member);
      if (member.bit_offset + bits > std::uint64_t{composite->size} * 8)
        return Error{Errc::kMalformed,
                     cat(".BTF type ", id, ": member '", member.name, "' of '", composite->name, "' ends at bit ",
                         member.bit_offset + bits, " of ", std::uint64_t{composite->size} * 8)};
      if (bitfield ? bits > 64 : member.bit_offset % 8 != 0 && bits != 0)
        return Error{Errc::kMalformed, cat(".BTF type ", id, ": member '", member.name, "' at bit ", member.bit_offset,
                                           " has ", bits, " bits, expected whole bytes or at most 64 bits")};
    }
  }
  return kOk;
}

void BtfParser::index_names() {
  btf_.heads_.assign(std::bit_ceil(btf_.types_.size()), 0);
  btf_.next_.assign(btf_.types_.size(), 0);
  for (TypeId id = btf_.size() - 1; id > 0; --id) {
    const std::string_view name = btf_.name(id);
    if (name.empty()) continue;
    TypeId& head = btf_.heads_[std::hash<std::string_view>{}(name) & (btf_.heads_.size() - 1)];
    btf_.next_[id] = head;
    head = id;
  }
}

}  // namespace skep
