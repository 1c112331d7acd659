// SPDX-License-Identifier: Apache-2.0
// The same C source compiled for the host: what the bytecode costs over real native code.
#include "bench/peer.h"

namespace skep::bench {
namespace {

Result<Prepared> prepare(NativeFn function, std::span<std::byte> input) {
  return Prepared{.loop =
                      [function, input](std::uint64_t count) {
                        std::uint64_t r0 = 0;
                        for (std::uint64_t i = 0; i < count; ++i) r0 = function(input.data(), input.size());
                        return static_cast<std::uint32_t>(r0);
                      },
                  .timed = {}};
}

}  // namespace

std::vector<Peer> native_peers() {
  return {
      {"native", [](const Forms& forms, std::span<std::byte> input) { return prepare(forms.native, input); }},
      {"native-O2", [](const Forms& forms, std::span<std::byte> input) { return prepare(forms.native_o2, input); }}};
}

}  // namespace skep::bench
