// SPDX-License-Identifier: Apache-2.0
#include "skep/btf.h"

#include <functional>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/overloaded.h"
#include "btf/parser.h"

namespace skep {

namespace {

std::string_view name_of(const btf::Type& type) {
  return std::visit(
      Overloaded{
          [](const btf::Void&) { return std::string_view{}; }, [](const btf::Pointer&) { return std::string_view{}; },
          [](const btf::Array&) { return std::string_view{}; },
          [](const btf::Qualifier&) { return std::string_view{}; },
          [](const btf::FuncProto&) { return std::string_view{}; }, [](const btf::DeclTag& tag) { return tag.value; },
          [](const btf::TypeTag& tag) { return tag.value; }, [](const auto& named) { return named.name; }},
      type);
}

/// What a typedef, qualifier or type tag stands for; nullopt: the type is none of them.
std::optional<TypeId> alias_of(const btf::Type& type) {
  if (const auto* alias = std::get_if<btf::Typedef>(&type)) return alias->target;
  if (const auto* qualifier = std::get_if<btf::Qualifier>(&type)) return qualifier->target;
  if (const auto* tag = std::get_if<btf::TypeTag>(&type)) return tag->target;
  return std::nullopt;
}

}  // namespace

Result<Btf> Btf::parse(std::span<const std::byte> bytes) { return BtfParser{}.run(bytes); }

std::string_view Btf::name(TypeId id) const { return id < size() ? name_of(types_[id]) : std::string_view{}; }

TypeId Btf::resolve(TypeId id) const {
  // Ends: parse() saw to it that no chain of aliases is longer than kMaxDepth.
  while (id < size()) {
    const std::optional<TypeId> target = alias_of(types_[id]);
    if (!target) return id;
    id = *target;
  }
  return 0;
}

Result<std::uint32_t> Btf::size_of(TypeId id) const {
  if (id >= size()) return Error{Errc::kNotFound, cat("BTF type ", id, " does not exist; there are ", size())};
  const btf::Type& resolved = types_[resolve(id)];
  const bool sized = std::holds_alternative<btf::Int>(resolved) || std::holds_alternative<btf::Pointer>(resolved) ||
                     std::holds_alternative<btf::Array>(resolved) || std::holds_alternative<btf::Composite>(resolved) ||
                     std::holds_alternative<btf::Enum>(resolved) || std::holds_alternative<btf::Float>(resolved) ||
                     std::holds_alternative<btf::Var>(resolved) || std::holds_alternative<btf::DataSec>(resolved);
  if (!sized) return Error{Errc::kInvalid, cat("BTF type ", id, " '", name(id), "' has no size")};
  return sizes_[id];
}

std::optional<std::string_view> Btf::string_at(std::uint32_t offset) const { return text_at(*strings_, offset); }

TypeId Btf::first_named(std::string_view wanted) const {
  if (heads_.empty() || wanted.empty()) return 0;
  TypeId id = heads_[std::hash<std::string_view>{}(wanted) & (heads_.size() - 1)];
  while (id != 0 && name(id) != wanted) id = next_[id];
  return id;
}

TypeId Btf::next_named(TypeId after, std::string_view wanted) const {
  TypeId id = next_[after];
  while (id != 0 && name(id) != wanted) id = next_[id];
  return id;
}

Btf Btf::with_static_functions(std::span<const TypeId> functions) const {
  Btf copy = *this;
  for (const TypeId id : functions) std::get<btf::Func>(copy.types_[id]).linkage = btf::Linkage::kStatic;
  return copy;
}

Btf Btf::with_section_layout(TypeId section, std::uint32_t size, std::span<const btf::SectionVar> layout) const {
  Btf copy = *this;
  auto& data = std::get<btf::DataSec>(copy.types_[section]);
  data.size = size;
  data.vars.assign(layout.begin(), layout.end());
  copy.sizes_[section] = size;
  return copy;
}

}  // namespace skep
