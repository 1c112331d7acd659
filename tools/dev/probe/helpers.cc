// SPDX-License-Identifier: Apache-2.0
// Helpers: who may call each, what it expects of each argument, what it returns, and which maps it takes. What an
// argument must be is asked with a number, with memory and with the context in the register; the arguments before it
// are the first ones that were taken.
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/bpf.h"
#include "skep/helper.h"
#include "skep/isa.h"
#include "tools/dev/probe/probe.h"

namespace skep::probe {
namespace {

constexpr std::int32_t kLastHelper = 211;

/// Text that sets register `$`.
struct Candidate {
  const char* name;
  const char* code;
};
constexpr auto kCandidates = std::to_array<Candidate>({
    {"any number", "r$ = r7\n"},
    {"8", "r$ = 8\n"},
    {"0", "r$ = 0\n"},
    {"context", "r$ = r6\n"},
    {"stack", "r$ = r10\nr$ += -64\n"},
    {"unwritten stack", "r$ = r10\nr$ += -256\n"},
    {"odd stack", "r$ = r10\nr$ += -63\n"},
    {"read-only value", "r$ = map[idx:0][0] + 0\n"},
    {"map", "r$ = map[idx:1]\n"},
});

std::string put(const std::string& code, std::size_t reg) {
  std::string result;
  for (const char c : code) result += c == '$' ? std::to_string(reg) : std::string(1, c);
  return result;
}

std::shared_ptr<MapSpec> map_of(MapType type, std::uint32_t key, std::uint32_t value, std::uint32_t entries) {
  auto spec = std::make_shared<MapSpec>();
  spec->name = "m";
  spec->type = type;
  spec->key_size = key;
  spec->value_size = value;
  spec->max_entries = entries;
  return spec;
}

std::shared_ptr<MapSpec> read_only_values() {
  auto spec = map_of(MapType::kArray, 4, 64, 1);
  spec->flags = map_flags::kReadOnlyProgram;
  spec->initial.resize(64);
  spec->frozen = true;
  return spec;
}

/// One map of each type that a program can be given without more ado.
std::vector<std::shared_ptr<MapSpec>> maps() {
  auto trie = map_of(MapType::kLpmTrie, 8, 8, 4);
  trie->flags = map_flags::kNoPrealloc;
  auto outer = map_of(MapType::kArrayOfMaps, 4, 4, 1);
  outer->inner = map_of(MapType::kArray, 4, 8, 1);
  auto hash_of_maps = map_of(MapType::kHashOfMaps, 4, 4, 1);
  hash_of_maps->inner = map_of(MapType::kArray, 4, 8, 1);
  return {map_of(MapType::kArray, 4, 8, 4),
          map_of(MapType::kHash, 4, 8, 4),
          map_of(MapType::kLruHash, 4, 8, 4),
          map_of(MapType::kPerCpuArray, 4, 8, 4),
          map_of(MapType::kPerCpuHash, 4, 8, 4),
          map_of(MapType::kLruPerCpuHash, 4, 8, 4),
          map_of(MapType::kProgArray, 4, 4, 4),
          map_of(MapType::kPerfEventArray, 4, 4, 4),
          map_of(MapType::kStackTrace, 4, 16, 4),
          map_of(MapType::kCgroupArray, 4, 4, 4),
          map_of(MapType::kRingBuf, 0, 0, 4096),
          map_of(MapType::kUserRingBuf, 0, 0, 4096),
          map_of(MapType::kQueue, 0, 8, 4),
          map_of(MapType::kStack, 0, 8, 4),
          map_of(MapType::kBloomFilter, 0, 8, 4),
          map_of(MapType::kDevMapHash, 4, 4, 4),
          map_of(MapType::kCpuMap, 4, 4, 4),
          map_of(MapType::kXskMap, 4, 4, 4),
          map_of(MapType::kSockMap, 4, 4, 4),
          map_of(MapType::kSockHash, 4, 4, 4),
          map_of(MapType::kReuseportSockArray, 4, 8, 4),
          map_of(MapType::kCgroupStorage, 8, 8, 0),
          map_of(MapType::kPerCpuCgroupStorage, 8, 8, 0),
          trie,
          outer,
          hash_of_maps};
}

/// r6 is the context, r7 any number; 64 bytes of the stack are written.
std::string prologue() {
  std::string code = "r6 = r1\n";
  for (int offset = 8; offset <= 64; offset += 8) code += "*(u64 *)(r10 - " + std::to_string(offset) + ") = 0\n";
  return code + "call 7\nr7 = r0\n";
}

/// Asks about calls of helpers at one hook.
class Caller {
 public:
  explicit Caller(const Hook& hook) : hook_(hook) {}

  /// What the kernel says of a call with these arguments; "" where it is accepted.
  std::string call(std::int32_t id, const std::vector<std::string>& arguments, const std::shared_ptr<MapSpec>& map,
                   std::string* log = nullptr, const char* license = "GPL") {
    std::string code = prologue();
    for (std::size_t i = 0; i < arguments.size(); ++i) code += put(arguments[i], i + 1);
    code += "call " + std::to_string(id) + "\nr9 = r0\nr0 = " + std::to_string(result_) + "\nexit\n";
    auto insns = isa::assemble(code, isa::Syntax::kC);
    if (!insns) return insns.error().message;
    Program program;
    program.name = "probe";
    program.license = license;
    program.type = hook_.type;
    program.attach_type = hook_.attach;
    program.sleepable = hook_.sleepable;
    program.maps = {read_only_values(), map};
    program.insns = std::move(*insns);
    // Maps that the program does not name may be of types that it must not have.
    if (code.find("map[") == std::string::npos) program.maps.clear();
    const auto loaded = kernel::load(program, {.log_level = log != nullptr ? 2u : 1u});
    if (!loaded) return loaded.error().message;
    if (log != nullptr) *log = loaded->log;
    if (loaded->accepted()) return {};
    std::string sentence = loaded->last_sentence();
    return sentence.empty() ? "refused" : sentence;
  }

