// SPDX-License-Identifier: Apache-2.0
// plan -> reserve memory -> assemble for its address -> seal.
#include "jit/compile.h"

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "base/try.h"
#include "base/unreachable.h"
#include "jit/executable_memory.h"
#include "jit/harden.h"
#include "jit/plan.h"
#include "jit/target.h"

namespace skep::jit {
namespace {

class Native final : public NativeCode {
 public:
  Native(ExecutableMemory memory, Assembled assembled, EnvUse use)
      : memory_(std::move(memory)),
        entry_(assembled.entry),
        invoke_(assembled.invoke),
        use_(use),
        map_(std::move(assembled.map)) {}

  [[nodiscard]] EntryFn entry() const override { return std::bit_cast<EntryFn>(memory_.address() + entry_); }
  [[nodiscard]] std::span<const std::byte> bytes() const override { return memory_.bytes(); }
  [[nodiscard]] decltype(Env::invoke) invoke() const override {
    return invoke_ ? std::bit_cast<decltype(Env::invoke)>(memory_.address() + *invoke_) : nullptr;
  }
  [[nodiscard]] EnvUse env_use() const override { return use_; }
  [[nodiscard]] const CodeMap& map() const override { return map_; }

 private:
  ExecutableMemory memory_;
  std::size_t entry_;
  std::optional<std::size_t> invoke_;
  EnvUse use_;
  CodeMap map_;
};

EnvUse env_use(const Plan& plan) {
  if (plan.traps) return EnvUse::kChanges;
  return plan.uses_env ? EnvUse::kReads : EnvUse::kNone;
}

Error unsupported() { return {Errc::kUnsupported, "the JIT makes code for x86-64 and arm64, not for this host"}; }

Result<Plan> plan_of(Arch arch, const lower::Code& code, const lower::Bindings& bindings,
                     const CompileOptions& options) {
  switch (arch) {
    case Arch::kX86_64:
      return x86_64::plan(code, bindings, options);
    case Arch::kArm64:
      return arm64::plan(code, bindings, options);
    case Arch::kOther:
      return unsupported();
  }
  unreachable();
}

Result<Plan> plan_for(Arch arch, const lower::Code& code, const lower::Bindings& bindings,
                      const CompileOptions& options) {
  if (options.harden.mask_speculation && !std::ranges::all_of(code.ops, can_be_masked))
    return Error{Errc::kUnsupported, "masked speculation: an operation on memory, which suited() leaves out"};
  TRY(Plan plan, plan_of(arch, code, bindings, options));
  constexpr auto kOfProgram = static_cast<lower::RegSet>((1u << lower::kFirstSpare) - 1);
  const auto known = static_cast<lower::RegSet>(kOfProgram | spares(arch, options).regs);
  if (std::ranges::any_of(plan.functions, [&](const FunctionPlan& function) { return (function.regs & ~known) != 0; }))
    return Error{Errc::kUnsupported, "a register that this machine code has not: the code was optimised for another"};
  return plan;
}

Result<Assembled> assemble_planned(Arch arch, const lower::Code& code, const lower::Bindings& bindings,
                                   const Plan& plan, const AssembleOptions& options) {
  switch (arch) {
    case Arch::kX86_64:
      return x86_64::assemble(code, bindings, plan, options);
    case Arch::kArm64:
      return arm64::assemble(code, bindings, plan, options);
    case Arch::kOther:
      return unsupported();
  }
  unreachable();
}

}  // namespace

lower::Spares spares(Arch arch, const CompileOptions& options) {
  return arch == Arch::kX86_64 ? x86_64::spares(options) : lower::Spares{};
}

Result<Assembled> assemble(const lower::Code& code, const lower::Bindings& bindings, Arch arch,
                           const AssembleOptions& options) {
  TRY(const Plan plan, plan_for(arch, code, bindings, options.compile));
  return assemble_planned(arch, code, bindings, plan, options);
}

Result<std::shared_ptr<const NativeCode>> compile(const lower::Code& code, const lower::Bindings& bindings) {
  return compile(code, bindings, {.features = host_target().features}, Mapping::kOff);
}

Result<std::shared_ptr<const NativeCode>> compile(const lower::Code& code, const lower::Bindings& bindings,
                                                  const CompileOptions& options, Mapping mapping) {
  const Arch arch = host_target().arch;
  TRY(const Plan plan, plan_for(arch, code, bindings, options));
  const std::uint64_t near = bindings.helpers.empty() ? 0 : bindings.helpers.front();
  TRY(ExecutableMemory memory, ExecutableMemory::reserve(plan.position.back() + kTrampolineBound, near));
  TRY(Assembled assembled,
      assemble_planned(arch, code, bindings, plan,
                       {.compile = options, .base = memory.address(), .listing = Listing::kOff, .mapping = mapping}));
  TRY_OK(memory.seal(assembled.bytes));
  return std::shared_ptr<const NativeCode>(
      std::make_shared<const Native>(std::move(memory), std::move(assembled), env_use(plan)));
}

}  // namespace skep::jit
