// SPDX-License-Identifier: Apache-2.0
// DWARF Debugging Information Format, version 4; sections of it are cited as DWARF4 §n.
#include "vm/debug/dwarf.h"

#include <algorithm>

#include "base/unreachable.h"

namespace skep::debug {
namespace {

using jit::Arch;
using jit::FrameStep;

enum Tag : std::uint32_t { kCompileUnit = 0x11, kSubprogram = 0x2e };
enum Attribute : std::uint32_t {
  kName = 0x03,
  kStmtList = 0x10,
  kLowPc = 0x11,
  kHighPc = 0x12,
  kLanguage = 0x13,
  kProducer = 0x25,
  kDeclFile = 0x3a,
  kDeclLine = 0x3b,
  kExternal = 0x3f,
  kFrameBase = 0x40,
};
enum Form : std::uint32_t {
  kAddr = 0x01,
  kData2 = 0x05,
  kData8 = 0x07,
  kString = 0x08,
  kUdata = 0x0f,
  kSecOffset = 0x17,
  kExprloc = 0x18,
  kFlagPresent = 0x19,
};
constexpr std::uint32_t kC99 = 0x0c;
constexpr std::uint32_t kUnitCode = 1, kFunctionCode = 2, kPlacelessCode = 3;  // In .debug_abbrev.
constexpr std::uint32_t kCallFrameCfa = 0x9c;                                  // DW_OP_call_frame_cfa

void abbreviation(Bytes& out, std::uint32_t code, Tag tag, bool children,
                  std::initializer_list<std::pair<Attribute, Form>> attributes) {
  out.uleb(code);
  out.uleb(tag);
  out.u8(children ? 1 : 0);
  for (const auto& [attribute, form] : attributes) {
    out.uleb(attribute);
    out.uleb(form);
  }
  out.u16(0);
}

/// Writes a record whose first member is the length of the rest.
template <class Write>
void with_length(Bytes& out, Write write) {
  const std::size_t at = out.size();
  out.u32(0);
  write();
  out.patch_u32(at, out.size() - at - 4);
}

// DWARF4 §6.2.5.2, §6.2.5.3
enum LineOpcode : std::uint32_t {
  kExtended = 0,
  kCopy = 1,
  kAdvancePc = 2,
  kAdvanceLine = 3,
  kSetFile = 4,
  kSetColumn = 5
};
enum ExtendedOpcode : std::uint32_t { kEndSequence = 1, kSetAddress = 2 };
constexpr std::uint32_t kOpcodeBase = 13;
constexpr std::uint8_t kOperands[kOpcodeBase - 1] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};

void line_header(Bytes& out, const Symbols& symbols) {
  out.u8(1);                              // minimum_instruction_length
  out.u8(1);                              // maximum_operations_per_instruction
  out.u8(1);                              // default_is_stmt
  out.u8(static_cast<std::uint8_t>(-5));  // line_base
  out.u8(14);                             // line_range
  out.u8(kOpcodeBase);
  for (const std::uint8_t operands : kOperands) out.u8(operands);
  out.u8(0);  // No include directories.
  for (const std::string& file : symbols.files) {
    out.text(file);
    out.uleb(0);  // Directory, time, size: not known.
    out.uleb(0);
    out.uleb(0);
  }
  out.u8(0);
}

/// The rows of one function, which are a sequence of their own.
void line_sequence(Bytes& out, const Symbols& symbols, const Symbol& function, std::span<const LineRow> rows) {
  out.u8(kExtended);
  out.uleb(9);
  out.u8(kSetAddress);
  out.u64(symbols.address + rows.front().offset);
  LineRow state{.offset = rows.front().offset, .file = 0, .line = 1, .column = 0};
  for (const LineRow& row : rows) {
    out.u8(kAdvancePc);
    out.uleb(row.offset - state.offset);
    out.u8(kAdvanceLine);
    out.sleb(std::int64_t{row.line} - std::int64_t{state.line});
    out.u8(kSetFile);
    out.uleb(row.file + 1);  // Counted from 1.
    out.u8(kSetColumn);
    out.uleb(row.column);
    out.u8(kCopy);
    state = row;
  }
  out.u8(kAdvancePc);
  out.uleb(function.end - state.offset);
  out.u8(kExtended);
  out.uleb(1);
  out.u8(kEndSequence);
}

// DWARF4 §7.23
enum FrameOpcode : std::uint32_t {
  kNop = 0x00,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kAdvanceLoc = 0x40,
  kOffset = 0x80,
  kRestore = 0xc0,
};
constexpr std::int32_t kDataAlignment = -8;

void def_cfa(Bytes& out, std::uint32_t reg, std::int32_t bytes) {
  out.u8(kDefCfa);
  out.uleb(reg);
  out.uleb(static_cast<std::uint32_t>(bytes));
}

void common_information(Bytes& out, Arch arch) {
  const bool x86 = arch == Arch::kX86_64;
  with_length(out, [&] {
    out.u32(0);  // A CIE.
    out.u8(1);   // version
    out.text("");
    out.uleb(1);
    out.sleb(kDataAlignment);
    out.u8(x86 ? 16 : 30);  // The return address: a column of its own, respectively the link register.
    if (x86) {
      def_cfa(out, 7, 8);
      out.u8(kOffset | 16);
      out.uleb(1);
    } else {
      def_cfa(out, 31, 0);
    }
    out.align(8, kNop);
  });
}

void advance(Bytes& out, std::uint32_t by) {
  if (by == 0) return;
  if (by < 0x40) {
    out.u8(kAdvanceLoc | by);
  } else if (by <= 0xff) {
    out.u8(kAdvanceLoc1);
    out.u8(by);
  } else if (by <= 0xffff) {
    out.u8(kAdvanceLoc2);
    out.u16(by);
  } else {
    out.u8(kAdvanceLoc4);
    out.u32(by);
  }
}

void frame_step(Bytes& out, const FrameStep& step) {
  switch (step.kind) {
    case FrameStep::Kind::kCfa:
      return def_cfa(out, step.reg, step.bytes);
    case FrameStep::Kind::kSaved:
      out.u8(kOffset | step.reg);
      return out.uleb(static_cast<std::uint32_t>(step.bytes / -kDataAlignment));
    case FrameStep::Kind::kRestored:
      return out.u8(kRestore | step.reg);
    case FrameStep::Kind::kRemember:
      return out.u8(kRememberState);
    case FrameStep::Kind::kResume:
      return out.u8(kRestoreState);
  }
  unreachable();
}

void frame_description(Bytes& out, const Symbols& symbols, const Symbol& function) {
  with_length(out, [&] {
    out.u32(out.size());  // How far back the CIE is, which begins the section.
    out.u64(symbols.address + function.begin);
    out.u64(function.end - function.begin);
    std::uint32_t at = function.begin;
    for (const FrameStep& step : symbols.frames) {
      // At its first byte a function has no frame: a step there is that behind the last return of the one before.
      if (step.offset <= function.begin || step.offset >= function.end) continue;
      advance(out, step.offset - at);
      at = step.offset;
      frame_step(out, step);
    }
    out.align(8, kNop);
  });
}

}  // namespace

