// SPDX-License-Identifier: Apache-2.0
// Timers and work queues: callbacks that run later, each on a stack of its own. They are explored from a fresh state,
// whatever the state was in which they were set.
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {

Check check_deferred_field(Run& run, std::uint32_t reg, SpecialKind kind, DeferredField& field) {
  TRY_OK(check_single_field(run, reg, kind));
  field = {.kind = kind, .map = run.reg(reg).target, .map_uid = run.reg(reg).map_uid, .seen = true};
  return Check::ok();
}

Check check_own_map(Run& run, std::uint32_t reg, const DeferredField& field) {
  if (!field.seen) return Check::ok();
  const Value& map = run.reg(reg);
  if (map.target == field.map && map.map_uid == field.map_uid) return Check::ok();
  const std::string_view what = field.kind == SpecialKind::kTimer       ? "timer"
                                : field.kind == SpecialKind::kWorkQueue ? "workqueue"
                                                                        : "bpf_task_work";
  return run.reject(DiagCode::kTimerOtherMap, std::string(what), std::uint64_t{field.map_uid},
                    std::uint64_t{map.map_uid});
}

Check push_async_callback(Run& run, std::uint32_t subprogram, std::uint32_t map, Sleep sleep) {
  State fresh;
  Frame frame;
  fresh.frames[0] = &frame;
  fresh.sleepable = sleep == Sleep::kAllowed;
  fresh.async_entries = run.state.async_entries + 1;
  frame.role = FrameRole::kAsyncCallback;
  frame.subprogram = static_cast<std::uint16_t>(subprogram);
  frame.regs[1] = pointer(ValueKind::kMap);
  frame.regs[2] = pointer(ValueKind::kMapKey);
  frame.regs[3] = pointer(ValueKind::kMapValue);
  for (std::uint32_t reg = 1; reg <= 3; ++reg) frame.regs[reg].target = map;
  frame.regs[10] = stack_pointer(0);
  run.layout.subprograms[subprogram].async = run.layout.subprograms[subprogram].callback = true;
  return run.push_fresh(fresh, run.layout.subprograms[subprogram].first) ? Check::ok() : Check::rejected();
}

}  // namespace skep::verifier
