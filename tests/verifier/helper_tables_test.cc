// SPDX-License-Identifier: Apache-2.0
// The table of helpers against the running kernel: who may call which, and what each argument may be. What skep allows
// and Linux does not is a hole and fails; what only Linux allows is counted.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/bpf.h"
#include "skep/isa.h"
#include "skep/verify.h"
#include "tests/verifier/ask_both.h"

namespace skep::test {
namespace {

/// Where a program is loaded for.
struct Place {
  ProgramType type{};
  std::uint32_t attach = 0;
  std::string target{};
  bool sleepable = false;
};
std::string text(const Place& place) {
  return std::string(info(place.type).name) + " attach type " + std::to_string(place.attach) + " " + place.target +
         (place.sleepable ? " sleepable" : "");
}

Program program_at(const Place& place, isa::Insns insns) {
  Program program;
  program.name = "table";
  program.license = "GPL";
  program.type = place.type;
  program.attach_type = place.attach;
  program.attach_target = place.target;
  program.sleepable = place.sleepable;
  program.insns = std::move(insns);
  program.target_btf = kernel_types();
  return program;
}

constexpr std::uint32_t kAttachTypes = 60;

/// What programs of the type may do depends on their attach type.
bool depends_on_attach_type(ProgramType type) {
  bool limited = !find_hook(type, kAttachTypes + 1);
  for (const HelperProto& row : kHelpers)
    limited = limited || (contains(row.available.types, type) && row.available.attach != kAllAttachTypes);
  return limited;
}

std::vector<Place> places() {
  // Contexts of these are described by BTF; infrared remote controls are not configured.
  constexpr ProgramTypeSet kApart = set_of(ProgramType::kUnspec, ProgramType::kTracing, ProgramType::kStructOps,
                                           ProgramType::kExt, ProgramType::kLsm, ProgramType::kLircMode2);
  std::vector<Place> all = {
      {.type = ProgramType::kTracing, .attach = 23, .target = "sched_switch"},
      {.type = ProgramType::kTracing, .attach = 28, .target = "task"},
      {.type = ProgramType::kTracing, .attach = 28, .target = "task", .sleepable = true},
      {.type = ProgramType::kTracing, .attach = 28, .target = "bpf_map"},
      {.type = ProgramType::kTracing, .attach = 28, .target = "tcp"},
      {.type = ProgramType::kTracing, .attach = 28, .target = "unix"},
      {.type = ProgramType::kStructOps, .target = "tcp_congestion_ops.ssthresh"},
      {.type = ProgramType::kStructOps, .target = "tcp_congestion_ops.release"},
      {.type = ProgramType::kStructOps, .target = "bpf_dummy_ops.test_1"},
  };
  for (const ProgramTypeInfo& row : kProgramTypes) {
    if (contains(kApart, row.type)) continue;
    const std::uint32_t attach_types = depends_on_attach_type(row.type) ? kAttachTypes : 1;
    for (std::uint32_t attach = 0; attach < attach_types; ++attach) {
      if (!find_hook(row.type, attach)) continue;
      if (row.sleeps != Sleeps::Must) all.push_back({.type = row.type, .attach = attach});
      if (row.sleeps != Sleeps::Never) all.push_back({.type = row.type, .attach = attach, .sleepable = true});
    }
  }
  return all;
}

bool unavailable(const std::string& sentence) {
  for (const char* const words : {"cannot use helper", "invalid func", "unknown func", "might sleep in",
                                  "helper call is not allowed in probe", "supported only for", "GPL-restricted"})
    if (sentence.find(words) != std::string::npos) return true;
  return false;
}

TEST(HelperTables, HelpersAreAvailableWhereLinuxHasThem) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  constexpr std::int32_t kBeyond = 213;
  std::size_t asked = 0, lacking = 0;
  for (const Place& place : places()) {
    for (std::int32_t id = 1; id < kBeyond; ++id) {
      for (const char* const license : {"GPL", "none"}) {
        Program program = program_at(place, {isa::Call{.kind = isa::CallKind::kHelper, .imm = id}, isa::Exit{}});
        program.license = license;
        const auto answers = ask(program);
        if (!answers || answers->ours.starts_with("unsupported: program type")) continue;
        ++asked;
        const bool here = !unavailable(answers->ours), there = !unavailable(answers->theirs);
        if (there && !here)
          std::printf("only Linux: %s helper %d: %s\n", text(place).c_str(), id, answers->theirs.c_str());
        lacking += there && !here;
        EXPECT_FALSE(here && !there) << text(place) << " helper " << id << ": " << answers->theirs;
      }
    }
  }
  std::printf("%zu calls asked, %zu that only Linux allows\n", asked, lacking);
  EXPECT_GT(asked, 50000u);
}

// --- Arguments ------------------------------------------------------------------------------------------------------

std::vector<std::shared_ptr<const MapSpec>> all_maps() {
  const auto map = [](MapType type, std::uint32_t key, std::uint32_t value, std::uint32_t entries) {
    auto spec = std::make_shared<MapSpec>();
    spec->name = "m";
    spec->type = type;
    spec->key_size = key;
    spec->value_size = value;
    spec->max_entries = entries;
    return spec;
  };
  auto read_only = map(MapType::kArray, 4, 64, 1);
  read_only->flags = map_flags::kReadOnlyProgram;
  read_only->initial.resize(64);
  read_only->frozen = true;
  auto trie = map(MapType::kLpmTrie, 8, 8, 4);
  trie->flags = map_flags::kNoPrealloc;
  auto outer = map(MapType::kArrayOfMaps, 4, 4, 1);
  outer->inner = map(MapType::kArray, 4, 8, 1);
  // The first two are those of programs' values.
  return {map(MapType::kArray, 4, 64, 1),
          read_only,
          map(MapType::kHash, 4, 8, 4),
          map(MapType::kLruHash, 4, 8, 4),
          map(MapType::kPerCpuArray, 4, 8, 4),
          map(MapType::kPerCpuHash, 4, 8, 4),
          map(MapType::kProgArray, 4, 4, 4),
          map(MapType::kPerfEventArray, 4, 4, 4),
          map(MapType::kStackTrace, 4, 16, 4),
          map(MapType::kCgroupArray, 4, 4, 4),
          map(MapType::kRingBuf, 0, 0, 4096),
          map(MapType::kQueue, 0, 8, 4),
          map(MapType::kCpuMap, 4, 4, 4),
          map(MapType::kXskMap, 4, 4, 4),
          map(MapType::kDevMapHash, 4, 4, 4),
          map(MapType::kSockMap, 4, 4, 4),
          map(MapType::kSockHash, 4, 4, 4),
          map(MapType::kReuseportSockArray, 4, 8, 4),
          map(MapType::kCgroupStorage, 8, 8, 0),
          map(MapType::kBloomFilter, 0, 8, 4),
          map(MapType::kUserRingBuf, 0, 0, 4096),
          trie,
          outer};
}
constexpr std::size_t kFirstMapOfCandidates = 2;

/// Text that sets a register; `$` is its number.
using Candidate = std::string;
std::string put(const Candidate& candidate, std::uint32_t reg) {
  std::string result;
  for (const char c : candidate) result += c == '$' ? std::to_string(reg) : std::string(1, c);
  return result;
}
Candidate map_number(std::size_t index) { return "r$ = map[idx:" + std::to_string(index) + "]\n"; }

constexpr const char* kStack = "r$ = r10\nr$ += -64\n";
const std::vector<Candidate>& candidates() {
  static const std::vector<Candidate> all = {
      "r$ = 0\n",
      "r$ = 8\n",
      "r$ = 65\n",
      "r$ = -1\n",
      "r$ = r7\n",                     // Any number.
      "r$ = r7\nr$ &= 31\n",           // 0 to 31.
      "r$ = r7\nr$ &= 31\nr$ += 1\n",  // 1 to 32.
      "r$ = r6\n",                     // The context,
      "r$ = r6\nr$ += 8\n",            // and inside it.
      kStack,
      "r$ = r10\nr$ += -63\n",
      "r$ = r10\nr$ += -4\n",
      "r$ = r10\nr$ += -256\n",  // Never written.
      "r$ = r10\nr$ += -512\n",
      "r$ = r8\n",  // A value,
      "r$ = r8\nr$ += 60\n",
      "r$ = r8\nr$ += 3\n",
      "r$ = map[idx:1][0] + 0\n",   // one that is only read,
      "r$ = map[idx:1][0] + 60\n",  // and its end.
      "r$ = r9\n",                  // The packet, or 0.
      "r$ = r9\nr$ += 62\n",
  };
  return all;
}

/// A value that the argument may have, as far as it is made without kernel objects; 8 where it is not.
Candidate good(const Arg& arg, const Candidate& map) {
  switch (arg.kind) {
    case ArgKind::ConstMapPtr:
      return map;
    case ArgKind::MapKey:
    case ArgKind::MapValue:
    case ArgKind::MapValueOrNull:
    case ArgKind::UninitMapValue:
    case ArgKind::Mem:
    case ArgKind::MemOrNull:
    case ArgKind::UninitMem:
    case ArgKind::UninitMemOrNull:
    case ArgKind::FixedSizeMem:
    case ArgKind::UninitFixedSizeMem:
    case ArgKind::StackOrNull:
      return kStack;
    case ArgKind::ConstStr:
      return "r$ = map[idx:1][0] + 0\n";
    case ArgKind::Ctx:
    case ArgKind::CtxOrNull:
      return "r$ = r6\n";
    case ArgKind::SocketOrNull:
    case ArgKind::BtfSockCommonOrNull:
    case ArgKind::PtrToBtfIdOrNull:
      return "r$ = 0\n";
    case ArgKind::None:
    case ArgKind::Anything:
    case ArgKind::Size:
    case ArgKind::SizeOrZero:
    case ArgKind::ConstAllocSize:
    case ArgKind::RingBufMem:
    case ArgKind::Func:
    case ArgKind::SpinLock:
    case ArgKind::Timer:
    case ArgKind::Kptr:
    case ArgKind::KptrObject:
    case ArgKind::SockCommon:
    case ArgKind::BtfSockCommon:
    case ArgKind::PtrToBtfId:
    case ArgKind::PtrToPercpuBtfId:
    case ArgKind::PtrToDynptr:
    case ArgKind::PtrToUninitDynptr:
      return "r$ = 8\n";
  }
  return {};
}

/// r6 is the context, r7 any number, r8 a value of 64 bytes, r9 the packet's first 64 bytes where there is a packet.
std::string prologue(ProgramType type) {
  std::string code = "r6 = r1\nr9 = 0\n";
  for (int offset = 8; offset <= 64; offset += 8) code += "*(u64 *)(r10 - " + std::to_string(offset) + ") = 0\n";
  code += "call 7\nr7 = r0\nr1 = map[idx:0]\nr2 = r10\nr2 += -8\ncall 1\nr8 = r0\n";
  const ContextKind context = info(type).context;
  const bool skb = context == ContextKind::kSkBuff && type != ProgramType::kSocketFilter;
  if (!skb && context != ContextKind::kXdp) return code;
  const std::string start = skb ? "76" : "0", end = skb ? "80" : "4";
  return code + "r9 = *(u32 *)(r6 + " + start + ")\nr2 = *(u32 *)(r6 + " + end +
         ")\nr3 = r9\nr3 += 64\nif r3 > r2 goto +1\ngoto +2\nr0 = 0\nexit\n";
}

/// A call with these arguments is all right, or would be were its result given back.
bool passes(const std::string& sentence) {
  return sentence == "accept" || sentence.find("reference leak") != std::string::npos;
}

class Arguments {
 public:
  /// Asks about every candidate for every argument.
  void ask_about(const HelperProto& row, const Place& place) {
    const Candidate map = fitting_map(row, place);
    for (std::size_t at = 0; at < row.args.size() && row.args[at].kind != ArgKind::None; ++at) {
      for (const Candidate& candidate : candidates()) compare(row, place, map, at, candidate);
      if (row.args[at].kind != ArgKind::ConstMapPtr) continue;
      for (std::size_t i = kFirstMapOfCandidates; i < maps_.size(); ++i) compare(row, place, map, at, map_number(i));
    }
  }
  std::size_t asked = 0, lacking = 0, unsupported = 0, same_words = 0;

