// SPDX-License-Identifier: Apache-2.0
// Subprograms are appended in the order in which a walk over the instructions meets the first call of each, the
// callee's own calls before the caller's next: libbpf's order, so that instruction numbers are the kernel's.
#include "loader/link.h"

#include <algorithm>
#include <bit>

#include "base/cat.h"
#include "base/overloaded.h"
#include "base/try.h"
#include "loader/externs.h"
#include "skep/isa.h"

namespace skep::loader {

namespace {

// RFC 9669 §3 and §5: what relocations change.
constexpr std::uint8_t kLoadImm64 = 0x18;
constexpr std::uint8_t kCall = 0x85;
constexpr std::string_view kArenaSection = ".addr_space.1";
constexpr auto kArena = static_cast<MapType>(33);  // BPF_MAP_TYPE_ARENA
// libbpf's POISON_CALL_KFUNC_BASE.
constexpr std::int32_t kAbsentFunction = 2'002'000'000;
constexpr std::int64_t kSlot = sizeof(isa::RawInsn);

class Linker {
 public:
  Linker(const LinkInput& input, std::size_t slot_limit)
      : input_(input), slot_limit_(slot_limit), placed_(input.functions.size(), kNowhere) {}

  Result<LinkedProgram> run(std::size_t program) {
    TRY_OK(place_reached(program));
    const auto callback = input_.functions[program].exception_callback;
    if (callback && placed_[*callback] == kNowhere) TRY_OK(place_reached(*callback));
    return std::move(result_);
  }

 private:
  /// The function and all that it reaches.
  Status place_reached(std::size_t function) {
    TRY_OK(place(function));
    while (!walks_.empty()) {
      Walk& walk = walks_.back();
      if (walk.next == input_.functions[walk.function].insns.size()) {
        walks_.pop_back();
        continue;
      }
      TRY_OK(visit(walk.function, walk.next++));
    }
    return kOk;
  }

  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  struct Walk {
    std::size_t function = 0;
    std::size_t next = 0;        // Slot within the function.
    std::size_t relocation = 0;  // The first one not yet passed.
  };

  Status place(std::size_t index) {
    const Function& function = input_.functions[index];
    if (function.insns.size() > slot_limit_ - result_.insns.size())
      return Error{Errc::kLimit, cat("section '", input_.file.sections[function.section].name, "': '", function.name,
                                     "' makes the programs larger than the limit of instructions")};
    if (result_.unsupported.empty()) result_.unsupported = function.unsupported;
    placed_[index] = static_cast<std::uint32_t>(result_.insns.size());
    result_.functions.push_back({.function = index, .first = placed_[index]});
    result_.insns.insert(result_.insns.end(), function.insns.begin(), function.insns.end());
    walks_.push_back({.function = index, .next = 0, .relocation = 0});
    return kOk;
  }

  // Reads what it needs of the walk before place() may move it.
  Status visit(std::size_t index, std::size_t slot) {
    const Function& function = input_.functions[index];
    const std::uint64_t offset = (function.first + slot) * sizeof(isa::RawInsn);
    std::size_t& position = walks_.back().relocation;
    const ElfRelocation* relocation = nullptr;
    if (position < function.relocations.size() && function.relocations[position].offset == offset)
      relocation = &function.relocations[position++];
    const isa::RawInsn insn = function.insns[slot];
    const auto at = static_cast<std::uint32_t>(placed_[index] + slot);
    if (insn.opcode == kCall) return visit_call(function, slot, at, relocation);
    if (relocation == nullptr) return visit_function_address(function, slot, at);
    if (insn.opcode != kLoadImm64 || slot + 1 >= function.insns.size()) {
      fail(function, slot,
           cat("relocation ", name(relocation->type), " of an instruction that is neither call nor ",
               "16-byte load (opcode ", +insn.opcode, ")"));
      return kOk;
    }
    return visit_load(function, slot, at, relocation->symbol);
  }

