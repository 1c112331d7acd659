// SPDX-License-Identifier: Apache-2.0
// Helpers on maps.
#include "skep/map.h"

#include "helpers/helpers.h"
#include "helpers/words.h"
#include "maps/keyless.h"

namespace skep::helpers {
namespace {

Map& map_at(Word address) { return *from_address<Map>(address); }

/// nullptr: the map has no push, pop and peek.
maps::KeylessMap* keyless_at(Word address) { return dynamic_cast<maps::KeylessMap*>(&map_at(address)); }

}  // namespace

Word map_lookup_elem(Word map, Word key, Word, Word, Word, Env& env) {
  return address_of(map_at(map).lookup(bytes_at(key), env.cpu));
}

Word map_update_elem(Word map, Word key, Word value, Word flags, Word, Env& env) {
  return result(map_at(map).update(bytes_at(key), bytes_at(value), flags, env.cpu));
}

Word map_delete_elem(Word map, Word key, Word, Word, Word, Env&) { return result(map_at(map).erase(bytes_at(key))); }

Word map_lookup_percpu_elem(Word map, Word key, Word cpu, Word, Word, Env& env) {
  const std::uint32_t wanted = low32(cpu);
  return wanted < env.cpus ? address_of(map_at(map).lookup(bytes_at(key), wanted)) : 0;
}

Word map_push_elem(Word map, Word value, Word flags, Word, Word, Env&) {
  maps::KeylessMap* target = keyless_at(map);
  return target != nullptr ? result(target->push(bytes_at(value), flags)) : failure(EOPNOTSUPP);
}

Word map_pop_elem(Word map, Word value, Word, Word, Word, Env&) {
  maps::KeylessMap* source = keyless_at(map);
  return source != nullptr ? result(source->pop(bytes_at(value))) : failure(EOPNOTSUPP);
}

Word map_peek_elem(Word map, Word value, Word, Word, Word, Env&) {
  maps::KeylessMap* source = keyless_at(map);
  return source != nullptr ? result(source->peek(bytes_at(value))) : failure(EOPNOTSUPP);
}

Word for_each_map_elem(Word map, Word callback, Word context, Word flags, Word, Env& env) {
  if (flags != 0) return failure(EINVAL);
  struct State {
    Env& env;
    Word map, callback, context;
  } state{env, map, callback, context};
  const auto visit = [](void* opaque, void* key, void* value) -> std::uint64_t {
    State& s = *static_cast<State*>(opaque);
    const Word stop = s.env.invoke(s.env, s.callback, {s.map, address_of(key), address_of(value), s.context, 0});
    return s.env.trap != Trap::kNone ? 1 : stop;
  };
  return result(map_at(map).for_each(visit, &state, env.cpu));
}

// Engines turn the call into lower::TailCall; this function exists for the table and is never reached.
Word tail_call(Word, Word, Word, Word, Word, Env& env) {
  env.trap = Trap::kHelper;
  return 0;
}

}  // namespace skep::helpers
