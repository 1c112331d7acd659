// SPDX-License-Identifier: Apache-2.0
// Helpers on maps of a known type: no virtual call, and no question what size the keys are.
#include "base/unreachable.h"
#include "helpers/direct.h"
#include "helpers/words.h"
#include "maps/all.h"
#include "maps/key_size.h"

namespace skep::helpers {
namespace {

template <class M>
M& map_as(Word address) {
  return static_cast<M&>(*from_address<Map>(address));
}

/// What any map type has.
template <class M>
struct OfType {
  static Word lookup(Word map, Word key, Word, Word, Word, Env& env) {
    return address_of(map_as<M>(map).M::lookup(bytes_at(key), env.cpu));
  }
  static Word lookup_percpu(Word map, Word key, Word cpu, Word, Word, Env& env) {
    const std::uint32_t wanted = low32(cpu);
    return wanted < env.cpus ? address_of(map_as<M>(map).M::lookup(bytes_at(key), wanted)) : 0;
  }
  static Word update(Word map, Word key, Word value, Word flags, Word, Env& env) {
    return result(map_as<M>(map).M::update(bytes_at(key), bytes_at(value), flags, env.cpu));
  }
  static Word erase(Word map, Word key, Word, Word, Word, Env&) {
    return result(map_as<M>(map).M::erase(bytes_at(key)));
  }
};

/// The same of a hash map whose keys have kKeySize bytes.
template <class M, std::uint32_t kKeySize>
struct OfKeySize {
  static Word lookup(Word map, Word key, Word, Word, Word, Env& env) {
    return address_of(map_as<M>(map).template lookup_as<kKeySize>(bytes_at(key), env.cpu));
  }
  static Word lookup_percpu(Word map, Word key, Word cpu, Word, Word, Env& env) {
    const std::uint32_t wanted = low32(cpu);
    return wanted < env.cpus ? address_of(map_as<M>(map).template lookup_as<kKeySize>(bytes_at(key), wanted)) : 0;
  }
  static Word update(Word map, Word key, Word value, Word flags, Word, Env& env) {
    return result(map_as<M>(map).template update_as<kKeySize>(bytes_at(key), bytes_at(value), flags, env.cpu));
  }
  static Word erase(Word map, Word key, Word, Word, Word, Env&) {
    return result(map_as<M>(map).template erase_as<kKeySize>(bytes_at(key)));
  }
};

struct Functions {
  HelperFn lookup = nullptr, lookup_percpu = nullptr, update = nullptr, erase = nullptr;
};
template <class Of>
Functions functions() {
  return {&Of::lookup, &Of::lookup_percpu, &Of::update, &Of::erase};
}

template <class M>
Functions functions_of(std::uint32_t key_size) {
  if constexpr (std::is_base_of_v<maps::PlainHash, M> || std::is_base_of_v<maps::PerCpuHash, M>)
    return maps::with_key_size(key_size, [](auto size) {
      return size == 0 ? functions<OfType<M>>() : functions<OfKeySize<M, decltype(size)::value>>();
    });
  return functions<OfType<M>>();
}

Functions functions_of(const MapSpec& spec) {
  using namespace maps;  // NOLINT(google-build-using-namespace): where the table's classes live.
  switch (spec.type) {
    case MapType::kUnspec:
      return {};
#define MAP_TYPE_ROW(id, name, text, cls, ...) \
  case MapType::k##name:                       \
    return functions_of<cls>(spec.key_size);
#define MAP_TYPE_ROW_KNOWN(id, name, ...) \
  case MapType::k##name:                  \
    return {};
#include "skep/tables/map_types.def"
  }
  unreachable();
}

}  // namespace

HelperFn find_for_map(HelperId id, const MapSpec& spec) {
  if (id == HelperId::map_lookup_elem) return functions_of(spec).lookup;
  if (id == HelperId::map_lookup_percpu_elem) return functions_of(spec).lookup_percpu;
  if (id == HelperId::map_update_elem) return functions_of(spec).update;
  if (id == HelperId::map_delete_elem) return functions_of(spec).erase;
  if (id == HelperId::redirect_map) return redirect_map_for(spec.type);
  return nullptr;
}

}  // namespace skep::helpers
