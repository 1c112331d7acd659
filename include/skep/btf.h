// SPDX-License-Identifier: Apache-2.0
// BTF: the types of a program, as clang's -g writes them into the section .BTF (docs.kernel.org/bpf/btf.html).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skep/result.h"

namespace skep {

/// Number of a type within its BTF; 0 is void.
using TypeId = std::uint32_t;

/// The kinds of type. Names are views into the Btf that the type was taken from; empty: anonymous.
namespace btf {

struct Void {};
/// `bits` of the value begin `bit_offset` bits into its `size` bytes.
struct Int {
  std::string_view name;
  std::uint32_t size = 0;
  std::uint8_t bits = 0, bit_offset = 0;
  bool is_signed = false, is_char = false, is_bool = false;
};
struct Pointer {
  TypeId target = 0;
};
struct Array {
  TypeId element = 0, index = 0;
  std::uint32_t count = 0;
};
struct Member {
  std::string_view name;
  TypeId type = 0;
  std::uint32_t bit_offset = 0;
  std::uint32_t bitfield_bits = 0;  ///< 0: not a bitfield.
};
enum class Aggregate : std::uint8_t { kStruct, kUnion };
struct Composite {
  Aggregate kind{};
  std::string_view name;
  std::uint32_t size = 0;
  std::vector<Member> members;
};
/// `value` holds the bits of an unsigned or, by Enum::is_signed, of a signed number.
struct Enumerator {
  std::string_view name;
  std::uint64_t value = 0;
};
/// ENUM and ENUM64.
struct Enum {
  std::string_view name;
  std::uint32_t size = 0;
  bool is_signed = false;
  std::vector<Enumerator> values;
};
struct Forward {
  std::string_view name;
  Aggregate kind{};
};
struct Typedef {
  std::string_view name;
  TypeId target = 0;
};
enum class QualifierKind : std::uint8_t { kVolatile, kConst, kRestrict };
struct Qualifier {
  QualifierKind kind{};
  TypeId target = 0;
};
enum class Linkage : std::uint8_t { kStatic, kGlobal, kExtern };
struct Func {
  std::string_view name;
  TypeId prototype = 0;
  Linkage linkage{};
};
struct Parameter {
  std::string_view name;
  TypeId type = 0;
};
/// A last parameter without name and type stands for `...`.
struct FuncProto {
  TypeId returns = 0;
  std::vector<Parameter> parameters;
};
struct Var {
  std::string_view name;
  TypeId type = 0;
  Linkage linkage{};
};
struct SectionVar {
  TypeId var = 0;
  std::uint32_t offset = 0, size = 0;
};
/// In an object file size and offsets may be 0: the loader fills them from ELF (Btf::with_section_layout).
struct DataSec {
  std::string_view name;
  std::uint32_t size = 0;
  std::vector<SectionVar> vars;
};
struct Float {
  std::string_view name;
  std::uint32_t size = 0;
};
/// Of `target` itself, or of its member or parameter number `component`.
struct DeclTag {
  std::string_view value;
  TypeId target = 0;
  std::optional<std::uint32_t> component;
};
struct TypeTag {
  std::string_view value;
  TypeId target = 0;
};

using Type = std::variant<Void, Int, Pointer, Array, Composite, Enum, Forward, Typedef, Qualifier, Func, FuncProto, Var,
                          DataSec, Float, DeclTag, TypeTag>;

}  // namespace btf

/// The types of one object. Immutable; copies share their names. Invariants, checked by parse(): every id that a type
/// holds is a type of this Btf; no type contains itself by value; nesting by value is at most kMaxDepth deep; every
/// size fits 32 bits.
class Btf {
 public:
  static constexpr std::uint32_t kMaxDepth = 64;

  /// The contents of a section .BTF. Error: names the offset, what was found and what was expected.
  static Result<Btf> parse(std::span<const std::byte> bytes);

