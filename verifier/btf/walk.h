// SPDX-License-Identifier: Apache-2.0
// What lies at an offset of a kernel structure: pure questions to BTF.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "skep/btf.h"

namespace skep::verifier {

/// What a type tag says of the memory that a pointer points to.
enum class AddressSpace : std::uint8_t { kKernel, kUser, kPerCpu, kRcu };

/// What a load gives. kMemory: a pointer to anything but a structure.
enum class FieldKind : std::uint8_t { kScalar, kStruct, kMemory, kInvalid };
struct Field {
  FieldKind kind{};
  TypeId target = 0;        ///< kStruct: what the pointer points to.
  AddressSpace space{};     ///< kStruct, kMemory.
  std::string_view name{};  ///< Of the member that was found, at any depth.
  bool in_union = false;    ///< It may be another of the union's members that is valid.
  std::string fault{};      ///< kInvalid: why, as the kernel's log has it.
};
/// The field of `size` bytes at `offset` of the structure `type`.
Field walk(const Btf& btf, TypeId type, std::uint32_t offset, std::uint32_t size);

/// "task_struct"; "(anon)" where it has no name.
std::string_view struct_name(const Btf& btf, TypeId type);

/// Space that the tags of `pointee` (a pointer's target) name.
AddressSpace address_space(const Btf& btf, TypeId pointee);

}  // namespace skep::verifier
