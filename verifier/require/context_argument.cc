// SPDX-License-Identifier: Apache-2.0
#include "verifier/require/context_argument.h"

#include <algorithm>
#include <array>

#include "base/cat.h"

namespace skep::verifier {
namespace {

// UAPI bpf_attach_type.
constexpr std::uint32_t kTraceRawTp = 23, kTraceIter = 28;

/// What may be tagged beside void and the context's own name.
enum class TagRule : std::uint8_t {
  kNameOnly,
  kAnyValue,   ///< Anything that is no pointer, function or array: the context has no type.
  kWords,      ///< Numbers of 8 bytes: the context is an array of arguments.
  kRegisters,  ///< pt_regs, and the UAPI's name for it.
  kIterator,   ///< The iterator's own structure.
};
TagRule tag_rule(const Program& program) {
  const bool iterates = program.type == ProgramType::kTracing && program.attach_type == kTraceIter;
  if (iterates) return TagRule::kIterator;
  constexpr ProgramTypeSet kWords = set_of(ProgramType::kRawTracepoint, ProgramType::kRawTracepointWritable,
                                           ProgramType::kTracing, ProgramType::kLsm, ProgramType::kStructOps);
  if (contains(kWords, program.type)) return TagRule::kWords;
  if (contains(set_of(ProgramType::kTracepoint, ProgramType::kSyscall), program.type)) return TagRule::kAnyValue;
  if (contains(set_of(ProgramType::kKprobe, ProgramType::kPerfEvent), program.type)) return TagRule::kRegisters;
  return TagRule::kNameOnly;
}

constexpr auto kContextNames = std::to_array<std::string_view>({
#define CONTEXT(name, uapi, run_time, bytes) uapi,
#include "skep/tables/contexts.def"
});
constexpr std::string_view kRegisters = "pt_regs", kUserRegisters = "bpf_user_pt_regs_t";

std::string_view uapi_name(const Program& program) {
  const bool raw = program.type == ProgramType::kTracing && program.attach_type == kTraceRawTp;
  return kContextNames[static_cast<std::size_t>(raw ? ContextKind::kRawTracepoint : info(program.type).context)];
}

/// The kernel's own structures that a prototype may name in place of the UAPI's.
std::string_view kernel_name(std::string_view uapi) {
  if (uapi == "__sk_buff") return "sk_buff";
  return uapi == "xdp_md" ? "xdp_buff" : "";
}

/// `type` without qualifiers and type tags, but with its typedefs.
TypeId strip_qualifiers(const Btf& btf, TypeId type) {
  for (std::uint32_t i = 0; i < Btf::kMaxDepth; ++i) {
    if (const auto* qualifier = btf.find<btf::Qualifier>(type); qualifier != nullptr)
      type = qualifier->target;
    else if (const auto* tag = btf.find<btf::TypeTag>(type); tag != nullptr)
      type = tag->target;
    else
      break;
  }
  return type;
}

bool is_named(const Btf& btf, TypeId target, std::string_view wanted) {
  const auto* composite = btf.find<btf::Composite>(btf.resolve(target));
  return composite != nullptr && !wanted.empty() && composite->name == wanted;
}

/// A structure, not a union.
bool is_struct_named(const Btf& btf, TypeId target, std::string_view wanted) {
  const auto* composite = btf.find<btf::Composite>(btf.resolve(target));
  return is_named(btf, target, wanted) && composite->kind == btf::Aggregate::kStruct;
}

bool is_registers(const Btf& btf, TypeId target) {
  const TypeId named = strip_qualifiers(btf, target);
  const bool user = btf.find<btf::Typedef>(named) != nullptr && btf.name(named) == kUserRegisters;
  return user || is_named(btf, target, kRegisters);
}

}  // namespace

bool names_context(const Program& program, TypeId target) {
  const Btf& btf = *program.btf;
  const std::string_view uapi = uapi_name(program);
  // A structure of the typedef's name is an old way to say it.
  if (program.type == ProgramType::kKprobe) return is_registers(btf, target) || is_named(btf, target, kUserRegisters);
  return is_named(btf, target, uapi) || is_named(btf, target, kernel_name(uapi));
}

bool may_be_tagged_context(const Program& program, TypeId target) {
  const Btf& btf = *program.btf;
  const TypeId resolved = btf.resolve(target);
  // The UAPI's name for registers is that of a typedef.
  const std::string_view uapi = uapi_name(program);
  if (resolved == 0 || (uapi != kUserRegisters && is_struct_named(btf, target, uapi))) return true;
  switch (tag_rule(program)) {
    case TagRule::kNameOnly:
      return false;
    case TagRule::kAnyValue:
      return btf.find<btf::Pointer>(resolved) == nullptr && btf.find<btf::FuncProto>(resolved) == nullptr &&
             btf.find<btf::Array>(resolved) == nullptr;
    case TagRule::kWords: {
      const auto* number = btf.find<btf::Int>(resolved);
      return number != nullptr && number->size == sizeof(std::uint64_t);
    }
    case TagRule::kRegisters:
      return is_registers(btf, target);
    case TagRule::kIterator:
      return is_named(btf, target, cat("bpf_iter__", program.attach_target));
  }
  return false;
}

}  // namespace skep::verifier
