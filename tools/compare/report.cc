// SPDX-License-Identifier: Apache-2.0
#include "tools/compare/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

namespace skep::tools {
namespace {

constexpr std::array kRelations = {Relation::kBothAccept,       Relation::kBothReject,  Relation::kFalseAccept,
                                   Relation::kFalseReject,      Relation::kNotModelled, Relation::kNotJudgedBySkep,
                                   Relation::kNotJudgedByKernel};

const Rejection* rejection_of(const Judged& one) {
  return one.verdict ? std::get_if<Rejection>(&*one.verdict) : nullptr;
}
const VerifiedProgram* accepted_of(const Judged& one) {
  return one.verdict ? std::get_if<VerifiedProgram>(&*one.verdict) : nullptr;
}
std::string words_of(const Judged& one) {
  const Rejection* rejection = rejection_of(one);
  return rejection == nullptr ? "accepts" : message(rejection->reason);
}
std::string kernel_words(const Judged& one) {
  return one.kernel->kind == OpinionKind::kAccept ? "accepts" : one.kernel->sentence;
}
bool same_words(const Judged& one) { return words_of(one) == kernel_words(one); }

/// What sentences of one kind have in common: numbers and quoted names replaced.
std::string pattern(std::string_view sentence) {
  std::string result;
  for (std::size_t i = 0; i < sentence.size(); ++i) {
    const char letter = sentence[i];
    if (letter >= '0' && letter <= '9') {
      if (result.empty() || result.back() != 'N') result += 'N';
    } else if (const std::size_t end = letter == '\'' ? sentence.find('\'', i + 1) : std::string_view::npos;
               end != std::string_view::npos) {
      result += "'...'";
      i = end;
    } else {
      result += letter;
    }
  }
  return result;
}

/// Rejections that say what is missing by its name or number stay as they are.
std::string family(const Rejection& rejection) {
  const bool names_it = rejection.reason.code == DiagCode::kUnsupported ||
                        rejection.reason.code == DiagCode::kUnknownHelper ||
                        rejection.reason.code == DiagCode::kUnknownKfunc;
  const std::string words = message(rejection.reason);
  return names_it ? words : pattern(words);
}

/// Counts by text, printed with the most frequent first.
class Tally {
 public:
  void add(const std::string& text) { ++counts_[text]; }
  void print(const char* title, std::size_t most) const {
    if (counts_.empty()) return;
    std::vector<std::pair<std::string, std::size_t>> sorted(counts_.begin(), counts_.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::printf("\n%s\n", title);
    for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i)
      std::printf("%7zu  %s\n", sorted[i].second, sorted[i].first.c_str());
    if (sorted.size() > most) std::printf("         and %zu more\n", sorted.size() - most);
  }

