// SPDX-License-Identifier: Apache-2.0
// Bounded loops by callback.
#include "helpers/helpers.h"
#include "helpers/words.h"

namespace skep::helpers {

Word loop(Word count, Word callback, Word context, Word flags, Word, Env& env) {
  constexpr std::uint32_t kMaxLoops = 1u << 23;
  const std::uint32_t times = low32(count);
  if (flags != 0) return failure(EINVAL);
  if (times > kMaxLoops) return failure(E2BIG);
  for (std::uint32_t i = 0; i < times; ++i) {
    const Word stop = env.invoke(env, callback, {i, context, 0, 0, 0});
    if (stop != 0 || env.trap != Trap::kNone) return i + 1;
  }
  return times;
}

}  // namespace skep::helpers
