// SPDX-License-Identifier: Apache-2.0
#include "tests/verifier/case_types.h"

#include <span>
#include <string>

#include "base/try.h"

namespace skep::test {
namespace {

// Documentation/bpf/btf.rst
constexpr std::uint32_t kInt = 1, kFunc = 12, kFuncProto = 13;
constexpr std::uint32_t kMagicAndVersion = 0x0001eb9f, kHeaderBytes = 24;

/// Words of the type section and the names that they refer to.
struct Types {
  std::vector<std::uint32_t> words;
  std::string names{'\0'};
  std::uint32_t count = 0;

  std::uint32_t name(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(names.size());
    names += text;
    names += '\0';
    return at;
  }
  std::uint32_t add(std::uint32_t name_at, std::uint32_t kind, std::uint32_t size_or_type) {
    words.insert(words.end(), {name_at, kind << 24, size_or_type});
    return ++count;
  }
};

std::string section(const Types& types) {
  const auto type_bytes = static_cast<std::uint32_t>(types.words.size() * 4);
  std::vector<std::uint32_t> all{kMagicAndVersion, kHeaderBytes, 0,
                                 type_bytes,       type_bytes,   static_cast<std::uint32_t>(types.names.size())};
  all.insert(all.end(), types.words.begin(), types.words.end());
  std::string bytes(all.size() * 4, '\0');
  const auto from = std::as_bytes(std::span(all));
  for (std::size_t i = 0; i < from.size(); ++i) bytes[i] = static_cast<char>(from[i]);
  return bytes + types.names;
}

}  // namespace

Result<std::shared_ptr<const Btf>> give_types(std::vector<FunctionInfo>& functions, std::string_view returns) {
  constexpr std::uint32_t kSignedInt = 1u << 24 | 32;
  Types types;
  const std::uint32_t number = types.add(types.name("int"), kInt, 4);
  types.words.push_back(kSignedInt);
  const std::uint32_t starts = types.add(0, kFuncProto, number);
  const std::uint32_t others = types.add(0, kFuncProto, returns == "void" ? 0 : number);
  for (FunctionInfo& function : functions)
    function.btf_type_id = types.add(types.name(function.name), kFunc, function.first == 0 ? starts : others);
  const std::string bytes = section(types);
  TRY(Btf parsed, Btf::parse(std::as_bytes(std::span(bytes))));
  return std::make_shared<const Btf>(std::move(parsed));
}

}  // namespace skep::test