  enum class EncodeFor : std::uint8_t {
    kFile,    ///< As parsed.
    kKernel,  ///< With what BPF_BTF_LOAD refuses made acceptable under the same ids: external symbols, unnamed
              ///< parameters.
  };
  /// The types as the bytes of a section .BTF; parse() of kFile's gives the same types under the same ids.
  [[nodiscard]] std::vector<std::byte> encode(EncodeFor target) const;

  /// Number of types, void included: ids are below it.
  [[nodiscard]] TypeId size() const { return static_cast<TypeId>(types_.size()); }
  /// Precondition: id < size().
  [[nodiscard]] const btf::Type& type(TypeId id) const { return types_[id]; }
  /// The type of alternative T with that id; nullptr: there is none, or it is of another kind.
  template <class T>
  [[nodiscard]] const T* find(TypeId id) const {
    return id < size() ? std::get_if<T>(&types_[id]) : nullptr;
  }
  /// Name of the type; empty: it has none, or there is no such type.
  [[nodiscard]] std::string_view name(TypeId id) const;
  /// The first type of alternative T with that name; 0: none.
  template <class T>
  [[nodiscard]] TypeId find_by_name(std::string_view wanted) const {
    for (TypeId id = first_named(wanted); id != 0; id = next_named(id, wanted))
      if (std::holds_alternative<T>(types_[id])) return id;
    return 0;
  }
  /// All types with that name, ascending.
  [[nodiscard]] std::vector<TypeId> all_by_name(std::string_view wanted) const {
    std::vector<TypeId> ids;
    for (TypeId id = first_named(wanted); id != 0; id = next_named(id, wanted)) ids.push_back(id);
    return ids;
  }
  /// Follows typedefs, qualifiers and type tags. An id that is no type gives 0.
  [[nodiscard]] TypeId resolve(TypeId id) const;
  /// Bytes that a value of the type takes. Error: the type has no size (void, a function, a forward declaration).
  [[nodiscard]] Result<std::uint32_t> size_of(TypeId id) const;
  /// The string at `offset` of the string section; nullopt: there is none.
  [[nodiscard]] std::optional<std::string_view> string_at(std::uint32_t offset) const;

  /// A copy in which the data section `section` has this size and its n-th variable these offset and size.
  /// Precondition: `section` is a DataSec with layout.size() variables.
  [[nodiscard]] Btf with_section_layout(TypeId section, std::uint32_t size,
                                        std::span<const btf::SectionVar> layout) const;
  /// A copy in which these functions have static linkage. Precondition: they are of kind Func.
  [[nodiscard]] Btf with_static_functions(std::span<const TypeId> functions) const;

 private:
  friend class BtfParser;
  std::shared_ptr<const std::string> strings_;  // Shared: the names in types_ are views into it.
  std::vector<btf::Type> types_;
  std::vector<std::uint32_t> sizes_;  // Of each type; 0 where it has none.
  // A hash table of the names: chains through next_, ascending, from heads_[hash % size].
  [[nodiscard]] TypeId first_named(std::string_view wanted) const;
  [[nodiscard]] TypeId next_named(TypeId after, std::string_view wanted) const;
  std::vector<TypeId> heads_, next_;
};

enum class ValueFormat : std::uint8_t {
  kText,  ///< `{.count = 3, .name = "eth0", .mode = FAST (2)}`
  kJson,  ///< One JSON value; bytes that no type describes as a string of hexadecimal digits.
};
/// A value of type `type` (0: bytes of unknown type) that lies in `bytes`. Error: `bytes` is smaller than the type.
Result<std::string> print_value(const Btf& btf, TypeId type, std::span<const std::byte> bytes, ValueFormat format);
/// Bytes without a type.
std::string print_bytes(std::span<const std::byte> bytes, ValueFormat format);

/// The type in C: of a named structure, union, enumeration or typedef its definition (`struct flow { ... };`); of a
/// function its prototype; of others their name in C.
std::string print_definition(const Btf& btf, TypeId type);
/// `type` as a declaration of `name` would have it: `const char *name`, `__u32 name[4]`.
std::string print_declaration(const Btf& btf, TypeId type, std::string_view name);

}  // namespace skep
