// SPDX-License-Identifier: Apache-2.0
#include "loader/core.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/cat.h"
#include "base/try.h"

namespace skep::loader {

namespace {

// RFC 9669 §3: the fields of an opcode.
constexpr std::uint8_t kClassMask = 0x07, kSizeMask = 0x18, kSourceRegister = 0x08;
constexpr std::uint8_t kLoadImm64 = 0x18, kCall = 0x85;
enum class Class : std::uint8_t { kLoadImm, kLoad, kStoreImm, kStore, kAlu, kJump, kJump32, kAlu64 };

/// libbpf's mark: a helper that does not exist, which reads "bad relo" in the verifier's message.
constexpr std::int32_t kPoison = 0xbad2310;

void poison(isa::RawInsn& insn) { insn = {.opcode = kCall, .dst = 0, .src = 0, .offset = 0, .imm = kPoison}; }
Error unexpected(std::uint64_t found, std::uint64_t expected) {
  return Error{Errc::kMalformed, cat("the instruction holds ", static_cast<std::int64_t>(found), ", the types say ",
                                     static_cast<std::int64_t>(expected))};
}

/// Size bits of a load or store (RFC 9669 §5.1).
struct AccessSize {
  std::uint8_t bits = 0;
  std::uint32_t bytes = 0;
};
constexpr AccessSize kSizes[] = {{0x10, 1}, {0x08, 2}, {0x00, 4}, {0x18, 8}};

Status resize(isa::RawInsn& insn, const core::Decision& decision) {
  const auto has = [&](const AccessSize& row) { return row.bits == (insn.opcode & kSizeMask); };
  const auto* const now = std::find_if(std::begin(kSizes), std::end(kSizes), has);
  if (now->bytes != decision.original_size)
    return Error{Errc::kUnsupported,
                 cat("the access is of ", now->bytes, " bytes, the field has ", decision.original_size)};
  const auto* const row = std::find_if(std::begin(kSizes), std::end(kSizes),
                                       [&](const AccessSize& each) { return each.bytes == decision.wanted_size; });
  if (row == std::end(kSizes))
    return Error{Errc::kUnsupported, cat("no access is of ", decision.wanted_size, " bytes, as the target's field")};
  insn.opcode = static_cast<std::uint8_t>((insn.opcode & ~kSizeMask) | row->bits);
  return kOk;
}

Status patch_access(isa::RawInsn& insn, const core::Decision& decision) {
  const auto held = static_cast<std::uint64_t>(std::int64_t{insn.offset});
  if (decision.checked && held != decision.original) return unexpected(held, decision.original);
  if (decision.wanted > std::uint64_t{std::numeric_limits<std::int16_t>::max()})
    return Error{Errc::kOutOfRange, cat("offset ", decision.wanted, " does not fit the instruction, at most 32767")};
  if (decision.bad_access) {
    poison(insn);
    return kOk;
  }
  insn.offset = static_cast<std::int16_t>(decision.wanted);
  return decision.original_size == decision.wanted_size ? Status(kOk) : resize(insn, decision);
}

Status patch_immediate(isa::RawInsn& insn, const core::Decision& decision) {
  if ((insn.opcode & kSourceRegister) != 0)
    return Error{Errc::kMalformed, "the instruction has a register where the value would be"};
  const auto held = static_cast<std::uint64_t>(std::int64_t{insn.imm});
  if (decision.checked && held != decision.original) return unexpected(held, decision.original);
  insn.imm = static_cast<std::int32_t>(decision.wanted);
  return kOk;
}

Status patch_load_imm64(std::span<isa::RawInsn> insns, const core::Decision& decision) {
  const std::uint64_t held =
      static_cast<std::uint32_t>(insns[0].imm) | std::uint64_t{static_cast<std::uint32_t>(insns[1].imm)} << 32;
  if (decision.checked && held != decision.original) return unexpected(held, decision.original);
  insns[0].imm = static_cast<std::int32_t>(decision.wanted);
  insns[1].imm = static_cast<std::int32_t>(decision.wanted >> 32);
  return kOk;
}

bool is_load_imm64(std::span<const isa::RawInsn> insns) {
  return insns.size() >= 2 && insns[0].opcode == kLoadImm64 && insns[0].src == 0 && insns[0].offset == 0 &&
         insns[1].opcode == 0 && insns[1].dst == 0 && insns[1].src == 0 && insns[1].offset == 0;
}

/// The function with that slot of that section; nullptr: none (the linker dropped a weak one and kept its records).
Function* function_at(std::vector<Function>& functions, SectionIndex section, std::uint64_t slot) {
  const auto after =
      std::upper_bound(functions.begin(), functions.end(), slot, [&](std::uint64_t wanted, const Function& f) {
        return section != f.section ? section < f.section : wanted < f.first;
      });
  if (after == functions.begin()) return nullptr;
  Function& found = *std::prev(after);
  return found.section == section && slot - found.first < found.insns.size() ? &found : nullptr;
}

Status relocate(const CoreRecord& record, Function& function, core::Resolver* resolver) {
  const std::span<isa::RawInsn> insns = std::span(function.insns).subspan(record.offset / 8 - function.first);
  if (resolver == nullptr)
    return Error{Errc::kUnsupported, "needs the kernel's types; give them (--btf FILE, or /sys/kernel/btf/vmlinux)"};
  TRY(const core::Decision decision, resolver->resolve(record));
  return patch_core(insns, decision);
}

}  // namespace

Status patch_core(std::span<isa::RawInsn> insns, const core::Decision& decision) {
  if (decision.poison) {
    if (is_load_imm64(insns)) poison(insns[1]);
    poison(insns[0]);
    return kOk;
  }
  switch (static_cast<Class>(insns[0].opcode & kClassMask)) {
    case Class::kAlu:
    case Class::kAlu64:
      return patch_immediate(insns[0], decision);
    case Class::kLoad:
    case Class::kStoreImm:
    case Class::kStore:
      return patch_access(insns[0], decision);
    case Class::kLoadImm:
      if (is_load_imm64(insns)) return patch_load_imm64(insns, decision);
      break;
    case Class::kJump:
    case Class::kJump32:
      break;
  }
  return Error{Errc::kMalformed, cat("opcode ", +insns[0].opcode, " cannot hold what is relocated")};
}

void relocate_core(const ElfFile& file, const ObjectTypes& types, const Btf* target, std::vector<Function>& functions) {
  if (types.btf == nullptr || types.ext.core.empty()) return;
  std::optional<core::Resolver> resolver;
  if (target != nullptr) resolver.emplace(*types.btf, *target);
  for (const auto& table : types.ext.core) {
    const SectionIndex section = file.find_section(table.section);
    for (const CoreRecord& record : table.records) {
      Function* function = function_at(functions, section, record.offset / sizeof(isa::RawInsn));
      if (function == nullptr || !function->unsupported.empty()) continue;
      const Status done = relocate(record, *function, resolver ? &*resolver : nullptr);
      if (!done)
        function->unsupported = cat("section '", table.section, "' offset ", record.offset, ", in '", function->name,
                                    "': CO-RE relocation ", core_kind_name(record.kind), " of '",
                                    types.btf->name(record.type), "' (", record.access, "): ", done.error().message);
    }
  }
}

}  // namespace skep::loader
