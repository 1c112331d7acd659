// SPDX-License-Identifier: Apache-2.0
// Resources that a program holds and must give back: ring buffer records, sockets, kernel objects, locks.
#include <string>

#include "verifier/transfer/transfer.h"

namespace skep::verifier {

std::uint32_t acquire_reference(Run& run, ReferenceKind kind, std::uint32_t key) {
  State& state = run.state;
  if (state.reference_count == kMaxReferences) {
    static_cast<void>(run.reject(DiagCode::kUnsupported, std::string("more than 32 references at once")));
    return 0;
  }
  const std::uint32_t id = run.new_id();
  state.references[state.reference_count++] = {.id = id, .at = run.at, .kind = kind, .key = key};
  return id;
}

Check release_reference(Run& run, std::uint32_t id) {
  State& state = run.state;
  if (!forget_reference(state, id)) return run.reject(DiagCode::kUnknownReference, std::uint64_t{id});
  for_each_value(state, [&](Value& value) {
    if (value.is_pointer() && value.reference == id) make_unknown(value);
  });
  return Check::ok();
}

}  // namespace skep::verifier
