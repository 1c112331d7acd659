// SPDX-License-Identifier: Apache-2.0
// Types back to the bytes of a section .BTF, for who hands them to a kernel.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/overloaded.h"
#include "btf/format.h"
#include "skep/btf.h"

namespace skep {
namespace {

using namespace btf::format;

constexpr std::uint32_t kKindFlag = 1u << 31;
constexpr std::uint32_t kNoComponent = ~0u;

class Encoder {
 public:
  explicit Encoder(Btf::EncodeFor target) : for_kernel_(target == Btf::EncodeFor::kKernel) {}

  std::vector<std::byte> encode(const Btf& btf) {
    for (TypeId id = 1; id < btf.size(); ++id) std::visit([&](const auto& type) { add(type); }, btf.type(id));
    const Header header = {.magic = kMagic,
                           .version = 1,
                           .flags = 0,
                           .header_size = sizeof(Header),
                           .type_offset = 0,
                           .type_size = static_cast<std::uint32_t>(words_.size() * sizeof(std::uint32_t)),
                           .string_offset = static_cast<std::uint32_t>(words_.size() * sizeof(std::uint32_t)),
                           .string_size = static_cast<std::uint32_t>(strings_.size())};
    std::vector<std::byte> bytes;
    append(bytes, std::as_bytes(std::span(&header, 1)));
    append(bytes, std::as_bytes(std::span(words_)));
    append(bytes, std::as_bytes(std::span(strings_)));
    return bytes;
  }

 private:
  static void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
    // Not insert(), in which GCC 12 at -O3 sees an overflow that is not there.
    const std::size_t at = to.size();
    to.resize(at + bytes.size());
    std::ranges::copy(bytes, to.begin() + static_cast<std::ptrdiff_t>(at));
  }
  std::uint32_t string(std::string_view text) {
    if (text.empty()) return 0;
    const auto [it, fresh] = offsets_.try_emplace(std::string(text), static_cast<std::uint32_t>(strings_.size()));
    if (fresh) strings_.append(text).push_back('\0');
    return it->second;
  }
  template <class... Words>
  void words(Words... all) {
    (words_.push_back(static_cast<std::uint32_t>(all)), ...);
  }
  void head(std::string_view name, Kind kind, std::size_t count, std::uint32_t size_or_type, std::uint32_t flag = 0) {
    words(string(name), static_cast<std::uint32_t>(kind) << 24 | static_cast<std::uint32_t>(count) | flag,
          size_or_type);
  }

  void add(const btf::Void&) { head({}, Kind::kVoid, 0, 0); }
  void add(const btf::Int& type) {
    const std::uint32_t encoding = (type.is_signed ? 1u : 0u) | (type.is_char ? 2u : 0u) | (type.is_bool ? 4u : 0u);
    head(type.name, Kind::kInt, 0, type.size);
    words(encoding << 24 | static_cast<std::uint32_t>(type.bit_offset) << 16 | type.bits);
  }
  void add(const btf::Pointer& type) { head({}, Kind::kPointer, 0, type.target); }
  void add(const btf::Array& type) {
    head({}, Kind::kArray, 0, 0);
    words(type.element, type.index, type.count);
  }
  void add(const btf::Composite& type) {
    bool bitfields = false;
    for (const btf::Member& member : type.members) bitfields |= member.bitfield_bits != 0;
    head(type.name, type.kind == btf::Aggregate::kStruct ? Kind::kStruct : Kind::kUnion, type.members.size(), type.size,
         bitfields ? kKindFlag : 0);
    for (const btf::Member& member : type.members)
      words(string(member.name), member.type, member.bitfield_bits << 24 | member.bit_offset);
  }
  void add(const btf::Enum& type) {
    const bool wide = type.size == 8;
    head(type.name, wide ? Kind::kEnum64 : Kind::kEnum, type.values.size(), type.size, type.is_signed ? kKindFlag : 0);
    for (const btf::Enumerator& one : type.values) {
      words(string(one.name), one.value);
      if (wide) words(one.value >> 32);
    }
  }
  void add(const btf::Forward& type) {
    head(type.name, Kind::kForward, 0, 0, type.kind == btf::Aggregate::kUnion ? kKindFlag : 0);
  }
  void add(const btf::Typedef& type) { head(type.name, Kind::kTypedef, 0, type.target); }
  void add(const btf::Qualifier& type) {
    Kind kind = Kind::kVolatile;
    switch (type.kind) {
      case btf::QualifierKind::kVolatile:
        break;
      case btf::QualifierKind::kConst:
        kind = Kind::kConst;
        break;
      case btf::QualifierKind::kRestrict:
        kind = Kind::kRestrict;
        break;
    }
    head({}, kind, 0, type.target);
  }
  void add(const btf::Func& type) {
    const btf::Linkage linkage =
        for_kernel_ && type.linkage == btf::Linkage::kExtern ? btf::Linkage::kStatic : type.linkage;
    head(type.name, Kind::kFunc, static_cast<std::size_t>(linkage), type.prototype);
  }
  void add(const btf::FuncProto& type) {
    head({}, Kind::kFuncProto, type.parameters.size(), type.returns);
    for (const btf::Parameter& parameter : type.parameters) {
      const bool needs_name = for_kernel_ && parameter.name.empty() && parameter.type != 0;
      words(string(needs_name ? "unnamed" : parameter.name), parameter.type);
    }
  }
  void add(const btf::Var& type) {
    const bool external = for_kernel_ && type.linkage == btf::Linkage::kExtern;
    head(type.name, Kind::kVar, 0, type.type);
    words(static_cast<std::uint32_t>(external ? btf::Linkage::kGlobal : type.linkage));
  }
  void add(const btf::DataSec& type) {
    if (for_kernel_ && type.size == 0) return head({}, Kind::kStruct, 0, 0);  // .ksyms, .kconfig: symbols, not data
    head(type.name, Kind::kDataSec, type.vars.size(), type.size);
    for (const btf::SectionVar& var : type.vars) words(var.var, var.offset, var.size);
  }
  void add(const btf::Float& type) { head(type.name, Kind::kFloat, 0, type.size); }
  void add(const btf::DeclTag& type) {
    head(type.value, Kind::kDeclTag, 0, type.target);
    words(type.component.value_or(kNoComponent));
  }
  void add(const btf::TypeTag& type) { head(type.value, Kind::kTypeTag, 0, type.target); }

  bool for_kernel_;
  std::vector<std::uint32_t> words_;
  std::string strings_ = std::string(1, '\0');
  std::unordered_map<std::string, std::uint32_t> offsets_;
};

}  // namespace

std::vector<std::byte> Btf::encode(EncodeFor target) const { return Encoder(target).encode(*this); }

}  // namespace skep