  Status visit_call(const Function& function, std::size_t slot, std::uint32_t at, const ElfRelocation* relocation) {
    const isa::RawInsn insn = function.insns[slot];
    const auto kind = static_cast<isa::CallKind>(static_cast<std::uint8_t>(insn.src));
    if (relocation == nullptr) {
      if (kind != isa::CallKind::kLocal) return kOk;
      return call(function, slot, at, function.section,
                  std::int64_t{function.first} + std::int64_t(slot) + insn.imm + 1);
    }
    const ElfSymbol& symbol = input_.file.symbols[relocation->symbol];
    if (symbol.external || symbol.section == kUndefinedSection) {
      call_external(function, slot, at, external(relocation->symbol));
      return kOk;
    }
    if (kind != isa::CallKind::kLocal || symbol.value % kSlot != 0) {
      fail(function, slot, cat("call relocated to '", symbol.name, "', expected a call of a function"));
      return kOk;
    }
    return call(function, slot, at, symbol.section, std::int64_t(symbol.value / kSlot) + insn.imm + 1);
  }

  /// Points the immediate at `at` to the function at that slot of that section, appending it when it is new.
  Status call(const Function& from, std::size_t slot, std::uint32_t at, SectionIndex section, std::int64_t target) {
    const auto index = find_function(input_.functions, section, target);
    if (!index) {
      fail(from, slot,
           cat("refers to instruction ", target, " of section '", input_.file.sections[section].name,
               "', where no function begins"));
      return kOk;
    }
    if (placed_[*index] == kNowhere) TRY_OK(place(*index));
    result_.insns[at].imm = static_cast<std::int32_t>(std::int64_t{placed_[*index]} - std::int64_t{at} - 1);
    return kOk;
  }

  /// An address of a function that the compiler resolved within the section.
  Status visit_function_address(const Function& function, std::size_t slot, std::uint32_t at) {
    const isa::RawInsn insn = function.insns[slot];
    const bool is_address = insn.opcode == kLoadImm64 && insn.src == static_cast<int>(isa::Imm64Kind::kFunction);
    if (!is_address) return kOk;
    return call(function, slot, at, function.section, std::int64_t{function.first} + std::int64_t(slot) + insn.imm + 1);
  }

  [[nodiscard]] External external(SymbolIndex symbol) const {
    const auto found = input_.externals.by_symbol.find(symbol);
    if (found != input_.externals.by_symbol.end()) return found->second;
    return Unresolved{cat("refers to symbol ", symbol, ", which is nowhere")};
  }

  void call_external(const Function& function, std::size_t slot, std::uint32_t at, const External& target) {
    isa::RawInsn& insn = result_.insns[at];
    if (const auto* kernel = std::get_if<KernelFunction>(&target)) {
      insn.src = static_cast<std::uint8_t>(isa::CallKind::kKfunc) & 0xf;
      insn.imm = static_cast<std::int32_t>(kernel->id);
      insn.offset = 0;
    } else if (const auto* absent = std::get_if<Absent>(&target)) {
      // As libbpf: a helper that does not exist, so that a program that never calls it loads.
      insn = {.opcode = kCall,
              .dst = 0,
              .src = 0,
              .offset = 0,
              .imm = kAbsentFunction + static_cast<std::int32_t>(absent->number)};
    } else if (const auto* unresolved = std::get_if<Unresolved>(&target)) {
      fail(function, slot, unresolved->reason);
    } else {
      fail(function, slot, "calls an external variable");
    }
  }

  void load_external(const Function& function, std::size_t slot, std::uint32_t at, const External& target) {
    isa::RawInsn &low = result_.insns[at], &high = result_.insns[at + 1];
    const auto set = [&](isa::Imm64Kind kind, std::uint64_t value) {
      low.src = static_cast<std::uint8_t>(kind) & 0xf;
      low.imm = static_cast<std::int32_t>(value);
      high.imm = static_cast<std::int32_t>(value >> 32);
    };
    std::visit(Overloaded{[&](const ConfigValue& value) {
                            set(isa::Imm64Kind::kMapValueIndex, std::uint64_t{value.offset} << 32);
                            low.imm = map_number(config_map());
                          },
                          [&](const KernelVariable& variable) { set(isa::Imm64Kind::kVariable, variable.id); },
                          [&](const KernelFunction& kernel) { set(isa::Imm64Kind::kVariable, kernel.id); },
                          [&](const KernelAddress& symbol) { set(isa::Imm64Kind::kConstant, symbol.address); },
                          [&](const Absent&) { set(isa::Imm64Kind::kConstant, 0); },
                          [&](const Unresolved& unresolved) { fail(function, slot, unresolved.reason); }},
               target);
  }
  [[nodiscard]] std::size_t config_map() const {
    const auto& maps = input_.maps;
    const auto found =
        std::find_if(maps.begin(), maps.end(), [](const MapEntry& map) { return map.kind == MapKind::kConfig; });
    return static_cast<std::size_t>(found - maps.begin());
  }

