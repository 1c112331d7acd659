// SPDX-License-Identifier: Apache-2.0
// One run: an Env, and the engine.
#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

#include "base/address.h"
#include "skep/runner.h"
#include "vm/image_impl.h"
#include "vm/interpreter/run.h"
#include "vm/logical_cpu.h"

namespace skep {
namespace {

std::uint32_t choose_cpu(const RunOptions& options, std::uint32_t cpus) {
  const std::uint32_t number = options.cpu >= 0 ? static_cast<std::uint32_t>(options.cpu) : thread_number();
  return number < cpus ? number : number % cpus;
}

/// Not inlined: its frame holds the program's stacks.
[[gnu::noinline]] RunResult run_interpreter(const Image::Impl& image, Env& env, std::span<std::byte> context,
                                            const RunOptions& options) {
  using interpreter::Policy;
  interpreter::Run run(env);
  run.code = image.compiled.get();
  run.budget = options.budget != 0 ? options.budget : std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t r1 = address_of(context.data()), r2 = context.size();
  std::uint64_t r0 = 0;
  const bool profiled = run.code->counters != nullptr;
  if (options.checked) {
    run.context = {.bytes = context, .writable = true};
    run.regions = options.regions;
    run.has_packet = image.has_packet;
    r0 = profiled ? interpreter::execute<Policy{.checked = true, .counted = true, .profiled = true}>(run, r1, r2)
                  : interpreter::execute<Policy{.checked = true, .counted = true}>(run, r1, r2);
  } else if (profiled) {
    r0 = interpreter::execute<Policy{.checked = false, .counted = true, .profiled = true}>(run, r1, r2);
  } else if (options.budget != 0 || options.stop != nullptr) {
    r0 = interpreter::execute<Policy{.checked = false, .counted = true}>(run, r1, r2);
  } else {
    run.code = &image.compiled->for_plain_runs();
    r0 = interpreter::execute<Policy{.checked = false, .counted = false}>(run, r1, r2);
  }
  if (run.env.trap == Trap::kNone) return {.r0 = r0};
  return {.r0 = 0, .trap = run.env.trap, .at = run.trap_at == interpreter::kNowhere ? 0 : run.trap_at};
}

RunResult run_native(const Image::Impl& image, Env& env, std::span<std::byte> context) {
  const std::uint64_t r0 = image.entry(address_of(context.data()), context.size(), env);
  return {.r0 = env.trap == Trap::kNone ? r0 : 0, .trap = env.trap, .at = 0};
}

/// Whether the run needs what this native code does not do: running it anyway would betray who asks for that.
bool asks_too_much(const Image::Impl& image, const RunOptions& options) {
  const LimitOptions& limits = image.shared->compile.limits;
  return options.checked || (options.budget != 0 && !limits.budget) || (options.stop != nullptr && !limits.stop);
}

/// `env` is as at the beginning of a run, with its context.
[[gnu::noinline]] RunResult execute_any(const Image::Impl& image, Env& env, std::span<std::byte> context,
                                        const RunOptions& options) {
  std::optional<TailTargets::Section> section;
  if (image.calls_tail) section.emplace(image.shared->tail_targets, env.cpu);
  if (image.entry == nullptr) return run_interpreter(image, env, context, options);
  if (asks_too_much(image, options)) return {.r0 = 0, .trap = Trap::kIllegal, .at = 0};
  return run_native(image, env, context);
}

/// Apart from the rest, so that the rest's needs cost the common case nothing.
RunResult execute(const Image::Impl& image, Env& env, std::span<std::byte> context, const RunOptions& options) {
  const bool plain = image.entry != nullptr && !image.calls_tail && !asks_too_much(image, options);
  return plain ? run_native(image, env, context) : execute_any(image, env, context, options);
}

std::int64_t native_budget(const RunOptions& options) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return options.budget == 0 || options.budget > std::uint64_t{kMost} ? kMost
                                                                      : static_cast<std::int64_t>(options.budget);
}

Env make_env(const Image::Impl& image, const RunOptions& options) {
  Env env = image.prototype;
  env.cpu = choose_cpu(options, env.cpus);
  env.budget = native_budget(options);
  if (options.stop != nullptr) env.stop = options.stop;
  return env;
}

}  // namespace

std::uint64_t native_tail_call(Env& env, std::uint64_t map, std::uint64_t index) {
  if (env.tail_calls >= kMaxTailCalls) return 0;
  const auto& array = *static_cast<const ProgArrayMap*>(from_address<const Map>(map));
  const TailTarget* target = array.target(static_cast<std::uint32_t>(index));
  if (target == nullptr) return 0;
  ++env.tail_calls;
  env.image = target->image;
  return target->entry;
}

Image::Image(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {
  // That code ignores its third argument makes it a function of two.
  if (impl_ != nullptr && impl_->native != nullptr && impl_->native->env_use() == jit::EnvUse::kNone)
    bare_ = std::bit_cast<decltype(bare_)>(impl_->entry);
}

RunResult Image::run(std::span<std::byte> context, const RunOptions& options) const {
  Env env = make_env(*impl_, options);
  env.context = context.data();
  return execute(*impl_, env, context, options);
}

Runner::Runner(Image image, const RunOptions& options)
    : image_(std::move(image)), options_(options), env_(make_env(*image_.impl(), options)) {
  const Image::Impl& impl = *image_.impl();
  if (impl.native != nullptr && impl.native->env_use() != jit::EnvUse::kChanges && !asks_too_much(impl, options))
    entry_ = impl.entry;
}

RunResult Runner::run_otherwise(std::span<std::byte> context) {
  env_.trap = Trap::kNone;
  env_.tail_calls = 0;
  env_.budget = native_budget(options_);
  env_.image = image_.impl().get();
  return execute(*image_.impl(), env_, context, options_);
}

Profile Image::profile() const {
  const interpreter::Compiled* const code = impl_->compiled.get();
  if (code == nullptr || code->counters == nullptr) return {};
  const isa::Insns& insns = impl_->program.insns;
  Profile out{.executed = std::vector<std::uint64_t>(insns.size()), .taken = std::vector<std::uint64_t>(insns.size())};
  for (std::size_t op = 0; op < code->slots.size(); ++op) {
    const InsnIndex at = code->origin[op];
    const interpreter::Counter& counter = code->counters[op];
    // The first op of an instruction runs each time, the others (and a function's prologue) no more often than it.
    out.executed[at] = std::max(out.executed[at], counter.executed.load(std::memory_order_relaxed));
    if (std::holds_alternative<isa::Branch>(insns[at]) || std::holds_alternative<isa::MayGoto>(insns[at]))
      out.taken[at] += counter.taken.load(std::memory_order_relaxed);
  }
  return out;
}

const Program& Image::program() const { return impl_->program; }

std::span<const std::byte> Image::native_code() const {
  return impl_->native == nullptr ? std::span<const std::byte>{} : impl_->native->bytes();
}

}  // namespace skep