 private:
  std::string code_of(const HelperProto& row, const Place& place, const Candidate& map, std::size_t at,
                      const Candidate& candidate) {
    std::string code = prologue(place.type);
    for (std::size_t i = 0; i < row.args.size() && row.args[i].kind != ArgKind::None; ++i)
      code += put(i == at ? candidate : good(row.args[i], map), static_cast<std::uint32_t>(i + 1));
    const std::int64_t result = find_hook(place.type, place.attach)->low > 0 ? 1 : 0;
    return code + "call " + std::to_string(row.id) + "\nr0 = " + std::to_string(result) + "\nexit\n";
  }

  std::optional<Program> program_of(const Place& place, const std::string& code) {
    auto insns = isa::assemble(code, isa::Syntax::kC);
    if (!insns) {
      ADD_FAILURE() << insns.error().message << "\n" << code;
      return std::nullopt;
    }
    Program program = program_at(place, std::move(*insns));
    // Only the maps that are named: others may not be allowed in this kind of program.
    std::map<std::int32_t, std::int32_t> numbers;
    for (isa::Insn& insn : program.insns) {
      auto* load = std::get_if<isa::LoadImm64>(&insn);
      if (load == nullptr) continue;
      const auto [found, is_new] = numbers.try_emplace(load->low, static_cast<std::int32_t>(numbers.size()));
      if (is_new) program.maps.push_back(maps_[static_cast<std::size_t>(load->low)]);
      load->low = found->second;
    }
    return program;
  }

