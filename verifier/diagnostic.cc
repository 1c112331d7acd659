// SPDX-License-Identifier: Apache-2.0
// Rows of diagnostics.def as text.
#include <string>

#include "base/overloaded.h"
#include "base/unreachable.h"
#include "skep/verify.h"

namespace skep {
namespace {

struct Row {
  DiagCode code{};
  std::string_view name, sentence, hint;
};
constexpr auto kRows = std::to_array<Row>({
#define DIAG(code, name, sentence, hint) {DiagCode::k##name, #name, sentence, hint},
#include "skep/tables/diagnostics.def"
});

const Row& row_of(DiagCode code) {
  for (const Row& row : kRows)
    if (row.code == code) return row;
  unreachable();
}

std::string text_of(const DiagArg& arg) {
  return std::visit(Overloaded{[](const std::string& text) { return text; },
                               [](std::int64_t number) { return std::to_string(number); },
                               [](std::uint64_t number) { return std::to_string(number); }},
                    arg);
}

std::string fill(std::string_view sentence, const Diagnostic& diagnostic) {
  std::string text;
  for (std::size_t i = 0; i < sentence.size(); ++i) {
    const bool placeholder = sentence[i] == '{' && i + 2 < sentence.size() && sentence[i + 2] == '}';
    if (!placeholder) {
      text += sentence[i];
      continue;
    }
    const auto number = static_cast<std::size_t>(sentence[i + 1] - '0');
    if (number < diagnostic.args.size()) text += text_of(diagnostic.args[number]);
    i += 2;
  }
  return text;
}

}  // namespace

std::string message(const Diagnostic& diagnostic) { return fill(row_of(diagnostic.code).sentence, diagnostic); }
std::string hint(const Diagnostic& diagnostic) { return fill(row_of(diagnostic.code).hint, diagnostic); }

std::vector<std::uint32_t> registers_named(const Diagnostic& diagnostic) {
  const std::string_view sentence = row_of(diagnostic.code).sentence;
  std::vector<std::uint32_t> result;
  for (std::size_t at = sentence.find("R{"); at != std::string_view::npos; at = sentence.find("R{", at + 1)) {
    const auto number = static_cast<std::size_t>(sentence[at + 2] - '0');
    if (number >= diagnostic.args.size()) continue;
    if (const auto* reg = std::get_if<std::uint64_t>(&diagnostic.args[number]))
      result.push_back(static_cast<std::uint32_t>(*reg));
  }
  return result;
}

std::string_view name(DiagCode code) { return row_of(code).name; }

}  // namespace skep
