// SPDX-License-Identifier: Apache-2.0
#include "tests/libbpf/compare_insns.h"

#include <algorithm>

#include "base/cat.h"
#include "skep/isa.h"

namespace skep::oracle {

namespace {

constexpr std::uint8_t kLoadImm64 = 0x18, kCall = 0x85;
constexpr std::size_t kKernelName = 15;
constexpr std::int32_t kMissingKfunc = 2'002'000'000;

bool refers_to_map(const isa::RawInsn& insn) {
  const auto kind = static_cast<isa::Imm64Kind>(static_cast<std::uint8_t>(insn.src));
  return insn.opcode == kLoadImm64 && (kind == isa::Imm64Kind::kMapIndex || kind == isa::Imm64Kind::kMapValueIndex);
}

std::string map_name(const Program& program, std::int32_t number) {
  if (number < 0 || static_cast<std::size_t>(number) >= program.maps.size()) return cat("map ", number);
  const MapSpec& spec = *program.maps[static_cast<std::size_t>(number)];
  return spec.section.empty() ? spec.name : spec.section;
}

std::string describe(const std::vector<isa::RawInsn>& insns, std::size_t at) {
  const isa::Insns decoded = isa::decode(insns);
  const isa::RawInsn& raw = insns[at];
  return cat(isa::print(decoded, static_cast<isa::InsnIndex>(at), isa::Syntax::kC), " [", +raw.opcode, " ", +raw.dst,
             " ", +raw.src, " ", raw.offset, " ", raw.imm, "]");
}

}  // namespace

std::string first_difference(const Program& mine, const RecordedProgram& theirs,
                             const std::vector<std::string>& map_names) {
  if (!mine.unsupported.empty()) return "unsupported: " + mine.unsupported;
  std::vector<isa::RawInsn> insns = isa::encode(mine.insns);
  if (insns.size() != theirs.insns.size()) return cat(insns.size(), " instructions, libbpf has ", theirs.insns.size());
  for (std::size_t i = 0; i < insns.size(); ++i) {
    isa::RawInsn wanted = theirs.insns[i];
    if (refers_to_map(insns[i]) && refers_to_map(wanted)) {
      const std::string ours = map_name(mine, insns[i].imm);
      const auto number = static_cast<std::size_t>(wanted.imm);
      const std::string other = number < map_names.size() ? map_names[number] : cat("map ", wanted.imm);
      // libbpf 1.1 cuts the names of sections of the kind .bss.NAME to what the kernel keeps.
      if (ours.substr(0, kKernelName) != other.substr(0, kKernelName))
        return cat("at ", i, ": map ", ours, ", libbpf has ", other);
      wanted.imm = insns[i].imm;
    }
    // A kfunc that the kernel lacks: libbpf 1.2 and later mark the call, 1.1 leaves it a kfunc call of number 0.
    const bool missing_kfunc = wanted.opcode == kCall && wanted.src == 2 && wanted.imm == 0 &&
                               insns[i].opcode == kCall && insns[i].imm >= kMissingKfunc;
    if (insns[i] != wanted && !missing_kfunc)
      return cat("at ", i, ": ", describe(insns, i), ", libbpf has ", describe(theirs.insns, i));
  }
  return {};
}

}  // namespace skep::oracle
