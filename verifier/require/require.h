// SPDX-License-Identifier: Apache-2.0
// Safety rules: what must hold before an instruction. None of these functions changes a register; they answer, and
// record the reason when they refuse.
#pragma once
#include <cstdint>
#include <string_view>

#include "skep/context_field.h"
#include "skep/helper.h"
#include "verifier/engine/run.h"

namespace skep::verifier {

inline constexpr std::int64_t kMaxVariableOffset = std::int64_t{1} << 29;
inline constexpr std::int64_t kMaxPacketOffset = 0xffff;

enum class AccessMode : std::uint8_t { kRead, kWrite, kWritePart /* Of so many bytes at most. */ };
enum class ZeroSize : std::uint8_t { kRefused, kAllowed };
/// Who accesses: an instruction, or a helper on the program's behalf.
enum class Accessor : std::uint8_t { kInsn, kHelper };

// registers.cc
Check check_readable(Run& run, std::uint32_t reg);
Check check_writable(Run& run, std::uint32_t reg);

// alignment.cc
enum class Alignment : std::uint8_t {
  kAsLoaded,  ///< What the program's flags ask for.
  kNatural,
};
/// [offset, offset + size) of what the register points to, or of the number in it, begins at a multiple of the size.
Check check_alignment(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, Alignment wanted);

// region.cc: memory whose size is known.
/// [offset, offset + size) of what register `reg` points to lies within `limit` bytes, for all that its variable part
/// can be.
Check check_region(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, std::uint32_t limit,
                   ZeroSize zero);
Check check_map_value(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode,
                      ZeroSize zero, Accessor who = Accessor::kHelper);
Check check_packet(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, ZeroSize zero);
Check check_packet_write(Run& run);

// buffer.cc: memory whose size is known only when the program is attached or run (kBuffer, kTpBuffer).
Check check_buffer(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode);

// special_fields.cc
/// Fields of the map's value, and of a type of the program, that the kernel manages.
const FieldRecord& fields_of_map(Run& run, std::uint32_t map);
const FieldRecord& fields_of_type(Run& run, TypeId type);
/// An access to [offset, offset + size) of what `base` points to keeps away from such fields, or is one that pointers
/// to objects allow.
Check check_special_fields(Run& run, const Value& base, const FieldRecord& record, std::int32_t offset,
                           std::uint32_t size, Accessor who);

// context.cc
/// `value`: what a load gives.
Check check_context(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode,
                    isa::Extend extend, FieldValue& value);
/// The register holds a pointer with an offset that is known and not negative.
Check check_constant_offset(Run& run, std::uint32_t reg);
/// The register holds a pointer without any offset.
Check check_unmodified(Run& run, std::uint32_t reg);

// string.cc
/// Nobody can change the value's contents. (Inner maps may be exchanged: theirs are not known.)
bool is_constant(const Run& run, const Value& map_value);
/// The register, which points to a map's value, points to a NUL-terminated string in a frozen read-only map.
Check check_constant_string(Run& run, std::uint32_t reg);
/// The string in `format` is a format of bpf_snprintf for as many arguments as the size in `data_size` says.
Check check_format(Run& run, std::uint32_t format, std::uint32_t data_size);

// stack.cc
/// Bytes of a frame that an access touches, as offsets from its r10: [first, last).
struct StackRange {
  std::int32_t first = 0;
  std::int32_t last = 0;
  bool fixed = true;
};
Check check_stack_range(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode,
                        StackRange& range);

// pointer_arithmetic.cc
/// `pointer op amount`, to be put into `dst`.
Check check_pointer_operation(Run& run, std::uint32_t dst, const Value& pointer, const isa::Alu& insn,
                              const Value& amount);
Check check_sane_offset(Run& run, const Value& value, const Value& pointer);

// call.cc
bool is_gpl_compatible(std::string_view license);
Check check_helper_available(Run& run, std::int32_t id, const HelperProto* proto);
// map_helpers.cc
Check check_map_for_helper(Run& run, const MapSpec& map, const HelperProto& proto);

// exit.cc
Check check_return_value(Run& run);
/// What register `reg` holds may be the result of a program of this type.
Check check_result(Run& run, std::uint32_t reg);
/// After exploration: no chain of calls needs more stack than there is.
Check check_stack_depth(Run& run);

}  // namespace skep::verifier