Bytes debug_abbrev() {
  Bytes out;
  abbreviation(out, kUnitCode, kCompileUnit, true,
               {{kProducer, kString},
                {kLanguage, kData2},
                {kName, kString},
                {kLowPc, kAddr},
                {kHighPc, kData8},
                {kStmtList, kSecOffset}});
  abbreviation(out, kFunctionCode, kSubprogram, false,
               {{kName, kString},
                {kLowPc, kAddr},
                {kHighPc, kData8},
                {kFrameBase, kExprloc},
                {kExternal, kFlagPresent},
                {kDeclFile, kUdata},
                {kDeclLine, kUdata}});
  abbreviation(
      out, kPlacelessCode, kSubprogram, false,
      {{kName, kString}, {kLowPc, kAddr}, {kHighPc, kData8}, {kFrameBase, kExprloc}, {kExternal, kFlagPresent}});
  out.u8(0);
  return out;
}

Bytes debug_info(const Symbols& symbols) {
  Bytes out;
  with_length(out, [&] {
    out.u16(4);
    out.u32(0);  // Where the abbreviations begin.
    out.u8(8);   // Bytes of an address.
    out.uleb(kUnitCode);
    out.text("skep");
    out.u16(kC99);
    out.text(symbols.files.empty() ? symbols.program : symbols.files.front());
    out.u64(symbols.address);
    out.u64(symbols.code.size());
    out.u32(0);  // Where the line table begins.
    for (const Symbol& function : symbols.functions) {
      out.uleb(function.line != 0 ? kFunctionCode : kPlacelessCode);
      out.text(function.name);
      out.u64(symbols.address + function.begin);
      out.u64(function.end - function.begin);
      out.uleb(1);
      out.u8(kCallFrameCfa);
      if (function.line == 0) continue;
      out.uleb(function.file + 1);  // Counted from 1.
      out.uleb(function.line);
    }
    out.u8(0);
  });
  return out;
}

Bytes debug_line(const Symbols& symbols) {
  Bytes out;
  with_length(out, [&] {
    out.u16(4);
    with_length(out, [&] { line_header(out, symbols); });
    for (const Symbol& function : symbols.functions) {
      const auto first = std::ranges::lower_bound(symbols.lines, function.begin, {}, &LineRow::offset);
      const auto last = std::ranges::lower_bound(symbols.lines, function.end, {}, &LineRow::offset);
      if (first != last) line_sequence(out, symbols, function, {first, last});
    }
  });
  return out;
}

Bytes eh_frame(const Symbols& symbols) {
  Bytes out;
  common_information(out, symbols.arch);
  for (const Symbol& function : symbols.functions)
    if (function.begin != function.end) frame_description(out, symbols, function);
  out.u32(0);
  return out;
}

}  // namespace skep::debug
