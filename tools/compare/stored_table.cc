// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "base/cat.h"
#include "base/try.h"
#include "tools/compare/csv.h"
#include "tools/compare/opinion.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

using Key = std::pair<std::string, std::string>;  // Object and program.
using Table = std::map<Key, Opinion>;

/// Where each column of interest stands; npos: the table has none such.
class Columns {
 public:
  explicit Columns(const CsvRow& names) : names_(names) {}
  [[nodiscard]] std::string text(const CsvRow& row, std::string_view name) const {
    const auto it = std::find(names_.begin(), names_.end(), name);
    return it == names_.end() ? std::string() : row[static_cast<std::size_t>(it - names_.begin())];
  }
  [[nodiscard]] std::uint64_t number(const CsvRow& row, std::string_view name) const {
    const std::string digits = text(row, name);
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }

 private:
  const CsvRow& names_;
};

Opinion opinion_of(const Columns& columns, const CsvRow& row) {
  Opinion opinion;
  const std::string verdict = columns.text(row, "verdict");
  if (verdict == "accept") opinion.kind = OpinionKind::kAccept;
  if (verdict == "reject") opinion.kind = OpinionKind::kReject;
  opinion.sentence = columns.text(row, opinion.kind == OpinionKind::kNone ? "env_or_subclass" : "error_line");
  opinion.processed = columns.number(row, "processed_insns");
  opinion.states = columns.number(row, "total_states");
  opinion.usec = columns.number(row, "verif_us");
  return opinion;
}

}  // namespace

Result<Judge> stored_table(const std::string& path) {
  TRY(const std::string text, read_text(path));
  TRY(const auto rows, read_csv(text));
  if (rows.empty()) return Error{Errc::kTruncated, "no table"};
  const Columns columns(rows.front());
  for (const char* name : {"object", "program", "verdict"})
    if (!columns.has(name)) return Error{Errc::kMalformed, cat("no column '", name, "'")};
  const auto table = std::make_shared<Table>();
  for (auto row = rows.begin() + 1; row != rows.end(); ++row)
    table->emplace(Key(columns.text(*row, "object"), columns.text(*row, "program")), opinion_of(columns, *row));
  return Judge([table](const std::string& object, const Program& program) {
    const auto found = table->find({std::filesystem::path(object).filename().string(), program.name});
    if (found != table->end()) return found->second;
    Opinion unknown;
    unknown.sentence = "not in the table";
    return unknown;
  });
}

}  // namespace skep::tools
