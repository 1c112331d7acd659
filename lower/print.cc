// SPDX-License-Identifier: Apache-2.0
#include "lower/print.h"

#include "base/overloaded.h"
#include "base/unreachable.h"
#include "lower/env_field.h"

namespace skep::lower {
namespace {

std::string text(Reg reg, isa::Width width = isa::Width::k64) {
  return (width == isa::Width::k64 ? 'r' : 'w') + std::to_string(reg.index);
}
std::string text(const Operand& operand, isa::Width width) {
  return std::visit(
      Overloaded{[&](Reg reg) { return text(reg, width); }, [](Imm imm) { return std::to_string(imm.value); }},
      operand);
}
/// " + 8", " - 8".
std::string displacement(std::int32_t offset) {
  return (offset < 0 ? " - " : " + ") + std::to_string(offset < 0 ? -std::int64_t{offset} : offset);
}
/// " + (r2 << 3)", or nothing.
std::string scaled(Reg index, std::uint8_t shift, isa::Width width = isa::Width::k64) {
  if (index == kNoReg) return "";
  if (shift == 0) return " + " + text(index, width);
  return " + (" + text(index, width) + " << " + std::to_string(shift) + ")";
}
std::string memory(isa::Size size, Reg base, std::int32_t offset) {
  return "*(" + std::string(isa::info(size).c_type) + " *)(" + text(base) + displacement(offset) + ")";
}
template <class Access>
std::string memory(const Access& op) {
  return "*(" + std::string(isa::info(op.size).c_type) + " *)(" + text(op.base) + scaled(op.index, op.shift) +
         displacement(op.offset) + ")" + (op.swap ? " swapped" : "");
}
template <class Access>
std::string operand_memory(isa::Size size, const Access& op) {
  return "*(" + std::string(isa::info(size).c_type) + " *)(" + text(op.base) + scaled(op.index, op.shift) +
         displacement(op.offset) + ")";
}
const char* text(BitCount what) {
  switch (what) {
    case BitCount::kOnes:
      return "ones of";
    case BitCount::kLeadingZeros:
      return "leading zeros of";
    case BitCount::kTrailingZeros:
      return "trailing zeros of";
  }
  unreachable();
}
const char* text(Ordering ordering) { return ordering == Ordering::kRelaxed ? "" : " ordered"; }
std::string label(Label target) { return "L" + std::to_string(target); }

const char* text(Divisor divisor) {
  switch (divisor) {
    case Divisor::kMayBeZero:
      return "";
    case Divisor::kNonZero:
      return " nonzero";
    case Divisor::kConstant:
      return " by reciprocal";
  }
  unreachable();
}
std::string text(const Alu& op) {
  const std::string dst = text(op.dst, op.width);
  if (op.op == isa::AluOp::kNeg) return dst + " = -" + dst;
  return dst + " " + std::string(isa::info(op.op).token) + " " + text(op.src, op.width) + text(op.divisor);
}
std::string text(const ByteSwap& op) {
  switch (op.order) {
    case isa::ByteOrder::kToLittle:
      return text(op.dst) + " = le" + std::to_string(op.bits) + " " + text(op.dst);
    case isa::ByteOrder::kToBig:
      return text(op.dst) + " = be" + std::to_string(op.bits) + " " + text(op.dst);
    case isa::ByteOrder::kSwap:
      return text(op.dst) + " = bswap" + std::to_string(op.bits) + " " + text(op.dst);
  }
  unreachable();
}
std::string text(const TailCall& op) {
  return op.map == kUnknownMap ? "tail call" : "tail call in map " + std::to_string(op.map);
}
std::string text(const CallHelper& op, const Code& code) {
  const KnownMap map = op.index < code.helper_maps.size() ? code.helper_maps[op.index] : KnownMap{};
  return "call helper " + std::to_string(code.helpers[op.index]) +
         (map.index == kUnknownMap ? "" : (map.inner ? " on a map in map " : " on map ") + std::to_string(map.index));
}
std::string text(const LoadSymbol& op) {
  switch (op.kind) {
    case SymbolKind::kMap:
      return text(op.dst) + " = map " + std::to_string(op.index);
    case SymbolKind::kMapValue:
      return text(op.dst) + " = value of map " + std::to_string(op.index) + " + " + std::to_string(op.offset);
    case SymbolKind::kFunction:
      return text(op.dst) + " = function " + label(op.index);
  }
  unreachable();
}

}  // namespace

std::string print(const Op& any, const Code& code) {
  return std::visit(
      Overloaded{
          [](const Alu& op) { return text(op); },
          [](const ByteSwap& op) { return text(op); },
          [](const LoadSymbol& op) { return text(op); },
          [](const LoadEnv& op) { return text(op.dst) + " = run " + std::string(info(op.field).name); },
          [](const Load& op) {
            return text(op.dst) + " = " + (op.extend == isa::Extend::kSign ? "signed " : "") + memory(op) +
                   text(op.ordering);
          },
          [](const Store& op) { return memory(op) + " = " + text(op.src, isa::Width::k64) + text(op.ordering); },
          [](const Atomic& op) {
            return "atomic " + std::string(isa::info(op.op).mnemonic) + " " + memory(op.size, op.base, op.offset) +
                   ", " + text(op.reg);
          },
          [](const Branch& op) {
            return (op.unless ? "unless " : "if ") + text(op.dst, op.width) + " " +
                   std::string(isa::info(op.op).token) + " " + text(op.src, op.width) + " goto " + label(op.target);
          },
          [](const Jump& op) { return "goto " + label(op.target); },
          [&](const CallHelper& op) { return text(op, code); },
          [](const CallLocal& op) { return "call " + label(op.target); },
          [](const TailCall& op) { return text(op); },
          [](const Return&) { return std::string("return"); },
          [](const Illegal&) { return std::string("illegal"); },
          [](const Nop&) { return std::string("nop"); },
          [](const Sum& op) {
            return text(op.dst, op.width) + " = " + text(op.base, op.width) + scaled(op.index, op.shift, op.width) +
                   (op.offset == 0 ? "" : displacement(op.offset));
          },
          [](const Rotate& op) {
            return text(op.dst, op.width) + " = " + text(op.src, op.width) + " rotated " + text(op.count, op.width);
          },
          [](const CountBits& op) {
            return text(op.dst, op.width) + " = " + text(op.what) + " " + text(op.src, op.width);
          },
          [](const AddWithCarry& op) {
            return text(op.dst, op.width) + " += " + text(op.src, op.width) + " with carry";
          },
          [](const AluLoad& op) {
            const auto size = op.width == isa::Width::k64 ? isa::Size::k64 : isa::Size::k32;
            return text(op.dst, op.width) + " " + std::string(isa::info(op.op).token) + " " + operand_memory(size, op);
          },
          [](const Update& op) {
            return operand_memory(op.size, op) + " " + std::string(isa::info(op.op).token) + " " +
                   text(op.src, isa::Width::k64);
          },
          [](const BranchLoad& op) {
            return (op.unless ? "unless " : "if ") + operand_memory(op.size, op) + " " +
                   std::string(isa::info(op.op).token) + " " + text(op.src, isa::Width::k64) + " goto " +
                   label(op.target);
          },
          [](const Clear& op) {
            return "clear " + std::to_string(op.bytes) + " at " + text(op.base) + displacement(op.offset);
          },
          [](const Copy& op) {
            return "copy " + std::to_string(op.bytes) + " from " + text(op.from) + displacement(op.from_offset) +
                   " to " + text(op.to) + displacement(op.to_offset);
          },
      },
      any);
}

std::string print(const Code& code) {
  std::string out;
  std::size_t function = 0;
  for (Label at = 0; at < code.ops.size(); ++at) {
    if (function < code.functions.size() && code.functions[function].entry == at) {
      out += "function " + std::to_string(function) + ", stack " +
             std::to_string(code.functions[function].stack_bytes) + "\n";
      ++function;
    }
    out += "  " + label(at) + " @" + std::to_string(code.origin[at]) + ": " + print(code.ops[at], code) + "\n";
  }
  return out;
}

}  // namespace skep::lower
