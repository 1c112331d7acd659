// SPDX-License-Identifier: Apache-2.0
#include "verifier/engine/kfuncs.h"

#include <algorithm>
#include <array>

namespace skep::verifier {
namespace {

using Kind = KfuncParameterKind;

struct Named {
  std::string_view name;
  Kind kind;
};
/// Types that say by their name what the parameter is.
constexpr auto kManagedTypes = std::to_array<Named>({{"bpf_dynptr", Kind::kDynptr},
                                                     {"bpf_list_head", Kind::kListHead},
                                                     {"bpf_list_node", Kind::kListNode},
                                                     {"bpf_rb_root", Kind::kTreeRoot},
                                                     {"bpf_rb_node", Kind::kTreeNode},
                                                     {"bpf_res_spin_lock", Kind::kResilientLock},
                                                     {"bpf_timer", Kind::kTimer},
                                                     {"bpf_wq", Kind::kWorkQueue},
                                                     {"bpf_task_work", Kind::kTaskWork}});
/// Suffixes of pointers that say what they point to.
constexpr auto kPointerSuffixes = std::to_array<Named>({{"__alloc", Kind::kAllocated},
                                                        {"__refcounted_kptr", Kind::kRefcounted},
                                                        {"__str", Kind::kString},
                                                        {"__map", Kind::kMap},
                                                        {"__irq_flag", Kind::kIrqFlag}});
constexpr auto kNumberSuffixes =
    std::to_array<Named>({{"__k", Kind::kConstant}, {"__sz", Kind::kSize}, {"__szk", Kind::kConstantSize}});

template <class Rows>
std::optional<Kind> by_suffix(const Rows& rows, std::string_view name) {
  for (const Named& row : rows)
    if (name.ends_with(row.name)) return row.kind;
  return std::nullopt;
}

bool is_size(std::string_view name) { return name.ends_with("__sz") || name.ends_with("__szk"); }

constexpr auto kContextNames = std::to_array<std::string_view>({
#define CONTEXT(name, uapi, run_time, bytes) uapi,
#include "skep/tables/contexts.def"
});

bool is_iterator_function(const KfuncProto* row) {
  return row != nullptr &&
         (row->has(KfuncFlag::kIterNew) || row->has(KfuncFlag::kIterNext) || row->has(KfuncFlag::kIterDestroy));
}

class Classifier {
 public:
  Classifier(const Btf& kernel, ProgramType type, const Kfunc& kfunc, const btf::FuncProto& proto)
      : kernel_(kernel), type_(type), kfunc_(kfunc), proto_(proto) {}

  [[nodiscard]] KfuncParameter classify(std::size_t index) const {
    const btf::Parameter& parameter = proto_.parameters[index];
    const std::string_view name = parameter.name;
    KfuncParameter result{.nullable = name.ends_with("__nullable"),
                          .optional = name.ends_with("__opt"),
                          .uninitialized = name.ends_with("__uninit")};
    const auto* pointer = kernel_.find<btf::Pointer>(kernel_.resolve(parameter.type));
    if (pointer != nullptr) result.type = kernel_.resolve(pointer->target);
    result.kind = pointer == nullptr ? number(name) : pointee(index, result.type);
    if (result.kind == Kind::kMap) result.type = kernel_.find_by_name<btf::Composite>("bpf_map");
    if (name.ends_with("__ign")) result.kind = Kind::kIgnored;
    if (name.ends_with("__prog")) result.kind = Kind::kProgram;
    return result;
  }

 private:
  [[nodiscard]] static Kind number(std::string_view name) {
    return by_suffix(kNumberSuffixes, name).value_or(Kind::kScalar);
  }

  [[nodiscard]] Kind pointee(std::size_t index, TypeId type) const {
    const bool casts = kfunc_.row != nullptr && kfunc_.row->id == KfuncId::bpf_cast_to_kern_ctx;
    const std::string_view context = kContextNames[static_cast<std::size_t>(info(type_).context)];
    const std::string_view name = kernel_.find<btf::Composite>(type) != nullptr ? kernel_.name(type) : "";
    if (casts || (!name.empty() && name == context)) return Kind::kContext;
    if (const auto suffix = by_suffix(kPointerSuffixes, proto_.parameters[index].name)) return *suffix;
    if (index == 0 && is_iterator_function(kfunc_.row)) return Kind::kIterator;
    for (const Named& row : kManagedTypes)
      if (row.name == name) return row.kind;
    if (kernel_.find<btf::FuncProto>(type) != nullptr) return Kind::kCallback;
    const bool sized = index + 1 < proto_.parameters.size() && is_size(proto_.parameters[index + 1].name);
    return sized ? Kind::kSizedMemory : Kind::kPointer;
  }

  const Btf& kernel_;
  ProgramType type_;
  const Kfunc& kfunc_;
  const btf::FuncProto& proto_;
};

bool is_plain(const Btf& kernel, TypeId id, std::uint32_t depth) {
  constexpr std::uint32_t kMaxNesting = 4;
  id = kernel.resolve(id);
  if (kernel.find<btf::Int>(id) != nullptr || kernel.find<btf::Enum>(id) != nullptr) return true;
  if (const auto* array = kernel.find<btf::Array>(id))
    return array->count != 0 && is_plain(kernel, array->element, depth);
  const auto* composite = kernel.find<btf::Composite>(id);
  if (composite == nullptr || depth >= kMaxNesting) return false;
  return std::all_of(composite->members.begin(), composite->members.end(),
                     [&](const btf::Member& member) { return is_plain(kernel, member.type, depth + 1); });
}

}  // namespace

std::optional<Kfunc> resolve_kfunc(const Btf& kernel, std::int32_t id, ProgramType type) {
  const auto* function = id < 0 ? nullptr : kernel.find<btf::Func>(static_cast<TypeId>(id));
  const auto* proto = function == nullptr ? nullptr : kernel.find<btf::FuncProto>(function->prototype);
  if (proto == nullptr) return std::nullopt;
  Kfunc kfunc{.id = id,
              .name = function->name,
              .row = find_kfunc(function->name),
              .parameters = {},
              .returns = kernel.resolve(proto->returns)};
  const Classifier classifier(kernel, type, kfunc, *proto);
  std::vector<KfuncParameter> parameters;
  for (std::size_t i = 0; i < proto->parameters.size(); ++i) parameters.push_back(classifier.classify(i));
  kfunc.parameters = std::move(parameters);
  return kfunc;
}

std::optional<std::uint32_t> size_of_plain(const Btf& kernel, TypeId type) {
  if (!is_plain(kernel, type, 0)) return std::nullopt;
  const auto size = kernel.size_of(type);
  return size.has_value() ? std::optional<std::uint32_t>{*size} : std::nullopt;
}

}  // namespace skep::verifier