  Status visit_load(const Function& function, std::size_t slot, std::uint32_t at, SymbolIndex symbol_index) {
    const isa::RawInsn insn = function.insns[slot];
    const ElfSymbol& symbol = input_.file.symbols[symbol_index];
    if (symbol.external || symbol.section == kUndefinedSection) {
      load_external(function, slot, at, external(symbol_index));
      return kOk;
    }
    const std::int64_t offset = std::int64_t(symbol.value) + insn.imm;
    const ElfSection& section = input_.file.sections[symbol.section];
    if (section.executable) {
      if (offset % kSlot != 0) {
        fail(function, slot, cat("takes the address of byte ", offset, " of section '", section.name, "'"));
        return kOk;
      }
      result_.insns[at].src = static_cast<std::uint8_t>(isa::Imm64Kind::kFunction) & 0xf;
      return call(function, slot, at, symbol.section, offset / kSlot);
    }
    bind_map(function, slot, at, symbol, offset);
    return kOk;
  }

  void bind_map(const Function& function, std::size_t slot, std::uint32_t at, const ElfSymbol& symbol,
                std::int64_t offset) {
    const auto& maps = input_.maps;
    const ElfSection& section = input_.file.sections[symbol.section];
    // Variables of an arena have a section of their own, but live in the arena's map.
    const bool in_arena = section.name == kArenaSection;
    const auto found = std::find_if(maps.begin(), maps.end(), [&](const MapEntry& map) {
      if (in_arena) return map.spec->type == kArena;
      return map.section == symbol.section &&
             (map.kind == MapKind::kData || static_cast<std::int64_t>(map.offset) == offset);
    });
    if (found == maps.end()) {
      fail(function, slot,
           cat("refers to '", symbol.name, "' at byte ", offset, " of section '", section.name,
               "', which is no map and no global variable"));
      return;
    }
    isa::RawInsn &low = result_.insns[at], &high = result_.insns[at + 1];
    const bool data = found->kind == MapKind::kData || in_arena;
    if (data && (offset < INT32_MIN || offset > INT32_MAX)) {
      fail(function, slot, cat("refers to byte ", offset, " of section '", section.name, "'"));
      return;
    }
    low.src = static_cast<std::uint8_t>(data ? isa::Imm64Kind::kMapValueIndex : isa::Imm64Kind::kMapIndex) & 0xf;
    low.imm = map_number(static_cast<std::size_t>(found - maps.begin()));
    high.imm = data ? static_cast<std::int32_t>(offset) : 0;
  }
  std::int32_t map_number(std::size_t map) {
    auto it = std::find(result_.maps.begin(), result_.maps.end(), map);
    if (it == result_.maps.end()) it = result_.maps.insert(it, map);
    return static_cast<std::int32_t>(it - result_.maps.begin());
  }

  /// The first reason is kept.
  void fail(const Function& function, std::size_t slot, const std::string& reason) {
    if (!result_.unsupported.empty()) return;
    result_.unsupported = cat("section '", input_.file.sections[function.section].name, "' offset ",
                              (function.first + slot) * sizeof(isa::RawInsn), ", in '", function.name, "': ", reason);
  }

  const LinkInput& input_;
  std::size_t slot_limit_ = 0;
  std::vector<std::uint32_t> placed_;  // First slot of each function, or kNowhere.
  std::vector<Walk> walks_;
  LinkedProgram result_;
};

}  // namespace

Result<LinkedProgram> link_program(const LinkInput& input, std::size_t program, std::size_t slot_limit) {
  return Linker(input, slot_limit).run(program);
}

}  // namespace skep::loader
