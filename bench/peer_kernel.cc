// SPDX-License-Identifier: Apache-2.0
// The kernel, where bpf(2) works. `kjit` is its JIT's code, copied to user memory at the same offset in its page and
// called there, so that code quality is compared and nothing else; several images take turns, as placement alone moves
// some programs a lot. `kernel-test-run` is BPF_PROG_TEST_RUN with its own clock and loop.
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "base/address.h"
#include "base/try.h"
#include "bench/peer.h"
#include "kernel/bpf.h"

namespace skep::bench {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kImages = 4;

/// What the kernel's rewritten loads of xdp_md.data and xdp_md.data_end expect in r1.
struct Context {
  std::uint64_t data = 0, data_end = 0;
};
using Function = std::uint64_t (*)(const Context*);

struct Pages {
  void* address = MAP_FAILED;
  std::size_t size = 0;
  Pages(void* a, std::size_t s) : address(a), size(s) {}
  Pages(Pages&& other) noexcept : address(std::exchange(other.address, MAP_FAILED)), size(other.size) {}
  Pages& operator=(Pages&&) = delete;
  ~Pages() {
    if (address != MAP_FAILED) munmap(address, size);
  }
};

/// Makes the image's end, which jumps to the kernel's return thunk, a plain return. The kernel writes one end, behind
/// the first exit, which need not be the last instruction. False: there is no such place, or more than one.
bool end_with_return(std::vector<std::byte>& code) {
  constexpr auto kRet = std::byte{0xc3}, kLeave = std::byte{0xc9}, kJump = std::byte{0xe9};
  constexpr std::size_t kLength = 6;  // leave; jmp rel32
  std::size_t ends = 0;
  for (std::size_t at = 0; at + kLength <= code.size(); ++at) {
    if (code[at] != kLeave) continue;
    if (code[at + 1] == kRet) ++ends;
    if (code[at + 1] != kJump) continue;
    std::int32_t distance = 0;
    std::memcpy(&distance, code.data() + at + 2, sizeof(distance));
    const std::int64_t target = static_cast<std::int64_t>(at + kLength) + distance;
    if (target >= 0 && target < static_cast<std::int64_t>(code.size())) continue;
    code[at + 1] = kRet;
    ++ends;
  }
  return ends == 1;
}

/// Calls, and addresses of maps.
bool refers_to_the_kernel(const Program& program) {
  return !program.maps.empty() || std::ranges::any_of(program.insns, [](const isa::Insn& insn) {
    return std::holds_alternative<isa::Call>(insn);
  });
}

Result<Pages> copy_to_user(kernel::JitedImage image) {
  if (!end_with_return(image.code)) return Error{Errc::kUnsupported, "the kernel's code ends in no known way"};
  const std::size_t offset = image.address % kPage;
  const std::size_t size = (offset + image.code.size() + kPage - 1) / kPage * kPage;
  Pages pages(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
  if (pages.address == MAP_FAILED) return Error{Errc::kSystem, "no memory for a copy of the kernel's code"};
  std::memcpy(static_cast<std::byte*>(pages.address) + offset, image.code.data(), image.code.size());
  if (mprotect(pages.address, size, PROT_READ | PROT_EXEC) != 0) return Error{Errc::kSystem, "no executable memory"};
  return pages;
}

struct Images {
  std::vector<Pages> pages;
  std::array<Function, kImages> functions{};
  Context context;
  std::size_t next = 0;
};

Result<Prepared> prepare_kjit(const Forms& forms, std::span<std::byte> input) {
  if (refers_to_the_kernel(forms.xdp)) return Error{Errc::kUnsupported, "refers to the kernel"};
  auto images = std::make_shared<Images>();
  images->context = {.data = skep::address_of(input.data()), .data_end = skep::address_of(input.data() + input.size())};
  for (std::size_t i = 0; i < kImages; ++i) {
    TRY(const kernel::Loaded loaded, kernel::load(forms.xdp));
    if (!loaded.accepted()) return Error{Errc::kInvalid, "the kernel rejects it: " + loaded.last_sentence()};
    TRY(kernel::JitedImage image, kernel::jited_image(loaded.program));
    const std::uint64_t offset = image.address % kPage;
    TRY(Pages pages, copy_to_user(std::move(image)));
    images->functions[i] = std::bit_cast<Function>(static_cast<std::byte*>(pages.address) + offset);
    images->pages.push_back(std::move(pages));
  }
  return Prepared{.loop =
                      [images](std::uint64_t count) {
                        const Function function = images->functions[images->next++ % kImages];
                        std::uint64_t r0 = 0;
                        for (std::uint64_t i = 0; i < count; ++i) r0 = function(&images->context);
                        return static_cast<std::uint32_t>(r0);
                      },
                  .timed = {}};
}

struct TestRunner {
  kernel::Loaded loaded;
  std::vector<std::byte> packet;
};

Status fill_maps(const TestRunner& runner, const Program& program) {
  for (std::size_t i = 0; i < program.maps.size(); ++i) {
    for (std::uint32_t key = 0; key < program.maps[i]->max_entries; ++key) {
      const std::uint64_t value = key;
      const int failed = kernel::map_update(runner.loaded.maps[i], std::as_bytes(std::span(&key, 1)),
                                            std::as_bytes(std::span(&value, 1)), 0);
      if (failed != 0) return Error{Errc::kSystem, "cannot fill map " + program.maps[i]->name};
    }
  }
  return kOk;
}

Result<Prepared> prepare_test_run(const Forms& forms, std::span<std::byte> input) {
  auto runner = std::make_shared<TestRunner>();
  TRY(runner->loaded, kernel::load(forms.xdp));
  if (!runner->loaded.accepted())
    return Error{Errc::kInvalid, "the kernel rejects it: " + runner->loaded.last_sentence()};
  TRY_OK(fill_maps(*runner, forms.xdp));
  runner->packet.assign(input.begin(), input.end());
  const auto test = [runner](std::uint64_t count) {
    return kernel::test_run(runner->loaded.program,
                            {.data = runner->packet, .context = {}, .repeat = static_cast<std::uint32_t>(count)});
  };
  TRY(const kernel::TestRun once, test(1));
  return Prepared{.loop = [retval = once.retval](std::uint64_t) { return retval; },
                  .timed =
                      [test](std::uint64_t count) {
                        const auto run = test(count);
                        return run ? static_cast<double>(run->duration_ns) * static_cast<double>(count) : 0.0;
                      }};
}

}  // namespace

std::vector<Peer> kernel_peers() { return {{"kjit", prepare_kjit}, {"kernel-test-run", prepare_test_run}}; }

}  // namespace skep::bench
