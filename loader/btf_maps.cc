// SPDX-License-Identifier: Apache-2.0
// `struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct flow); ... } flows SEC(".maps");`
// A number is the length of an array that a member points to (or the value of an enumeration of one), a type is what a
// member points to.
#include <string>

#include "base/cat.h"
#include "base/try.h"
#include "loader/maps.h"
#include "skep/btf.h"

namespace skep::loader {

namespace {

enum class Level : std::uint8_t { kOuter, kInner };

class Definition {
 public:
  Definition(const std::shared_ptr<const Btf>& btf, std::string name, Level level)
      : btf_(*btf), level_(level), where_(cat("map '", name, "'")) {
    spec_.name = std::move(name);
    spec_.btf = btf;
  }

  Status read(const btf::Composite& type) {
    for (const btf::Member& member : type.members) TRY_OK(read_member(type, member));
    if (!has_type_) return Error{Errc::kMalformed, cat(where_, ": no member 'type'")};
    return kOk;
  }
  MapSpec take() { return std::move(spec_); }
  /// Where the slots of `.values` begin, in bytes from the declaration.
  [[nodiscard]] std::uint32_t values_offset() const { return values_offset_; }
  [[nodiscard]] bool has_values() const { return has_values_; }

 private:
  Status read_member(const btf::Composite& type, const btf::Member& member) {
    const std::string_view field = member.name;
    if (field == "type") return read_type(member);
    if (field == "max_entries") return read_number(member, spec_.max_entries);
    if (field == "map_flags") return read_number(member, spec_.flags);
    if (field == "key_size") return read_size(member, spec_.key_size);
    if (field == "value_size") return read_size(member, spec_.value_size);
    if (field == "key") return read_pointee(member, spec_.key_size, spec_.key_type_id);
    if (field == "value") return read_pointee(member, spec_.value_size, spec_.value_type_id);
    if (field == "map_extra") {
      TRY(spec_.map_extra, number(member));
      return kOk;
    }
    if (field == "numa_node") {  // Where memory lies changes nothing that a program can see.
      TRY([[maybe_unused]] const std::uint64_t node, number(member));
      return kOk;
    }
    if (field == "pinning") return read_pinning(member);
    if (field == "values") return read_values(type, member);
    return Error{Errc::kUnsupported, cat(where_, ": unknown member '", field, "'")};
  }

  Result<std::uint64_t> number(const btf::Member& member) const {
    const TypeId id = btf_.resolve(member.type);
    if (const auto* pointer = btf_.find<btf::Pointer>(id))
      if (const auto* array = btf_.find<btf::Array>(btf_.resolve(pointer->target))) return std::uint64_t{array->count};
    if (const auto* values = btf_.find<btf::Enum>(id); values != nullptr && values->values.size() == 1)
      return values->values[0].value;
    return Error{Errc::kMalformed, cat(where_, ": member '", member.name, "' is no number; use __uint(", member.name,
                                       ", ...) or __ulong")};
  }
  Status read_number(const btf::Member& member, std::uint32_t& to) const {
    TRY(const std::uint64_t value, number(member));
    if (value > UINT32_MAX) return Error{Errc::kOutOfRange, cat(where_, ": ", member.name, " is ", value)};
    to = static_cast<std::uint32_t>(value);
    return kOk;
  }
  Status read_type(const btf::Member& member) {
    TRY(const std::uint64_t value, number(member));
    if (value == 0 || value > UINT8_MAX)
      return Error{Errc::kOutOfRange, cat(where_, ": map type ", value, " does not exist")};
    spec_.type = static_cast<MapType>(value);
    has_type_ = true;
    return kOk;
  }
  Status read_pinning(const btf::Member& member) {
    TRY(const std::uint64_t value, number(member));
    if (value > 1) return Error{Errc::kUnsupported, cat(where_, ": pinning ", value, ", expected 0 or 1 (by name)")};
    spec_.pinned_by_name = value == 1;
    return kOk;
  }
  Status set_size(std::string_view field, std::uint32_t value, std::uint32_t& to) const {
    if (to != 0 && to != value)
      return Error{Errc::kMalformed, cat(where_, ": ", field, " says ", value, " bytes, another member ", to)};
    to = value;
    return kOk;
  }
  Status read_size(const btf::Member& member, std::uint32_t& to) const {
    std::uint32_t value = 0;
    TRY_OK(read_number(member, value));
    return set_size(member.name, value, to);
  }
  Status read_pointee(const btf::Member& member, std::uint32_t& size, TypeId& type) const {
    const auto* pointer = btf_.find<btf::Pointer>(btf_.resolve(member.type));
    if (pointer == nullptr)
      return Error{Errc::kMalformed,
                   cat(where_, ": member '", member.name, "' is no pointer; use __type(", member.name, ", ...)")};
    const Result<std::uint32_t> bytes = btf_.size_of(pointer->target);
    if (!bytes) return Error{bytes.error().code, cat(where_, ": ", member.name, ": ", bytes.error().message)};
    type = pointer->target;
    return set_size(member.name, *bytes, size);
  }

