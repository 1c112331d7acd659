// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/data_file.h"

#include <charconv>
#include <map>
#include <sstream>

#include "base/try.h"
#include "skep/isa.h"

namespace skep::conformance {
namespace {

Error bad(std::string_view section, std::string_view message) {
  return {Errc::kMalformed, "section '" + std::string(section) + "': " + std::string(message)};
}

std::map<std::string, std::string> split(std::string_view text) {
  std::map<std::string, std::string> sections;
  std::string name;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.starts_with("-- ")) {
      name = line.substr(3);
      sections[name];
    } else if (!name.empty()) {
      sections[name] += line + "\n";
    }
  }
  return sections;
}

/// The words of a section, without comments.
std::vector<std::string> words(const std::string& section) {
  std::vector<std::string> all;
  std::istringstream lines(section);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line.substr(0, line.find('#')));
    for (std::string word; in >> word;) all.push_back(word);
  }
  return all;
}

Result<std::uint64_t> number(std::string_view section, std::string_view word, int base) {
  std::string_view digits = word;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    base = 16;
  }
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || read.ec != std::errc{} || read.ptr != end)
    return bad(section, "found '" + std::string(word) + "', expected a number");
  return value;
}

Result<isa::Insns> parse_raw(const std::string& section) {
  std::vector<std::byte> bytes;
  for (const std::string& word : words(section)) {
    TRY(const std::uint64_t slot, number("raw", word, 10));
    for (unsigned shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<std::byte>(slot >> shift & 0xff));
  }
  TRY(const auto raw, isa::raw_from_bytes(bytes));
  return isa::decode(raw);
}

}  // namespace

Result<DataFile> parse_data_file(std::string_view text) {
  const auto sections = split(text);
  const auto find = [&](const std::string& name) {
    const auto found = sections.find(name);
    return found == sections.end() ? nullptr : &found->second;
  };
  DataFile file;
  const std::string* const assembly = find("asm");
  const std::string* const raw = find("raw");
  if (assembly == nullptr && raw == nullptr) return bad("asm", "not there, nor 'raw': expected a program");
  if (assembly != nullptr) {
    auto insns = isa::assemble(*assembly, isa::Syntax::kMnemonic);
    if (!insns) return bad("asm", insns.error().message);
    file.insns = *std::move(insns);
  }
  if (raw != nullptr) {
    TRY(isa::Insns insns, parse_raw(*raw));
    if (assembly != nullptr && insns != file.insns) return bad("raw", "is not what 'asm' assembles to");
    file.insns = std::move(insns);
  }
  if (const std::string* const memory = find("mem"))
    for (const std::string& word : words(*memory)) {
      TRY(const std::uint64_t byte, number("mem", word, 16));
      file.memory.push_back(static_cast<std::byte>(byte));
    }
  if (const std::string* const result = find("result")) {
    const auto all = words(*result);
    if (all.size() != 1) return bad("result", "expected one number");
    TRY(file.result, number("result", all[0], 10));
  }
  if (const std::string* const error = find("error")) {
    file.error.emplace();
    for (const std::string& word : words(*error)) *file.error += (file.error->empty() ? "" : " ") + word;
  }
  if (!file.result && !file.error) return bad("result", "not there, nor 'error'");
  return file;
}

}  // namespace skep::conformance
