// SPDX-License-Identifier: Apache-2.0
#include "tests/verifier/case_types.h"

#include <map>
#include <span>
#include <sstream>
#include <string>

#include "base/try.h"

namespace skep::test {
namespace {

// Documentation/bpf/btf.rst
constexpr std::uint32_t kInt = 1, kPointer = 2, kStruct = 4, kFunc = 12, kFuncProto = 13, kDeclTag = 17, kTypeTag = 18;
constexpr std::uint32_t kGlobal = 1;  // Linkage of a function.
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
    // One by one: GCC 12 at -O3 warns of the insertion of a list.
    for (const std::uint32_t word : {name_at, kind << 24, size_or_type}) words.push_back(word);
    return ++count;
  }
};

/// Structures that a case may name: "NAME SIZE OFFSET:TYPE...". A type is int, long, a structure above,
/// "*STRUCTURE/TAG" (a tagged pointer), or "STRUCTURE=CONTENTS.fN", a list or tree of structures whose member N is the
/// node.
constexpr std::string_view kStructures = R"(
bpf_spin_lock 4
bpf_res_spin_lock 4
bpf_timer 16
bpf_wq 16
bpf_list_head 16
bpf_list_node 24
bpf_rb_root 16
bpf_rb_node 32
bpf_refcount 4
bpf_dynptr 16
__sk_buff 4
task_struct 4 0:int
plain 16 0:int 8:long
node 40 0:long 8:bpf_list_node 32:long
leaf 48 0:long 8:bpf_rb_node 40:long
shared 72 0:long 8:bpf_rb_node 40:bpf_list_node 64:bpf_refcount
locked 8 0:int 4:bpf_spin_lock
resilient 8 0:int 4:bpf_res_spin_lock
timed 24 0:int 8:bpf_timer
deferred 24 0:int 8:bpf_wq
list 24 0:bpf_spin_lock 8:bpf_list_head=node.f1
tree 24 0:bpf_spin_lock 8:bpf_rb_root=leaf.f1
both 40 0:bpf_spin_lock 8:bpf_list_head=shared.f2 24:bpf_rb_root=shared.f1
keeper 40 0:*plain/kptr 8:*plain/kptr_untrusted 16:*task_struct/kptr 24:*task_struct/kptr_untrusted 32:long
)";

class StructureWriter {
 public:
  StructureWriter(Types& types, std::uint32_t number, std::uint32_t word) : types_(types) {
    ids_["int"] = number;
    ids_["long"] = word;
  }

  void write() {
    std::istringstream lines{std::string(kStructures)};
    for (std::string line; std::getline(lines, line);)
      if (!line.empty()) write_structure(line);
    for (const auto& [owner, member, text] : tags_) {
      types_.add(types_.name(text), kDeclTag, owner);
      types_.words.push_back(member);
    }
  }

  /// A pointer "*STRUCTURE/TAG" is made where it is first named.
  std::uint32_t id_of(const std::string& type) {
    std::uint32_t& id = ids_[type];
    if (id != 0 || type.front() != '*') return id;
    const std::size_t slash = type.find('/');
    const std::uint32_t tagged =
        types_.add(types_.name(type.substr(slash + 1)), kTypeTag, ids_[type.substr(1, slash - 1)]);
    return id = types_.add(0, kPointer, tagged);
  }

 private:
  struct Tag {
    std::uint32_t owner = 0, member = 0;
    std::string text;
  };
  struct Member {
    std::uint32_t offset = 0;
    std::string type{}, contents{};
  };

  static Member parse(std::string_view word) {
    const std::size_t colon = word.find(':'), equals = word.find('=');
    Member member{.offset = static_cast<std::uint32_t>(std::stoul(std::string(word.substr(0, colon))))};
    member.type = word.substr(colon + 1, equals == std::string_view::npos ? equals : equals - colon - 1);
    if (equals != std::string_view::npos) member.contents = word.substr(equals + 1);
    return member;
  }

  void write_structure(const std::string& line) {
    std::istringstream words{line};
    std::string name, word;
    std::uint32_t size = 0;
    words >> name >> size;
    std::vector<Member> members;
    while (words >> word) members.push_back(parse(word));
    for (const Member& member : members) id_of(member.type);
    const std::uint32_t id = types_.add(types_.name(name), kStruct, size);
    types_.words[types_.words.size() - 2] |= static_cast<std::uint32_t>(members.size());
    ids_[name] = id;
    for (std::uint32_t i = 0; i < members.size(); ++i) {
      const Member& member = members[i];
      const std::uint32_t member_name = types_.name("f" + std::to_string(i));
      types_.words.insert(types_.words.end(), {member_name, id_of(member.type), member.offset * 8});
      const std::size_t dot = member.contents.find('.');
      if (dot == std::string::npos) continue;
      tags_.push_back({id, i, "contains:" + member.contents.substr(0, dot) + ":" + member.contents.substr(dot + 1)});
    }
  }

  Types& types_;
  std::map<std::string, std::uint32_t> ids_;
  std::vector<Tag> tags_;
};

/// What global functions may take a pointer to.
struct Parameter {
  std::string_view kind, type, tag;
};
constexpr Parameter kParameters[] = {{"dynptr", "bpf_dynptr", ""},
                                     {"skb", "__sk_buff", ""},
                                     {"memory", "plain", ""},
                                     {"nonnull", "plain", "arg:nonnull"}};
const Parameter* find_parameter(std::string_view kind) {
  for (const Parameter& row : kParameters)
    if (row.kind == kind) return &row;
  return nullptr;
}

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

Result<std::shared_ptr<const Btf>> give_types(std::vector<FunctionInfo>& functions, std::string_view kind) {
  constexpr std::uint32_t kSignedInt = 1u << 24 | 32;
  Types types;
  const std::uint32_t number = types.add(types.name("int"), kInt, 4);
  types.words.push_back(kSignedInt);
  const std::uint32_t word = types.add(types.name("long"), kInt, 8);
  types.words.push_back(1u << 24 | 64);
  StructureWriter structures(types, number, word);
  structures.write();
  const std::uint32_t starts = types.add(0, kFuncProto, number);
  const Parameter* const parameter = find_parameter(kind);
  const std::uint32_t pointer =
      parameter == nullptr ? 0 : types.add(0, kPointer, structures.id_of(std::string(parameter->type)));
  const std::uint32_t others = types.add(0, kFuncProto, kind == "void" ? 0 : number);
  if (parameter != nullptr) {
    types.words[types.words.size() - 2] |= 1;
    types.words.insert(types.words.end(), {types.name("a"), pointer});
  }
  for (FunctionInfo& function : functions) {
    const bool first = function.first == 0;
    function.btf_type_id = types.add(types.name(function.name), kFunc, first ? starts : others);
    if (first || parameter == nullptr) continue;
    function.global = true;
    types.words[types.words.size() - 2] |= kGlobal;
    if (parameter->tag.empty()) continue;
    types.add(types.name(parameter->tag), kDeclTag, function.btf_type_id);
    types.words.push_back(0);
  }
  const std::string bytes = section(types);
  TRY(Btf parsed, Btf::parse(std::as_bytes(std::span(bytes))));
  return std::make_shared<const Btf>(std::move(parsed));
}

}  // namespace skep::test
