// SPDX-License-Identifier: Apache-2.0
// Blocks of memory, two words at a time.
#include <algorithm>

#include "jit/arm64/emitter.h"

namespace skep::jit::arm64 {

namespace a64 = asmjit::a64;

namespace {

constexpr std::int32_t kWord = 8, kPair = 16;

/// A pair's displacement is seven bits, in words.
bool reaches(std::int32_t offset, std::uint32_t bytes) {
  return offset % kWord == 0 && offset >= -512 && std::int64_t{offset} + bytes <= 504;
}

}  // namespace

Emitter::Block Emitter::block(lower::Reg base, std::int32_t offset, std::uint32_t bytes, const Gp& temp) {
  if (reaches(offset, bytes)) return {reg64(base), offset};
  // One whose displacements begin at 0 reaches up to 504 bytes; larger blocks begin 512 bytes further.
  const std::int32_t start = bytes <= 504 ? 0 : -512;
  add(temp, reg64(base), std::int64_t{offset} - start);
  return {temp, start};
}

// A single word at the end has a displacement of nine bits where it is negative: the last pair covers the word before,
// too.

void Emitter::emit(const lower::Clear& op) {
  const Block to = block(op.base, op.offset, op.bytes, kOld);
  const auto bytes = static_cast<std::int32_t>(op.bytes);
  for (std::int32_t done = 0; done < bytes; done += kPair)
    as_.stp(a64::xzr, a64::xzr, a64::ptr(to.base, to.offset + std::min(done, bytes - kPair)));
}

void Emitter::emit(const lower::Copy& op) {
  const Block from = block(op.from, op.from_offset, op.bytes, kOld);
  const Block to = block(op.to, op.to_offset, op.bytes, kNew);
  const auto bytes = static_cast<std::int32_t>(op.bytes);
  for (std::int32_t done = 0; done < bytes; done += kPair) {
    const std::int32_t at = std::min(done, bytes - kPair);
    as_.ldp(kTemp, kStatus, a64::ptr(from.base, from.offset + at));
    as_.stp(kTemp, kStatus, a64::ptr(to.base, to.offset + at));
  }
}

}  // namespace skep::jit::arm64
