// SPDX-License-Identifier: Apache-2.0
// Types in C.
#include <algorithm>
#include <bit>

#include "base/cat.h"
#include "base/overloaded.h"
#include "skep/btf.h"

namespace skep {

namespace {

// Pointers may lead in circles that no name breaks (hostile input only): a declaration is cut off there.
constexpr int kMaxNesting = 32;
// So do anonymous structures that each hold several of the next.
constexpr std::size_t kMaxDeclarations = 10'000;

std::string_view keyword(btf::QualifierKind kind) {
  switch (kind) {
    case btf::QualifierKind::kVolatile:
      return "volatile";
    case btf::QualifierKind::kConst:
      return "const";
    case btf::QualifierKind::kRestrict:
      return "restrict";
  }
  return "";
}
std::string_view keyword(btf::Aggregate kind) { return kind == btf::Aggregate::kStruct ? "struct" : "union"; }

std::string spaced(std::string_view left, std::string_view right) {
  if (right.empty()) return std::string(left);
  return cat(left, right.front() == '*' && left.ends_with('*') ? "" : " ", right);
}

class TypePrinter {
 public:
  explicit TypePrinter(const Btf& btf) : btf_(btf) {}

  /// C declarations read inside out: `declarator` is what was built around the name so far.
  std::string declare(TypeId id, std::string declarator, int nesting) {
    if (nesting > kMaxNesting || declared_ == kMaxDeclarations) return cut_off(declarator);
    ++declared_;
    return std::visit(
        Overloaded{
            [&](const btf::Void&) { return spaced("void", declarator); },
            [&](const btf::Int& type) { return spaced(type.name, declarator); },
            [&](const btf::Float& type) { return spaced(type.name, declarator); },
            [&](const btf::Typedef& type) { return spaced(type.name, declarator); },
            [&](const btf::Pointer& type) { return declare_pointer(type, declarator, nesting); },
            [&](const btf::Array& type) {
              return declare(type.element, cat(group(declarator), '[', type.count, ']'), nesting + 1);
            },
            [&](const btf::FuncProto& type) {
              return declare(type.returns, cat(group(declarator), parameters(type, nesting)), nesting + 1);
            },
            [&](const btf::Qualifier& type) { return qualify(type, declarator, nesting); },
            [&](const btf::TypeTag& type) { return declare(type.target, declarator, nesting + 1); },
            [&](const btf::Composite& type) {
              if (!type.name.empty()) return spaced(cat(keyword(type.kind), ' ', type.name), declarator);
              return spaced(body(type, nesting + 1), declarator);
            },
            [&](const btf::Enum& type) {
              if (!type.name.empty()) return spaced(cat("enum ", type.name), declarator);
              return spaced(body(type), declarator);
            },
            [&](const btf::Forward& type) { return spaced(cat(keyword(type.kind), ' ', type.name), declarator); },
            [&](const btf::Var& type) { return declare(type.type, std::string(type.name), nesting + 1); },
            [&](const btf::Func& type) { return declare(type.prototype, std::string(type.name), nesting + 1); },
            [&](const btf::DataSec& type) { return spaced(type.name, declarator); },
            [&](const btf::DeclTag& type) { return spaced(tag(type), declarator); }},
        btf_.type(id < btf_.size() ? id : 0));
  }

  std::string body(const btf::Composite& type, int nesting) {
    const std::string indent(static_cast<std::size_t>(nesting) * 4, ' ');
    std::string text = std::string(keyword(type.kind));
    if (!type.name.empty()) text += cat(' ', type.name);
    text += " {\n";
    for (const btf::Member& member : type.members) {
      if (declared_ == kMaxDeclarations) break;
      text += indent + "    " + declare(member.type, std::string(member.name), nesting + 1);
      if (member.bitfield_bits != 0) text += cat(" : ", member.bitfield_bits);
      text += cat(";  /* ", member.bit_offset / 8);
      if (member.bitfield_bits != 0) text += cat(':', member.bit_offset % 8);
      text += " */\n";
    }
    return cat(text, indent, "}");
  }
  static std::string body(const btf::Enum& type) {
    std::string text = "enum";
    if (!type.name.empty()) text += cat(' ', type.name);
    text += " {";
    bool first = true;
    for (const btf::Enumerator& value : type.values) {
      text += cat(first ? " " : ", ", value.name, " = ");
      text += type.is_signed ? std::to_string(std::bit_cast<std::int64_t>(value.value)) : std::to_string(value.value);
      first = false;
    }
    return text + " }";
  }
  static std::string tag(const btf::DeclTag& type) {
    const std::string where = type.component ? cat(", component ", *type.component) : "";
    return cat("btf_decl_tag(\"", type.value, "\") of type ", type.target, where);
  }

 private:
  std::string cut_off(const std::string& declarator) {
    declared_ = std::min(declared_ + 1, kMaxDeclarations);
    return spaced("...", declarator);
  }
  /// `*name` must be bracketed before `[n]` or `(...)` follow.
  static std::string group(const std::string& declarator) {
    return !declarator.empty() && declarator.front() == '*' ? cat('(', declarator, ')') : declarator;
  }
  std::string declare_pointer(const btf::Pointer& type, const std::string& declarator, int nesting) {
    const bool word =
        !declarator.empty() && declarator.front() >= 'a' && declarator.front() <= 'z' &&
        (declarator.starts_with("const") || declarator.starts_with("volatile") || declarator.starts_with("restrict"));
    return declare(type.target, cat(word ? "* " : "*", declarator), nesting + 1);
  }
  std::string qualify(const btf::Qualifier& type, const std::string& declarator, int nesting) {
    // A qualified pointer is `T *const name`; anything else `const T name`.
    if (btf_.find<btf::Pointer>(type.target) != nullptr)
      return declare(type.target, spaced(keyword(type.kind), declarator), nesting + 1);
    return cat(keyword(type.kind), ' ', declare(type.target, declarator, nesting + 1));
  }
  std::string parameters(const btf::FuncProto& type, int nesting) {
    if (type.parameters.empty()) return "(void)";
    std::string text = "(";
    for (std::size_t i = 0; i < type.parameters.size() && declared_ != kMaxDeclarations; ++i) {
      const btf::Parameter& parameter = type.parameters[i];
      if (i != 0) text += ", ";
      const bool variadic = parameter.name.empty() && parameter.type == 0;
      text += variadic ? "..." : declare(parameter.type, std::string(parameter.name), nesting + 1);
    }
    return text + ')';
  }

  const Btf& btf_;
  std::size_t declared_ = 0;
};

}  // namespace

std::string print_declaration(const Btf& btf, TypeId type, std::string_view name) {
  return TypePrinter(btf).declare(type, std::string(name), 0);
}

std::string print_definition(const Btf& btf, TypeId type) {
  TypePrinter printer(btf);
  if (const auto* composite = btf.find<btf::Composite>(type)) return printer.body(*composite, 0) + ';';
  if (const auto* values = btf.find<btf::Enum>(type)) return TypePrinter::body(*values) + ';';
  if (const auto* alias = btf.find<btf::Typedef>(type))
    return "typedef " + printer.declare(alias->target, std::string(alias->name), 0) + ';';
  if (btf.find<btf::Func>(type) != nullptr || btf.find<btf::Var>(type) != nullptr)
    return printer.declare(type, "", 0) + ';';
  return printer.declare(type, "", 0);
}

}  // namespace skep
