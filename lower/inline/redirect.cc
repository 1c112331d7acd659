// SPDX-License-Identifier: Apache-2.0
// redirect(): the context says where to. helpers/redirect.cc is the same in C++, and says what the numbers are.
#include <cstddef>

#include "lower/inline/inline.h"
#include "skep/context.h"

namespace skep::lower {
namespace {

constexpr Reg kIfindex = isa::Reg{1}, kFlags = isa::Reg{2}, kContext = isa::Reg{3};

void store(Builder& builder, isa::Size size, std::size_t offset, Operand src) {
  builder.emit(Store{.size = size, .base = kContext, .offset = static_cast<std::int32_t>(offset), .src = src});
}

}  // namespace

void inline_redirect(Builder& builder, const Source& source) {
  using isa::Size;
  const bool xdp = source.program.type == ProgramType::kXdp;
  const std::int64_t refused = xdp ? 0 : 2, redirected = xdp ? 4 : 7;
  const std::int64_t unknown_flags = xdp ? -1 : -2;
  builder.emit(move(isa::kR0, Imm{refused}));
  const Label test = builder.next();
  builder.emit(Branch{
      .op = isa::JmpOp::kSet, .width = isa::Width::k64, .dst = kFlags, .src = Imm{unknown_flags}, .target = test + 5});
  builder.emit(LoadEnv{.field = EnvField::kContext, .dst = kContext});
  if (xdp) {
    store(builder, Size::k32, offsetof(XdpContext, redirect_ifindex), kIfindex);
    store(builder, Size::k64, offsetof(XdpContext, redirect_map), Imm{0});
  } else {
    store(builder, Size::k32, offsetof(SkbContext, redirect_ifindex), kIfindex);
    store(builder, Size::k64, offsetof(SkbContext, redirect_flags), kFlags);
  }
  builder.emit(move(isa::kR0, Imm{redirected}));
}

}  // namespace skep::lower