  /// `__array(values, struct inner)` or `__array(values, int(void *))`: an array of no elements of pointers.
  Status read_values(const btf::Composite& type, const btf::Member& member) {
    const auto* array = btf_.find<btf::Array>(btf_.resolve(member.type));
    const auto* pointer = array == nullptr ? nullptr : btf_.find<btf::Pointer>(btf_.resolve(array->element));
    if (level_ == Level::kInner || pointer == nullptr || &member != &type.members.back())
      return Error{Errc::kMalformed,
                   cat(where_, ": 'values' must be the last member of an outer map: __array(values, ...)")};
    TRY_OK(set_size("values", sizeof(std::uint32_t), spec_.value_size));
    has_values_ = true;
    values_offset_ = member.bit_offset / 8;
    const TypeId target = btf_.resolve(pointer->target);
    if (btf_.find<btf::FuncProto>(target) != nullptr && spec_.type == MapType::kProgArray) return kOk;
    const auto* inner_type = btf_.find<btf::Composite>(target);
    const bool nests = spec_.type == MapType::kArrayOfMaps || spec_.type == MapType::kHashOfMaps;
    if (inner_type == nullptr || !nests)
      return Error{Errc::kMalformed, cat(where_, ": 'values' of map type ", static_cast<unsigned>(spec_.type),
                                         ", expected maps in a map of maps or functions in a prog_array")};
    Definition inner(std::shared_ptr<const Btf>(spec_.btf), cat(spec_.name, ".inner"), Level::kInner);
    TRY_OK(inner.read(*inner_type));
    spec_.inner = std::make_shared<const MapSpec>(inner.take());
    return kOk;
  }

  const Btf& btf_;
  Level level_{};
  std::string where_;
  MapSpec spec_;
  bool has_type_ = false;
  bool has_values_ = false;
  std::uint32_t values_offset_ = 0;
};

/// Relocations inside the declaration name what its slots hold at first.
Result<std::vector<MapSpec::Slot>> read_slots(const ElfFile& file, const ElfSection& section,
                                              const btf::SectionVar& var, const Definition& definition,
                                              std::string_view name) {
  std::vector<MapSpec::Slot> slots;
  for (const ElfRelocation& relocation : section.relocations) {
    if (relocation.offset < var.offset || relocation.offset >= std::uint64_t{var.offset} + var.size) continue;
    const std::uint64_t inside = relocation.offset - var.offset;
    if (!definition.has_values() || inside < definition.values_offset() ||
        (inside - definition.values_offset()) % 8 != 0)
      return Error{Errc::kMalformed, cat("section '.maps' offset ", relocation.offset, ": relocation in map '", name,
                                         "', expected one of its 'values'")};
    slots.push_back({.index = static_cast<std::uint32_t>((inside - definition.values_offset()) / 8),
                     .target = std::string(file.symbols[relocation.symbol].name)});
  }
  return slots;
}

}  // namespace

Result<std::vector<MapEntry>> read_btf_maps(const ElfFile& file, const std::shared_ptr<const Btf>& btf) {
  std::vector<MapEntry> maps;
  const SectionIndex index = file.find_section(".maps");
  if (index == kUndefinedSection || file.sections[index].size == 0) return maps;
  const auto* section = btf == nullptr ? nullptr : btf->find<btf::DataSec>(btf->find_by_name<btf::DataSec>(".maps"));
  if (section == nullptr)
    return Error{Errc::kMalformed,
                 "section '.maps': its maps are described by BTF, and there is none; compile with -g"};
  for (const btf::SectionVar& entry : section->vars) {
    const auto* var = btf->find<btf::Var>(entry.var);
    const auto* type = var == nullptr ? nullptr : btf->find<btf::Composite>(btf->resolve(var->type));
    if (type == nullptr)
      return Error{Errc::kMalformed,
                   cat("section '.maps' offset ", entry.offset, ": '", btf->name(entry.var), "' is not a structure")};
    Definition definition(btf, std::string(var->name), Level::kOuter);
    TRY_OK(definition.read(*type));
    TRY(auto slots, read_slots(file, file.sections[index], entry, definition, var->name));
    MapSpec spec = definition.take();
    spec.slots = std::move(slots);
    maps.push_back({.spec = std::make_shared<const MapSpec>(std::move(spec)),
                    .kind = MapKind::kDeclared,
                    .section = index,
                    .offset = entry.offset});
  }
  return maps;
}

}  // namespace skep::loader