  /// The first map that Linux takes.
  Candidate fitting_map(const HelperProto& row, const Place& place) {
    std::size_t at = 0;
    while (at < row.args.size() && row.args[at].kind != ArgKind::ConstMapPtr) ++at;
    if (at == row.args.size()) return {};
    for (std::size_t i = kFirstMapOfCandidates; i < maps_.size(); ++i) {
      const auto program = program_of(place, code_of(row, place, map_number(i), at, map_number(i)));
      if (!program) return {};
      const auto loaded = kernel::load(*program, {.log_level = 1});
      if (loaded && (loaded->accepted() || passes(loaded->last_sentence()))) return map_number(i);
    }
    return map_number(kFirstMapOfCandidates);
  }

  void compare(const HelperProto& row, const Place& place, const Candidate& map, std::size_t at,
               const Candidate& candidate) {
    const std::string code = code_of(row, place, map, at, candidate);
    const auto program = program_of(place, code);
    if (!program) return;
    const auto answers = ask(*program);
    if (!answers) return;
    ++asked;
    const bool here = passes(answers->ours), there = passes(answers->theirs);
    const std::string what = text(place) + " " + std::string(row.name) + " R" + std::to_string(at + 1) + " " +
                             put(candidate, static_cast<std::uint32_t>(at + 1));
    const bool open = answers->ours.starts_with("unsupported");
    unsupported += there && open;
    lacking += there && !here && !open;
    same_words += here == there && (here || answers->ours == answers->theirs);
    if (there && !here && !open) std::printf("only Linux: %s %s\n", what.c_str(), answers->ours.c_str());
    EXPECT_FALSE(here && !there) << what << answers->theirs;
  }

