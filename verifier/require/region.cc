// SPDX-License-Identifier: Apache-2.0
// Bounds of map values, packets, and other memory of known size.
#include "base/try.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

bool inside(std::int64_t offset, std::uint32_t size, std::int64_t limit, ZeroSize zero) {
  return offset >= 0 && (size > 0 || zero == ZeroSize::kAllowed) && offset + std::int64_t{size} <= limit;
}

/// What the log says before it names the bound that was passed.
void explain_region(Run& run, std::uint32_t reg, std::int64_t offset, std::uint32_t size, std::uint32_t limit) {
  if (!run.log.on()) return;
  const ValueKind kind = run.reg(reg).kind;
  std::string_view what = "memory, mem_size=";
  if (kind == ValueKind::kMapValue) what = "map value, value_size=";
  if (kind == ValueKind::kMapKey) what = "map key, key_size=";
  run.explain("invalid access to ", what, std::to_string(limit), " off=", std::to_string(offset),
              " size=", std::to_string(size));
}

Check check_map_direction(Run& run, const MapSpec& map, std::int32_t offset, std::uint32_t size, AccessMode mode) {
  const bool writes = mode != AccessMode::kRead;
  const std::uint32_t forbidden = writes ? map_flags::kReadOnlyProgram : map_flags::kWriteOnlyProgram;
  // Values of device maps belong to the kernel.
  const bool devices = map.type == MapType::kDevMap || map.type == MapType::kDevMapHash;
  if ((map.flags & forbidden) == 0 && !(writes && devices)) return Check::ok();
  return run.reject(writes ? DiagCode::kMapWriteForbidden : DiagCode::kMapReadForbidden, std::uint64_t{map.value_size},
                    std::int64_t{offset}, std::uint64_t{size});
}

}  // namespace

Check check_region(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, std::uint32_t limit,
                   ZeroSize zero) {
  const Value& base = run.reg(reg);
  const std::int64_t start = std::int64_t{base.offset} + offset;
  const std::int64_t low = base.scalar.smin;
  if (low < 0) {
    const bool wraps =
        low == std::numeric_limits<std::int64_t>::min() || start + low != static_cast<std::int32_t>(start + low);
    if (wraps || start + low < 0) return run.reject(DiagCode::kMinValueNegative, std::uint64_t{reg});
  }
  if (low > kMaxVariableOffset) return run.reject(DiagCode::kUnboundedAccess, std::uint64_t{reg});
  if (!inside(start + low, size, limit, zero)) {
    explain_region(run, reg, start + low, size, limit);
    return run.reject(DiagCode::kMinValueOutside, std::uint64_t{reg}, start + low, std::uint64_t{size},
                      std::uint64_t{limit});
  }
  if (base.scalar.umax >= static_cast<std::uint64_t>(kMaxVariableOffset))
    return run.reject(DiagCode::kUnboundedAccess, std::uint64_t{reg});
  const std::int64_t high = start + static_cast<std::int64_t>(base.scalar.umax);
  if (!inside(high, size, limit, zero)) {
    explain_region(run, reg, high, size, limit);
    return run.reject(DiagCode::kMaxValueOutside, std::uint64_t{reg}, high, std::uint64_t{size}, std::uint64_t{limit});
  }
  return Check::ok();
}

Check check_map_value(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode,
                      ZeroSize zero, Accessor who) {
  const MapSpec& map = run.map_of(run.reg(reg));
  TRY_OK(check_map_direction(run, map, run.reg(reg).offset + offset, size, mode));
  TRY_OK(check_region(run, reg, offset, size, map.value_size, zero));
  return check_special_fields(run, run.reg(reg), fields_of_map(run, run.reg(reg).target), offset, size, who);
}

Check check_packet(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, ZeroSize zero) {
  const Value& base = run.reg(reg);
  // The range was learnt of pointers with the same id, so only the known part of the offset counts.
  if (base.scalar.smin < 0) return run.reject(DiagCode::kMinValueNegative, std::uint64_t{reg});
  const std::int64_t start = std::int64_t{base.offset} + offset;
  if (base.extent < 0 || !inside(start, size, base.extent, zero)) {
    run.explain("invalid access to packet, off=", std::to_string(start), " size=", std::to_string(size), ", R",
                std::to_string(reg), "(id=", std::to_string(base.id), ",off=", std::to_string(start),
                ",r=", std::to_string(base.extent), ")");
    return run.reject(DiagCode::kOutsidePacket, std::uint64_t{reg}, start, std::uint64_t{size},
                      std::int64_t{base.extent});
  }
  return Check::ok();
}

Check check_packet_write(Run& run) {
  constexpr ProgramTypeSet kWriters = kTcTypes | set_of(ProgramType::kXdp, ProgramType::kLwtXmit, ProgramType::kSkSkb,
                                                        ProgramType::kSkMsg, ProgramType::kCgroupSockopt);
  if (contains(kWriters, run.program.type)) return Check::ok();
  return run.reject(DiagCode::kPacketReadOnly);
}

}  // namespace skep::verifier