  /// Finds a result that the hook takes back; false: programs cannot be loaded here.
  bool works() {
    for (result_ = 0; result_ < 3; ++result_)
      if (call(7, {}, nullptr).empty()) return true;
    return false;
  }

 private:
  Hook hook_;
  int result_ = 0;
};

bool is_unavailable(const std::string& sentence) {
  for (const char* const words : {"cannot use helper", "invalid func", "unknown func", "not allowed in probe"})
    if (sentence.find(words) != std::string::npos) return true;
  return false;
}

std::string name_of(std::int32_t id) {
  for (const HelperProto& row : kHelpers)
    if (row.id == id) return std::string(row.name);
  return "?";
}

/// The call got past argument number `at` (counted from 0).
bool got_past(const std::string& sentence, std::size_t at) {
  const std::string next = "R" + std::to_string(at + 2) + " ";
  return sentence.empty() || sentence.starts_with(next) || sentence.find("reference leak") != std::string::npos;
}

/// What is known of the result, of the log's state behind the call.
std::string result_in(const std::string& log) {
  const std::size_t at = log.find("(bf) r9 = r0");
  const std::size_t begin = log.find("R9=", at);
  if (at == std::string::npos || begin == std::string::npos) return "?";
  return log.substr(begin + 3, log.find_first_of(" \n", begin) - begin - 3);
}

/// Prints every argument of a helper: which candidates are taken, and what is said of the others. Returns the arguments
/// that were taken.
std::vector<std::string> probe_arguments(Caller& caller, std::int32_t id, const std::shared_ptr<MapSpec>& map) {
  std::vector<std::string> taken;
  for (std::size_t at = 0; at < 5; ++at) {
    // An argument that is not set is not missed where the helper has fewer.
    if (!caller.call(id, taken, map).starts_with("R" + std::to_string(at + 1) + " !read_ok")) break;
    std::set<std::string> said;
    std::string names, first;
    for (const Candidate& candidate : kCandidates) {
      std::vector<std::string> with = taken;
      with.emplace_back(candidate.code);
      const std::string sentence = caller.call(id, with, map);
      if (!got_past(sentence, at)) {
        said.insert(sentence);
        continue;
      }
      names += names.empty() ? candidate.name : std::string(", ") + candidate.name;
      if (first.empty()) first = candidate.code;
    }
    std::printf("  R%zu takes: %s\n", at + 1, names.empty() ? "none of them" : names.c_str());
    for (const std::string& sentence : said) std::printf("     %s\n", sentence.c_str());
    if (first.empty()) break;
    taken.push_back(first);
  }
  return taken;
}

/// The first map that the helper is not refused; the first of all where it has no map.
std::shared_ptr<MapSpec> fitting_map(Caller& caller, std::int32_t id) {
  const auto all = maps();
  for (const auto& map : all) {
    for (std::size_t at = 0; at < 2; ++at) {
      std::vector<std::string> arguments(at, "r$ = r6\n");
      arguments.emplace_back("r$ = map[idx:1]\n");
      while (arguments.size() < 5) arguments.emplace_back("r$ = 0\n");
      const std::string sentence = caller.call(id, arguments, map);
      const bool is_map =
          sentence.find("expected=map_ptr") == std::string::npos && !sentence.starts_with("R1 type=map");
      if (is_map && sentence.find("cannot pass map_type") == std::string::npos && got_past(sentence, at)) return map;
    }
  }
  return all.front();
}

}  // namespace

void probe_helpers() {
  std::map<std::int32_t, std::vector<Hook>> available;
  for (const Hook& hook : hooks()) {
    Caller caller(hook);
    if (!caller.works()) continue;
    for (std::int32_t id = 1; id <= kLastHelper; ++id)
      if (!is_unavailable(caller.call(id, {}, nullptr))) available[id].push_back(hook);
  }
  for (std::int32_t id = 1; id <= kLastHelper; ++id) {
    std::printf("%d %s\n", id, name_of(id).c_str());
    std::map<std::string, std::string> places;  // Attach types of each program type.
    for (const Hook& hook : available[id])
      places[std::string(info(hook.type).name)] += " " + std::to_string(hook.attach) + (hook.sleepable ? "s" : "");
    for (const auto& [type, attach] : places) std::printf("  %s:%s\n", type.c_str(), attach.c_str());
    if (available[id].empty()) continue;
    Caller caller(available[id].front());
    if (!caller.works()) continue;
    const std::string without_license = caller.call(id, {}, nullptr, nullptr, "none");
    if (without_license.find("GPL") != std::string::npos) std::printf("  GPL only\n");
    const auto map = fitting_map(caller, id);
    const auto arguments = probe_arguments(caller, id, map);
    std::string log;
    caller.call(id, arguments, map, &log);
    std::printf("  R0: %s\n", result_in(log).c_str());
  }
}

}  // namespace skep::probe
