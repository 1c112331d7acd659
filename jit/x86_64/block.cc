// SPDX-License-Identifier: Apache-2.0
// Blocks of memory, 32 (AVX2), 16 and 8 bytes at a time. Vector registers hold nothing of the program's.
#include <algorithm>

#include "jit/x86_64/emitter.h"

namespace skep::jit::x86_64 {

namespace x86 = asmjit::x86;

namespace {

constexpr std::uint32_t kWide = 32, kVector = 16, kWord = 8;
/// Below this, 32 bytes at a time do not pay for vzeroupper.
constexpr std::uint32_t kWorthWide = 64;

}  // namespace

void Emitter::emit(const lower::Clear& op) {
  const bool wide = features_.avx2 && op.bytes >= kWorthWide;
  if (wide) {
    as_.vpxor(x86::xmm0, x86::xmm0, x86::xmm0);
  } else {
    as_.xorps(x86::xmm0, x86::xmm0);
  }
  for (std::uint32_t done = 0; done < op.bytes;) {
    const std::uint32_t left = op.bytes - done;
    const x86::Mem to = x86::ptr(reg64(op.base), op.offset + static_cast<std::int32_t>(done));
    if (wide && left >= kWide) {
      as_.vmovdqu(to, x86::ymm0);
      done += kWide;
    } else if (left >= kVector) {
      as_.movups(to, x86::xmm0);
      done += kVector;
    } else {
      as_.movq(to, x86::xmm0);
      done += kWord;
    }
  }
  if (wide) as_.vzeroupper();
}

void Emitter::emit(const lower::Copy& op) {
  const bool wide = features_.avx2 && op.bytes >= kWorthWide;
  for (std::uint32_t done = 0; done < op.bytes;) {
    const std::uint32_t left = op.bytes - done;
    const auto at = static_cast<std::int32_t>(done);
    const x86::Mem from = x86::ptr(reg64(op.from), op.from_offset + at), to = x86::ptr(reg64(op.to), op.to_offset + at);
    if (wide && left >= kWide) {
      as_.vmovdqu(x86::ymm0, from);
      as_.vmovdqu(to, x86::ymm0);
      done += kWide;
    } else if (left >= kVector) {
      as_.movups(x86::xmm0, from);
      as_.movups(to, x86::xmm0);
      done += kVector;
    } else {
      as_.movq(x86::xmm0, from);
      as_.movq(to, x86::xmm0);
      done += kWord;
    }
  }
  if (wide) as_.vzeroupper();
}

}  // namespace skep::jit::x86_64
