// SPDX-License-Identifier: Apache-2.0
#include "verifier/btf/walk.h"

#include <array>
#include <optional>

#include "base/cat.h"

namespace skep::verifier {
namespace {

constexpr std::uint32_t kBits = 8;

struct Range {
  std::uint32_t offset = 0, size = 0;
  [[nodiscard]] std::uint64_t end() const { return std::uint64_t{offset} + size; }
};

/// An element of an array: arrays of arrays are taken as one.
struct Elements {
  TypeId type = 0;
  std::uint64_t count = 1;
};
Elements elements_of(const Btf& btf, TypeId type) {
  Elements result{.type = btf.resolve(type)};
  while (const auto* array = btf.find<btf::Array>(result.type)) {
    result.count *= array->count;
    result.type = btf.resolve(array->element);
  }
  return result;
}

Field invalid(std::string why) { return {.kind = FieldKind::kInvalid, .fault = std::move(why)}; }

/// One step into the members of a structure.
class Walk {
 public:
  Walk(const Btf& btf, TypeId type, Range want) : btf_(btf), type_(btf.resolve(type)), want_(want) {}

  Field run() {
    for (;;) {
      const auto* composite = btf_.find<btf::Composite>(type_);
      if (composite == nullptr) return invalid("type without members");
      if (want_.end() > composite->size) {
        if (!enter_flexible_array(*composite)) return result_;
        continue;
      }
      const bool alternatives = composite->kind == btf::Aggregate::kUnion && composite->members.size() > 1;
      in_union_ = in_union_ || alternatives;
      if (!enter_member(*composite)) break;
    }
    result_.in_union = in_union_;
    return result_;
  }

 private:
  /// Behind the end of a structure its last member may go on. False: `result_` is the answer.
  bool enter_flexible_array(const btf::Composite& composite) {
    result_ =
        invalid(cat("access beyond struct ", struct_name(btf_, type_), " at off ", want_.offset, " size ", want_.size));
    if (composite.members.empty() || composite.kind == btf::Aggregate::kUnion) return false;
    const btf::Member& last = composite.members.back();
    const auto* array = btf_.find<btf::Array>(btf_.resolve(last.type));
    if (array == nullptr || array->count != 0 || want_.offset < last.bit_offset / kBits) return false;
    const TypeId element = btf_.resolve(array->element);
    const auto size = btf_.size_of(element);
    if (!size || *size == 0 || btf_.find<btf::Pointer>(element) != nullptr) return false;
    if (is_number(element)) {
      result_ = {.kind = FieldKind::kScalar, .name = last.name};
      return false;
    }
    want_.offset = (want_.offset - last.bit_offset / kBits) % *size;
    type_ = element;
    return true;
  }

  /// False: `result_` is the answer.
  bool enter_member(const btf::Composite& composite) {
    for (const btf::Member& member : composite.members) {
      if (member.bitfield_bits != 0) {
        if (!covers_bitfield(member)) continue;
        result_ = {.kind = FieldKind::kScalar, .name = member.name};
        return false;
      }
      const Elements elements = elements_of(btf_, member.type);
      const auto size = btf_.size_of(elements.type);
      if (!size || *size == 0 || elements.count == 0) continue;
      Range place{.offset = member.bit_offset / kBits, .size = *size};
      const std::uint64_t end = place.offset + elements.count * *size;
      if (want_.offset < place.offset || want_.offset >= end) continue;
      // Numbers may be read across the elements of their array.
      if (is_number(elements.type))
        place.size = static_cast<std::uint32_t>(end - place.offset);
      else if (want_.offset > place.offset)
        place.offset += (want_.offset - place.offset) / *size * *size;
      return enter(member, elements.type, place);
    }
    result_ = invalid(cat("struct ", struct_name(btf_, type_), " doesn't have field at offset ", want_.offset));
    return false;
  }

  /// The access is to all of the member, and maybe to more.
  [[nodiscard]] bool covers_bitfield(const btf::Member& member) const {
    const std::uint64_t end = std::uint64_t{member.bit_offset} + member.bitfield_bits;
    return std::uint64_t{want_.offset} * kBits <= member.bit_offset && want_.end() * kBits >= end;
  }

  [[nodiscard]] bool is_number(TypeId type) const {
    return btf_.find<btf::Composite>(type) == nullptr && btf_.find<btf::Pointer>(type) == nullptr;
  }

  bool enter(const btf::Member& member, TypeId type, Range place) {
    if (btf_.find<btf::Composite>(type) != nullptr) {
      want_.offset -= place.offset;
      type_ = type;
      return true;
    }
    if (const auto* pointer = btf_.find<btf::Pointer>(type)) {
      result_ = pointer_field(member, *pointer, place);
      return false;
    }
    // Which member of a union is meant is not known, so that its end is not, either.
    if (want_.end() > place.end() && !in_union_)
      result_ = invalid(cat("access beyond the end of member ", member.name, " (mend:", place.end(), ") in struct ",
                            struct_name(btf_, type_), " with off ", want_.offset, " size ", want_.size));
    else
      result_ = {.kind = FieldKind::kScalar, .name = member.name};
    return false;
  }

  [[nodiscard]] Field pointer_field(const btf::Member& member, const btf::Pointer& pointer, Range place) const {
    if (want_.offset != place.offset || want_.size != place.size)
      return invalid(cat("cannot access ptr member ", member.name, " with moff ", place.offset, " in struct ",
                         struct_name(btf_, type_), " with off ", want_.offset, " size ", want_.size));
    const TypeId target = btf_.resolve(pointer.target);
    const bool is_struct = btf_.find<btf::Composite>(target) != nullptr;
    return {.kind = is_struct ? FieldKind::kStruct : FieldKind::kMemory,
            .target = target,
            .space = address_space(btf_, pointer.target),
            .name = member.name};
  }

  const Btf& btf_;
  TypeId type_;
  Range want_;
  bool in_union_ = false;
  Field result_;
};

}  // namespace

Field walk(const Btf& btf, TypeId type, std::uint32_t offset, std::uint32_t size) {
  return Walk(btf, type, {.offset = offset, .size = size}).run();
}

std::string_view struct_name(const Btf& btf, TypeId type) {
  const std::string_view name = btf.name(btf.resolve(type));
  return name.empty() ? "(anon)" : name;
}

AddressSpace address_space(const Btf& btf, TypeId pointee) {
  for (std::uint32_t depth = 0; depth < Btf::kMaxDepth; ++depth) {
    if (const auto* tag = btf.find<btf::TypeTag>(pointee)) {
      if (tag->value == "user") return AddressSpace::kUser;
      if (tag->value == "percpu") return AddressSpace::kPerCpu;
      if (tag->value == "rcu") return AddressSpace::kRcu;
      pointee = tag->target;
    } else if (const auto* qualifier = btf.find<btf::Qualifier>(pointee)) {
      pointee = qualifier->target;
    } else {
      break;
    }
  }
  return AddressSpace::kKernel;
}

}  // namespace skep::verifier
