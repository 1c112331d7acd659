// SPDX-License-Identifier: Apache-2.0
// Messages and samples for the user.
#include <array>
#include <cstring>
#include <vector>

#include "helpers/format.h"
#include "helpers/helpers.h"
#include "helpers/packet.h"
#include "helpers/words.h"
#include "skep/map.h"

namespace skep::helpers {
namespace {

/// Longest message of Linux, with its NUL.
constexpr std::size_t kMessageBytes = 1024;
constexpr std::size_t kMaxArguments = 12;

Word trace_text(Word format, Word size, std::span<const std::uint64_t> arguments, Env& env) {
  const char* text = from_address<const char>(format);
  const std::size_t length = strnlen(text, low32(size));
  if (length == low32(size)) return failure(EINVAL);  // No NUL.
  std::array<char, kMessageBytes> message;
  const std::int64_t written = format_text(message, {text, length}, arguments, *env.host);
  if (written < 0) return result(written);
  env.host->trace(message.data());
  return result(written);
}

}  // namespace

Word trace_printk(Word format, Word size, Word first, Word second, Word third, Env& env) {
  return trace_text(format, size, std::array{first, second, third}, env);
}

Word trace_vprintk(Word format, Word size, Word data, Word data_size, Word, Env& env) {
  const std::uint32_t length = low32(data_size);
  if (length % 8 != 0 || length > kMaxArguments * 8 || (length != 0 && data == 0)) return failure(EINVAL);
  std::array<std::uint64_t, kMaxArguments> arguments{};
  if (length != 0) std::memcpy(arguments.data(), bytes_at(data), length);
  return trace_text(format, size, std::span(arguments).first(length / 8), env);
}

Word perf_event_output(Word context, Word map, Word flags, Word data, Word size, Env& env) {
  constexpr Word kIndex = 0xffffffff, kCurrentCpu = kIndex, kPacketBytes = Word{0xfffff} << 32;
  const std::optional<PacketBytes> packet = packet_of(context, env);
  if ((flags & ~(kIndex | (packet.has_value() ? kPacketBytes : 0))) != 0) return failure(EINVAL);
  const Word appended = (flags & kPacketBytes) >> 32;
  if (packet.has_value() && appended > packet->size()) return failure(EFAULT);

  Map& target = *from_address<Map>(map);
  const Word index = (flags & kIndex) == kCurrentCpu ? env.cpu : flags & kIndex;
  if (index >= target.spec().max_entries) return failure(E2BIG);
  // Each slot is taken to hold the event of its own CPU, and an event takes samples on its CPU only.
  if (index != env.cpu) return failure(EOPNOTSUPP);
  if (appended == 0) return result(env.host->perf_output(target, env.cpu, constant_at(data, size)));
  std::vector<std::byte> sample(size + appended);
  std::memcpy(sample.data(), bytes_at(data), size);
  std::memcpy(sample.data() + size, packet->data(), appended);
  return result(env.host->perf_output(target, env.cpu, sample));
}

// There is no kernel or user stack to walk behind a run: what Linux says where it cannot walk one.
Word get_stackid(Word, Word, Word flags, Word, Word, Env&) {
  constexpr Word kSkip = 0xff, kUserStack = 1u << 8, kFastCompare = 1u << 9, kReuse = 1u << 10;
  return failure((flags & ~(kSkip | kUserStack | kFastCompare | kReuse)) != 0 ? EINVAL : EFAULT);
}

Word get_stack(Word, Word to, Word size, Word flags, Word, Env&) {
  constexpr Word kSkip = 0xff, kUserStack = 1u << 8, kBuildId = 1u << 11;
  std::memset(bytes_at(to), 0, low32(size));
  return failure((flags & ~(kSkip | kUserStack | kBuildId)) != 0 ? EINVAL : EFAULT);
}

}  // namespace skep::helpers