 private:
  std::map<std::string, std::size_t> counts_;
};

void list_differences(const std::vector<Judged>& all) {
  for (const Relation relation : {Relation::kFalseAccept, Relation::kFalseReject, Relation::kBothReject})
    for (const Judged& one : all) {
      if (relate(one) != relation || (relation == Relation::kBothReject && same_words(one))) continue;
      const std::string_view what = relation == Relation::kBothReject ? "other words" : name(relation);
      std::printf("%s: %s: %s\n  skep:   %s\n  kernel: %s\n", one.object.c_str(), one.program->name.c_str(),
                  std::string(what).c_str(), words_of(one).c_str(), kernel_words(one).c_str());
    }
}

using Counts = std::map<Relation, std::size_t>;

void print_counts(const std::vector<Judged>& all) {
  Counts counts;
  for (const Judged& one : all) ++counts[relate(one)];
  const auto count = [&](Relation relation) {
    const auto it = counts.find(relation);
    return it == counts.end() ? std::size_t{0} : it->second;
  };
  const std::size_t accept = count(Relation::kBothAccept), reject = count(Relation::kBothReject);
  const std::size_t decided =
      accept + reject + count(Relation::kFalseAccept) + count(Relation::kFalseReject) + count(Relation::kNotModelled);
  const auto words = std::count_if(all.begin(), all.end(), [](const Judged& one) {
    return relate(one) == Relation::kBothReject && same_words(one);
  });
  const auto would_accept = std::count_if(all.begin(), all.end(), [](const Judged& one) {
    return relate(one) == Relation::kNotModelled && one.kernel->kind == OpinionKind::kAccept;
  });
  const double percent = decided == 0 ? 0 : 100.0 * static_cast<double>(accept + reject) / static_cast<double>(decided);
  std::printf("%zu programs, %zu judged by the kernel and loaded by skep\n", all.size(), decided);
  std::printf("%7zu  agree (%.1f %%): %zu accepted by both, %zu rejected by both, %td of them in the same words\n",
              accept + reject, percent, accept, reject, words);
  std::printf("%7zu  FALSE ACCEPTS\n", count(Relation::kFalseAccept));
  std::printf("%7zu  false rejects\n", count(Relation::kFalseReject));
  std::printf("%7zu  not modelled by skep: the kernel accepts %td of them\n", count(Relation::kNotModelled),
              would_accept);
  std::printf("%7zu  not judged: %zu not by skep, %zu not by the kernel\n",
              count(Relation::kNotJudgedBySkep) + count(Relation::kNotJudgedByKernel),
              count(Relation::kNotJudgedBySkep), count(Relation::kNotJudgedByKernel));
}

/// Of the programs that both accept: a rejection ends where it is found, which need not be the same place.
void print_cost(const std::vector<Judged>& all) {
  constexpr std::uint64_t kNoise = 1000;  // Microseconds.
  std::uint64_t steps_here = 0, steps_there = 0, us_here = 0, us_there = 0;
  std::size_t equal = 0, slower = 0, total = 0;
  for (const Judged& one : all) {
    if (relate(one) != Relation::kBothAccept) continue;
    const std::uint64_t processed = accepted_of(one)->stats().processed;
    ++total;
    equal += processed == one.kernel->processed ? 1 : 0;
    steps_here += processed;
    steps_there += one.kernel->processed;
    us_here += one.usec;
    us_there += one.kernel->usec;
    slower += one.usec > kNoise && one.usec > 2 * one.kernel->usec ? 1 : 0;
  }
  if (total == 0) return;
  const double ratio = us_there == 0 ? 0 : static_cast<double>(us_here) / static_cast<double>(us_there);
  std::printf("of those that both accept: steps %llu here, %llu there, equal in %zu of %zu;\n",
              static_cast<unsigned long long>(steps_here), static_cast<unsigned long long>(steps_there), equal, total);
  std::printf("  time %.1f ms here, %.1f ms there (%.2f); %zu take more than twice the kernel's time and 1 ms\n",
              static_cast<double>(us_here) / 1000, static_cast<double>(us_there) / 1000, ratio, slower);
}

void print_types(const std::vector<Judged>& all) {
  std::map<std::string, Counts> types;
  for (const Judged& one : all)
    if (one.program != nullptr) ++types[std::string(info(one.program->type).name)][relate(one)];
  std::printf("\nby program type          ");
  for (const Relation relation : kRelations) std::printf(" %13s", std::string(name(relation)).c_str());
  std::printf("\n");
  for (auto& [type, counts] : types) {
    std::printf("  %-23s", type.c_str());
    for (const Relation relation : kRelations) std::printf(" %13zu", counts[relation]);
    std::printf("\n");
  }
}

void print_families(const std::vector<Judged>& all) {
  constexpr std::size_t kAll = 400, kSome = 40;
  Tally wanted, unwanted, rejects, words, no_load, no_verdict;
  for (const Judged& one : all) {
    const Rejection* rejection = rejection_of(one);
    switch (relate(one)) {
      case Relation::kBothAccept:
      case Relation::kFalseAccept:
        break;
      case Relation::kBothReject:
        if (!same_words(one)) words.add(pattern(kernel_words(one)) + "\n           skep: " + pattern(words_of(one)));
        break;
      case Relation::kFalseReject:
        rejects.add(family(*rejection));
        break;
      case Relation::kNotModelled:
        (one.kernel->kind == OpinionKind::kAccept ? wanted : unwanted).add(family(*rejection));
        break;
      case Relation::kNotJudgedBySkep:
        no_load.add(pattern(one.error));
        break;
      case Relation::kNotJudgedByKernel:
        no_verdict.add(pattern(one.kernel->sentence));
        break;
    }
  }
  wanted.print("not modelled, and the kernel accepts:", kAll);
  rejects.print("false rejects:", kAll);
  unwanted.print("not modelled, and the kernel rejects:", kAll);
  words.print("rejected by both in other words (the kernel's first):", kSome);
  no_load.print("not loaded by skep:", kSome);
  no_verdict.print("not judged by the kernel:", kSome);
}

}  // namespace

std::string_view name(Relation relation) {
  switch (relation) {
    case Relation::kBothAccept:
      return "both accept";
    case Relation::kBothReject:
      return "both reject";
    case Relation::kFalseAccept:
      return "FALSE ACCEPT";
    case Relation::kFalseReject:
      return "false reject";
    case Relation::kNotModelled:
      return "not modelled";
    case Relation::kNotJudgedBySkep:
      return "not by skep";
    case Relation::kNotJudgedByKernel:
      return "not by kernel";
  }
  return {};
}

Relation relate(const Judged& one) {
  if (!one.verdict) return Relation::kNotJudgedBySkep;
  if (!one.kernel || one.kernel->kind == OpinionKind::kNone) return Relation::kNotJudgedByKernel;
  const bool accepts = one.kernel->kind == OpinionKind::kAccept;
  const Rejection* rejection = rejection_of(one);
  if (rejection == nullptr) return accepts ? Relation::kBothAccept : Relation::kFalseAccept;
  if (rejection->reason.code == DiagCode::kUnsupported) return Relation::kNotModelled;
  return accepts ? Relation::kFalseReject : Relation::kBothReject;
}

bool agrees(const Judged& one) {
  switch (relate(one)) {
    case Relation::kBothAccept:
    case Relation::kBothReject:
    case Relation::kNotJudgedBySkep:
    case Relation::kNotJudgedByKernel:
      return true;
    case Relation::kFalseAccept:
    case Relation::kFalseReject:
    case Relation::kNotModelled:
      return false;
  }
  return false;
}

void print_comparison(const std::vector<Judged>& all, Listing listing) {
  if (listing == Listing::kEachDifference) list_differences(all);
  print_counts(all);
  print_cost(all);
  print_families(all);
  print_types(all);
}

}  // namespace skep::tools
