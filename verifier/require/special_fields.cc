// SPDX-License-Identifier: Apache-2.0
// Fields that the kernel manages, by the names of their types and by type tags, as BTF has them; and the rule that
// nobody else touches them.
#include "verifier/domain/special_field.h"

#include <optional>
#include <string>

#include "base/overloaded.h"
#include "base/try.h"
#include "skep/btf.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

enum class Holder : std::uint8_t { kMapValue, kObject };

std::optional<SpecialKind> kind_of_structure(std::string_view name) {
  for (std::size_t i = 0; i < kSpecialKinds.size(); ++i)
    if (kSpecialKinds[i].tag.empty() && kSpecialKinds[i].name == name) return static_cast<SpecialKind>(i);
  return std::nullopt;
}
std::optional<SpecialKind> kind_of_tag(std::string_view tag) {
  for (std::size_t i = 0; i < kSpecialKinds.size(); ++i)
    if (!kSpecialKinds[i].tag.empty() && kSpecialKinds[i].tag == tag) return static_cast<SpecialKind>(i);
  return std::nullopt;
}

/// Walks a type down to its fields.
class Finder {
 public:
  Finder(const Btf& types, const Btf* kernel, Holder holder) : types_(types), kernel_(kernel), holder_(holder) {}

  /// Where a declaration tag can be: a variable, or a member of a structure.
  struct Declaration {
    TypeId type = 0;
    std::optional<std::uint32_t> component;
  };

  void visit(TypeId id, std::uint32_t offset, Declaration declared, std::uint32_t depth) {
    if (depth > Btf::kMaxDepth || id >= types_.size()) return;
    std::visit(Overloaded{
                   [&](const btf::Composite& type) { visit_composite(type, id, offset, declared, depth); },
                   [&](const btf::Array& type) { visit_array(type, offset, declared, depth); },
                   [&](const btf::Typedef& type) { visit(type.target, offset, declared, depth + 1); },
                   [&](const btf::Qualifier& type) { visit(type.target, offset, declared, depth + 1); },
                   [&](const btf::Var& type) { visit(type.type, offset, {.type = id, .component = {}}, depth + 1); },
                   [&](const btf::DataSec& type) {
                     for (const btf::SectionVar& var : type.vars) visit(var.var, var.offset, {}, depth + 1);
                   },
                   [&](const btf::Pointer& type) { visit_pointer(type, offset); },
                   [](const auto&) {},
               },
               types_.type(id));
  }

  /// Linux takes a map whose fields do not fit together for one without any.
  FieldRecord take() {
    constexpr std::size_t kMostFields = 11;
    auto& fields = found_.fields;
    const auto count = [&](SpecialKind kind) {
      return std::count_if(fields.begin(), fields.end(), [&](const SpecialField& field) { return field.kind == kind; });
    };
    for (const SpecialKind kind :
         {SpecialKind::kTimer, SpecialKind::kWorkQueue, SpecialKind::kTaskWork, SpecialKind::kRefCount})
      invalid_ = invalid_ || count(kind) > 1;
    const auto locks = count(SpecialKind::kSpinLock) + count(SpecialKind::kResilientSpinLock);
    const bool collections = found_.has(SpecialKind::kListHead) || found_.has(SpecialKind::kTreeRoot);
    if (invalid_ || fields.size() > kMostFields || locks > 1 || (collections && locks == 0)) fields.clear();
    std::sort(found_.fields.begin(), found_.fields.end(),
              [](const SpecialField& a, const SpecialField& b) { return a.offset < b.offset; });
    return std::move(found_);
  }

 private:
  void add(SpecialField field) {
    if (holder_ == Holder::kMapValue ? info(field.kind).in_values : info(field.kind).in_objects)
      found_.fields.push_back(field);
  }

  void visit_composite(const btf::Composite& type, TypeId id, std::uint32_t offset, const Declaration& declared,
                       std::uint32_t depth) {
    if (const auto kind = kind_of_structure(type.name)) {
      SpecialField field{.kind = *kind, .offset = offset, .size = type.size};
      if (*kind == SpecialKind::kListHead || *kind == SpecialKind::kTreeRoot) set_contents(field, declared);
      add(field);
      return;
    }
    if (type.kind == btf::Aggregate::kUnion) return;
    for (std::uint32_t i = 0; i < type.members.size(); ++i)
      visit(type.members[i].type, offset + type.members[i].bit_offset / 8, {.type = id, .component = i}, depth + 1);
  }

  void visit_array(const btf::Array& type, std::uint32_t offset, const Declaration& declared, std::uint32_t depth) {
    const auto size = types_.size_of(type.element);
    if (!size) return;
    const std::size_t before = found_.fields.size();
    for (std::uint32_t i = 0; i < type.count; ++i) {
      visit(type.element, offset + i * *size, declared, depth + 1);
      if (found_.fields.size() == before) return;  // Plain elements: no need to look at all of them.
    }
  }

  /// "contains:TYPE:NODE", a tag of the declaration, says what hangs in a list or tree.
  void set_contents(SpecialField& field, const Declaration& declared) {
    constexpr std::string_view kPrefix = "contains:";
    for (TypeId id = 1; id < types_.size(); ++id) {
      const auto* tag = types_.find<btf::DeclTag>(id);
      if (tag == nullptr || tag->target != declared.type || tag->component != declared.component) continue;
      if (!tag->value.starts_with(kPrefix)) continue;
      const std::string_view what = tag->value.substr(kPrefix.size());
      const std::size_t colon = what.find(':');
      if (colon == std::string_view::npos) continue;
      field.type = types_.find_by_name<btf::Composite>(what.substr(0, colon));
      return set_node(field, what.substr(colon + 1));
    }
    invalid_ = true;
  }

