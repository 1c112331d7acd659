// SPDX-License-Identifier: Apache-2.0
// skep's engines through the public API, with all that a user pays for a run: load() once, then Runner::run(), or
// Image::run(), on an XdpContext.
#include <cstring>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/try.h"
#include "bench/peer.h"
#include "skep/context.h"
#include "skep/runner.h"
#include "skep/vm.h"

namespace skep::bench {
namespace {

/// As of the kernel's code: several images take turns, as placement alone moves a short program.
constexpr std::size_t kImages = 4;

struct Loaded {
  Vm vm;
  std::vector<Image> images;
  XdpContext context;
  std::size_t next = 0;
};

/// Every entry of the program's maps present, value = key, as the kernel peer fills its own.
Status fill_maps(Vm& vm) {
  for (const auto& map : vm.maps()) {
    for (std::uint32_t key = 0; key < map->spec().max_entries; ++key) {
      const std::uint64_t value = key;
      const int failed =
          map->put(std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(&value, 1)), UpdateFlag::kAny);
      if (failed != 0)
        return Error{Errc::kSystem, map->spec().name + ": cannot fill: errno " + std::to_string(-failed)};
    }
  }
  return kOk;
}

Result<std::shared_ptr<Loaded>> load(const VmOptions& options, const Forms& forms, std::span<std::byte> input) {
  const Verdict verdict = verify(forms.xdp);
  if (const auto* rejection = std::get_if<Rejection>(&verdict))
    return Error{Errc::kInvalid,
                 "rejected at " + std::to_string(rejection->reason.at) + ": " + message(rejection->reason)};
  Vm vm(Platform::linux_like(), options);
  std::vector<Image> images;
  while (images.size() < kImages) {
    TRY(Image image, vm.load(std::get<VerifiedProgram>(verdict)));
    images.push_back(std::move(image));
  }
  TRY_OK(fill_maps(vm));
  XdpContext context;
  context.data = context.data_meta = context.frame_start = address_of(input.data());
  context.data_end = context.frame_end = address_of(input.data() + input.size());
  return std::make_shared<Loaded>(Loaded{.vm = std::move(vm), .images = std::move(images), .context = context});
}

/// `make` gives, for an image, what runs it.
template <class Make>
Peer peer(std::string name, VmOptions options, Make make, bool entry_only = false) {
  options.cpus = 1;
  const auto prepare = [options, make](const Forms& forms, std::span<std::byte> input) -> Result<Prepared> {
    TRY(auto loaded, load(options, forms, input));
    const auto loop = [loaded, make](std::uint64_t count) {
      auto&& runs = make(loaded->images[loaded->next++ % kImages]);
      const auto bytes = std::as_writable_bytes(std::span(&loaded->context, 1));
      std::uint64_t r0 = 0;
      for (std::uint64_t i = 0; i < count; ++i) r0 = runs.run(bytes).r0;
      return static_cast<std::uint32_t>(r0);
    };
    return Prepared{.loop = loop, .timed = {}};
  };
  return {std::move(name), prepare, entry_only};
}

Runner runner(const Image& image) { return Runner(image); }
const Image& itself(const Image& image) { return image; }
Runner with_budget(const Image& image) { return Runner(image, {.budget = std::uint64_t{1} << 40}); }
Runner with_flag(const Image& image) {
  static const StopFlag never;
  return Runner(image, {.stop = &never});
}

}  // namespace

std::vector<Peer> skep_peers() {
  const VmOptions jit{.engine = Engine::kJit};
  const auto hardened = [&](HardenOptions harden) {
    VmOptions options = jit;
    options.harden = harden;
    return options;
  };
  return {peer("jit", jit, runner),
          peer("interpreter", {.engine = Engine::kInterpreter}, runner),
          peer("image-run", jit, itself, true),
          peer("jit-budget", {.engine = Engine::kJit, .limits = {.budget = true}}, with_budget),
          peer("jit-stop", {.engine = Engine::kJit, .limits = {.stop = true}}, with_flag),
          peer("jit-blind", hardened({.blind_constants = true}), runner),
          peer("jit-mask", hardened({.mask_speculation = true}), runner),
          peer("jit-retpolines", hardened({.retpolines = true}), runner)};
}

}  // namespace skep::bench
