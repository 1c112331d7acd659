// SPDX-License-Identifier: Apache-2.0
// Reading memory of the traced task. User and kernel memory are one here: what Host::read_memory reaches.
#include <algorithm>
#include <cstring>

#include "helpers/helpers.h"
#include "helpers/read_string.h"
#include "helpers/words.h"

namespace skep::helpers {
namespace {

Word read(Word to, Word size, Word from, Env& env) {
  if (low32(size) == 0) return 0;
  const std::span<std::byte> target = memory_at(to, low32(size));
  if (env.host->read_memory(from, target)) return 0;
  std::memset(target.data(), 0, target.size());
  return failure(EFAULT);
}

Word read_text(Word to, Word size, Word from, Env& env) {
  return result(read_string(*env.host, from, memory_at(to, low32(size))));
}

}  // namespace

std::int64_t read_string(Host& host, std::uint64_t from, std::span<std::byte> to) {
  constexpr std::uint64_t kChunk = 64;  // Divides every page size: one chunk lies in one page.
  std::size_t done = 0;
  while (done < to.size()) {
    const std::uint64_t here = from + done;
    const std::uint64_t wanted = std::min<std::uint64_t>(kChunk - here % kChunk, to.size() - done);
    std::span<std::byte> part = to.subspan(done, wanted);
    if (!host.read_memory(here, part)) {
      part = part.first(1);  // Memory may end inside the chunk, behind the string.
      if (!host.read_memory(here, part)) {
        std::memset(to.data(), 0, to.size());
        return -EFAULT;
      }
    }
    const auto end = std::find(part.begin(), part.end(), std::byte{0});
    done += static_cast<std::size_t>(end - part.begin());
    if (end != part.end()) return static_cast<std::int64_t>(done + 1);
  }
  if (to.empty()) return 0;
  to.back() = std::byte{0};
  return static_cast<std::int64_t>(to.size());
}

Word probe_read(Word to, Word size, Word from, Word, Word, Env& env) { return read(to, size, from, env); }
Word probe_read_user(Word to, Word size, Word from, Word, Word, Env& env) { return read(to, size, from, env); }
Word probe_read_kernel(Word to, Word size, Word from, Word, Word, Env& env) { return read(to, size, from, env); }
Word probe_read_str(Word to, Word size, Word from, Word, Word, Env& env) { return read_text(to, size, from, env); }
Word probe_read_user_str(Word to, Word size, Word from, Word, Word, Env& env) { return read_text(to, size, from, env); }
Word probe_read_kernel_str(Word to, Word size, Word from, Word, Word, Env& env) {
  return read_text(to, size, from, env);
}

}  // namespace skep::helpers
