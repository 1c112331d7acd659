// SPDX-License-Identifier: Apache-2.0
// 16-byte loads: constants become a 64-bit move, the rest an address that is known when the code is bound.
#include <string>

#include "base/unreachable.h"
#include "lower/rewrite.h"

namespace skep::lower {
namespace {

Error unresolved(InsnIndex at, const char* what) {
  return {Errc::kUnsupported, "instruction " + std::to_string(at) + ": " + what};
}

Status lower_map(Builder& builder, const Source& source, InsnIndex at, const isa::LoadImm64& insn, SymbolKind kind) {
  if (insn.low < 0 || static_cast<std::size_t>(insn.low) >= source.program.maps.size())
    return Error{Errc::kOutOfRange, "instruction " + std::to_string(at) + ": map number " + std::to_string(insn.low) +
                                        " of a program with " + std::to_string(source.program.maps.size()) + " maps"};
  builder.emit(LoadSymbol{.kind = kind,
                          .dst = insn.dst,
                          .index = static_cast<std::uint32_t>(insn.low),
                          .offset = kind == SymbolKind::kMapValue ? insn.high : 0});
  return kOk;
}

}  // namespace

Status lower_load_imm64(Builder& builder, const Source& source, InsnIndex at, const isa::LoadImm64& insn) {
  using isa::Imm64Kind;
  switch (insn.kind) {
    case Imm64Kind::kConstant:
      builder.emit(Alu{.op = isa::AluOp::kMov,
                       .width = isa::Width::k64,
                       .dst = insn.dst,
                       .src = Imm{static_cast<std::int64_t>(insn.constant())}});
      return kOk;
    case Imm64Kind::kMapIndex:
      return lower_map(builder, source, at, insn, SymbolKind::kMap);
    case Imm64Kind::kMapValueIndex:
      return lower_map(builder, source, at, insn, SymbolKind::kMapValue);
    case Imm64Kind::kFunction:
      builder.emit_to_slot(LoadSymbol{.kind = SymbolKind::kFunction, .dst = insn.dst},
                           static_cast<InsnIndex>(successors(source.program.insns, at).callee));
      return kOk;
    case Imm64Kind::kMapFd:
    case Imm64Kind::kMapValueFd:
      return unresolved(at, "names a map by file descriptor; load the program from an object, or number its maps");
    case Imm64Kind::kVariable:
      return unresolved(at, "names a variable of the kernel, which skep does not have");
  }
  unreachable();
}

}  // namespace skep::lower
