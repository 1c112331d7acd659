// SPDX-License-Identifier: Apache-2.0
#include "tools/compare/csv.h"

#include "base/cat.h"

namespace skep::tools {
namespace {

/// The field at `at`, which moves to the comma or line end behind it. False: its quote does not end.
bool read_field(std::string_view text, std::size_t& at, std::string& field) {
  if (at == text.size() || text[at] != '"') {
    const std::size_t end = std::min(text.find_first_of(",\r\n", at), text.size());
    field = text.substr(at, end - at);
    at = end;
    return true;
  }
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"' && (at + 1 == text.size() || text[at + 1] != '"')) {
      ++at;
      return true;
    }
    if (text[at] == '"') ++at;  // Two quotes stand for one.
    field += text[at];
  }
  return false;
}

}  // namespace

Result<std::vector<CsvRow>> read_csv(std::string_view text) {
  std::vector<CsvRow> rows;
  std::size_t at = 0;
  while (at < text.size()) {
    CsvRow row;
    bool more = true;
    while (more) {
      std::string field;
      if (!read_field(text, at, field)) return Error{Errc::kMalformed, cat("row ", rows.size() + 1, ": open quote")};
      row.push_back(std::move(field));
      more = at < text.size() && text[at] == ',';
      if (more) ++at;
    }
    while (at < text.size() && (text[at] == '\r' || text[at] == '\n')) ++at;
    if (!rows.empty() && row.size() != rows.front().size())
      return Error{Errc::kMalformed,
                   cat("row ", rows.size() + 1, ": ", row.size(), " fields, expected ", rows.front().size())};
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string csv_line(const CsvRow& row) {
  std::string line;
  for (const std::string& field : row) {
    if (&field != &row.front()) line += ',';
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char letter : field) line.append(letter == '"' ? 2 : 1, letter);
    line += '"';
  }
  return line + '\n';
}

}  // namespace skep::tools