  void set_node(SpecialField& field, std::string_view name) {
    const auto* type = types_.find<btf::Composite>(field.type);
    const SpecialKind wanted = field.kind == SpecialKind::kListHead ? SpecialKind::kListNode : SpecialKind::kTreeNode;
    bool found = false;
    for (std::size_t i = 0; type != nullptr && i < type->members.size(); ++i) {
      const btf::Member& member = type->members[i];
      if (member.name != name || types_.name(types_.resolve(member.type)) != info(wanted).name) continue;
      field.node_offset = member.bit_offset / 8;
      found = true;
    }
    invalid_ = invalid_ || !found;
  }

  void visit_pointer(const btf::Pointer& type, std::uint32_t offset) {
    std::optional<SpecialKind> kind;
    TypeId target = type.target;
    for (std::uint32_t i = 0; i < Btf::kMaxDepth; ++i) {
      const auto* tag = types_.find<btf::TypeTag>(target);
      if (tag == nullptr) break;
      if (const auto known = kind_of_tag(tag->value)) kind = known;
      target = tag->target;
    }
    if (!kind) return;
    if (*kind != SpecialKind::kUserPointer && types_.find<btf::Composite>(types_.resolve(target)) == nullptr)
      invalid_ = true;
    constexpr std::uint32_t kPointerBytes = 8;
    SpecialField field{.kind = *kind, .offset = offset, .size = kPointerBytes, .type = types_.resolve(target)};
    if (*kind != SpecialKind::kUserPointer) resolve_target(field);
    add(field);
  }

  /// A structure that the kernel has is the kernel's; any other is the program's own.
  void resolve_target(SpecialField& field) {
    const std::string_view name = types_.name(field.type);
    const TypeId known = kernel_ == nullptr ? 0 : kernel_->find_by_name<btf::Composite>(name);
    if (kernel_ == nullptr) found_.unresolved = true;
    if (known == 0) return;
    field.type = known;
    field.kernel_type = true;
    // Objects that a map owns must be freed with it: the kernel can do that for few of its types.
    constexpr auto kFreed = std::to_array<std::string_view>(
        {"task_struct", "cgroup", "bpf_cpumask", "bpf_crypto_ctx", "prog_test_ref_kfunc", "prog_test_member"});
    if (field.kind == SpecialKind::kKptr && std::find(kFreed.begin(), kFreed.end(), name) == kFreed.end())
      found_.unresolved = true;
  }

  const Btf& types_;
  const Btf* kernel_;
  Holder holder_;
  FieldRecord found_;
  bool invalid_ = false;
};

FieldRecord find_fields(const Run& run, const Btf& types, TypeId type, Holder holder) {
  Finder finder(types, run.program.target_btf.get(), holder);
  finder.visit(type, 0, {}, 0);
  return finder.take();
}

}  // namespace

const FieldRecord& fields_of_map(Run& run, std::uint32_t map) {
  static const FieldRecord nothing;
  const MapSpec& spec = *run.maps[map];
  if (spec.btf == nullptr || spec.value_type_id == 0) return nothing;
  const auto known = run.map_fields.find(&spec);
  if (known != run.map_fields.end()) return known->second;
  FieldRecord record = find_fields(run, *spec.btf, spec.value_type_id, Holder::kMapValue);
  // The numbers of types mean nothing to a program that has types of its own.
  if (spec.btf != run.program.btf) record.unresolved = true;
  return run.map_fields.emplace(&spec, std::move(record)).first->second;
}

const FieldRecord& fields_of_type(Run& run, TypeId type) {
  static const FieldRecord nothing;
  if (run.program.btf == nullptr) return nothing;
  const auto known = run.type_fields.find(type);
  if (known != run.type_fields.end()) return known->second;
  return run.type_fields.emplace(type, find_fields(run, *run.program.btf, type, Holder::kObject)).first->second;
}

namespace {

Check check_pointer_field(Run& run, const Value& base, const SpecialField& field, std::int64_t start,
                          std::uint32_t size, Accessor who) {
  const std::string name(info(field.kind).name);
  if (who == Accessor::kHelper) return run.reject(DiagCode::kFieldIndirect, name);
  if (!base.scalar.is_constant()) return run.reject(DiagCode::kFieldVariableOffset, name);
  if (start != std::int64_t{field.offset})
    return run.reject(DiagCode::kFieldMisaligned, name, std::uint64_t{field.offset}, start);
  if (size != field.size) return run.reject(DiagCode::kFieldSize, name);
  return Check::ok();
}

}  // namespace

Check check_special_fields(Run& run, const Value& base, const FieldRecord& record, std::int32_t offset,
                           std::uint32_t size, Accessor who) {
  const std::int64_t known = std::int64_t{base.offset} + offset;
  const std::int64_t low = known + base.scalar.smin;
  const std::int64_t high = known + static_cast<std::int64_t>(base.scalar.umax) + size;
  for (const SpecialField& field : record.fields) {
    const std::int64_t end = std::int64_t{field.offset} + field.size;
    if (low >= end || std::int64_t{field.offset} >= high) continue;
    if (!is_pointer_field(field.kind))
      return run.reject(DiagCode::kFieldDirectAccess, std::string(info(field.kind).name));
    TRY_OK(check_pointer_field(run, base, field, low, size, who));
  }
  return Check::ok();
}

}  // namespace skep::verifier
