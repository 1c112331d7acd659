// SPDX-License-Identifier: Apache-2.0
// Ring buffers.
#include "maps/ringbuf.h"

#include "helpers/helpers.h"
#include "helpers/words.h"

namespace skep::helpers {
namespace {

// The verifier lets these helpers see maps of this type only.
maps::RingBufMap& ringbuf_at(Word address) { return static_cast<maps::RingBufMap&>(*from_address<Map>(address)); }

}  // namespace

Word ringbuf_output(Word map, Word data, Word size, Word flags, Word, Env&) {
  return result(ringbuf_at(map).output(bytes_at(data), size, flags));
}

Word ringbuf_reserve(Word map, Word size, Word flags, Word, Word, Env&) {
  return flags != 0 ? 0 : address_of(ringbuf_at(map).reserve(size));
}

Word ringbuf_submit(Word record, Word flags, Word, Word, Word, Env&) {
  maps::RingBufMap::commit(bytes_at(record), maps::RingBufMap::Outcome::kSubmit, flags);
  return 0;
}

Word ringbuf_discard(Word record, Word flags, Word, Word, Word, Env&) {
  maps::RingBufMap::commit(bytes_at(record), maps::RingBufMap::Outcome::kDiscard, flags);
  return 0;
}

Word ringbuf_query(Word map, Word what, Word, Word, Word, Env&) { return ringbuf_at(map).query(what); }

}  // namespace skep::helpers