  std::vector<std::shared_ptr<const MapSpec>> maps_ = all_maps();
};

/// A place where the row's helper may be called by programs of this type.
std::optional<Place> place_for(const HelperProto& row, ProgramType type) {
  if (!contains(row.available.types, type)) return std::nullopt;
  for (std::uint32_t attach = 0; attach < kAttachTypes; ++attach) {
    if (!find_hook(type, attach) || !contains(row.available, type, attach)) continue;
    Place place{.type = type, .attach = attach};
    place.sleepable = info(type).sleeps == Sleeps::Must || (row.has(kMightSleep) && info(type).sleeps == Sleeps::May);
    if (type == ProgramType::kTracing) {
      if (attach != 23 && attach != 28) continue;
      place.target = attach == 23 ? "sched_switch" : "tcp";
      place.sleepable = attach == 28 && row.has(kMightSleep);
    }
    return place;
  }
  return std::nullopt;
}

TEST(HelperTables, ArgumentsAreThoseOfLinux) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  constexpr auto kTypes =
      std::to_array<ProgramType>({ProgramType::kSchedCls,     ProgramType::kXdp,           ProgramType::kKprobe,
                                  ProgramType::kTracing,      ProgramType::kSyscall,       ProgramType::kSkMsg,
                                  ProgramType::kSkSkb,        ProgramType::kSockOps,       ProgramType::kCgroupSockAddr,
                                  ProgramType::kCgroupSock,   ProgramType::kCgroupSockopt, ProgramType::kCgroupSysctl,
                                  ProgramType::kLwtXmit,      ProgramType::kLwtSeg6local,  ProgramType::kSkReuseport,
                                  ProgramType::kSkLookup,     ProgramType::kFlowDissector, ProgramType::kPerfEvent,
                                  ProgramType::kSocketFilter, ProgramType::kCgroupSkb});
  constexpr int kPlaces = 2;  // Of each prototype.
  Arguments arguments;
  for (const HelperProto& row : kHelpers) {
    int left = kPlaces;
    for (const ProgramType type : kTypes) {
      const auto place = place_for(row, type);
      if (!place || left-- == 0) continue;
      arguments.ask_about(row, *place);
      if (left == 0) break;
    }
  }
  std::printf("%zu calls asked, %zu that only Linux accepts, %zu of them unsupported; %zu with the same words\n",
              arguments.asked, arguments.lacking + arguments.unsupported, arguments.unsupported, arguments.same_words);
  EXPECT_GT(arguments.asked, 10000u);
}

}  // namespace
}  // namespace skep::test
