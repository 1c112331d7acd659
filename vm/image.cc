// SPDX-License-Identifier: Apache-2.0
// One run: an Env, and the engine.
#include <limits>
#include <optional>

#include "base/address.h"
#include "vm/image_impl.h"
#include "vm/interpreter/run.h"
#include "vm/logical_cpu.h"

namespace skep {
namespace {

std::uint32_t choose_cpu(const RunOptions& options, std::uint32_t cpus) {
  const std::uint32_t number = options.cpu >= 0 ? static_cast<std::uint32_t>(options.cpu) : thread_number();
  return number < cpus ? number : number % cpus;
}

RunResult run_interpreter(const Image::Impl& image, Env& env, std::span<std::byte> context, const RunOptions& options) {
  using interpreter::Policy;
  interpreter::Run run(env);
  run.code = image.compiled.get();
  run.budget = options.budget != 0 ? options.budget : std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t r1 = address_of(context.data()), r2 = context.size();
  std::uint64_t r0 = 0;
  if (options.checked) {
    run.context = {.bytes = context, .writable = true};
    run.regions = options.regions;
    run.has_packet = image.has_packet;
    r0 = interpreter::execute<Policy{.checked = true, .counted = true}>(run, r1, r2);
  } else if (options.budget != 0) {
    r0 = interpreter::execute<Policy{.checked = false, .counted = true}>(run, r1, r2);
  } else {
    r0 = interpreter::execute<Policy{.checked = false, .counted = false}>(run, r1, r2);
  }
  if (run.env.trap == Trap::kNone) return {.r0 = r0};
  return {.r0 = 0, .trap = run.env.trap, .at = run.trap_at == interpreter::kNowhere ? 0 : run.trap_at};
}

RunResult run_native(const Image::Impl& image, Env& env, std::span<std::byte> context) {
  const std::uint64_t r0 = image.entry(address_of(context.data()), context.size(), env);
  return {.r0 = env.trap == Trap::kNone ? r0 : 0, .trap = env.trap, .at = 0};
}

/// Apart from the common case, so that this one's needs cost that one nothing.
[[gnu::noinline]] RunResult run_otherwise(const Image::Impl& image, Env& env, std::span<std::byte> context,
                                          const RunOptions& options) {
  std::optional<TailTargets::Section> section;
  if (image.calls_tail) section.emplace(image.shared->tail_targets, env.cpu);
  if (image.entry == nullptr) return run_interpreter(image, env, context, options);
  // Native code neither checks nor counts; running it anyway would betray who asked for that.
  if (options.checked || options.budget != 0) return {.r0 = 0, .trap = Trap::kIllegal, .at = 0};
  return run_native(image, env, context);
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

RunResult Image::run(std::span<std::byte> context, const RunOptions& options) const {
  const Impl& image = *impl_;
  Env env = image.prototype;
  env.cpu = choose_cpu(options, env.cpus);
  env.context = context.data();
  const bool plain = image.entry != nullptr && !image.calls_tail && !options.checked && options.budget == 0;
  return plain ? run_native(image, env, context) : run_otherwise(image, env, context, options);
}

const Program& Image::program() const { return impl_->program; }

std::span<const std::byte> Image::native_code() const {
  return impl_->native == nullptr ? std::span<const std::byte>{} : impl_->native->bytes();
}

}  // namespace skep
