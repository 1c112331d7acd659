// SPDX-License-Identifier: Apache-2.0
// Every class that map_types.def names.
#pragma once
#include "maps/array.h"
#include "maps/bloom_filter.h"
#include "maps/hash.h"
#include "maps/lpm_trie.h"
#include "maps/map_of_maps.h"
#include "maps/percpu_array.h"
#include "maps/percpu_hash.h"
#include "maps/perf_event_array.h"
#include "maps/prog_array.h"
#include "maps/queue_stack.h"
#include "maps/redirect_targets.h"
#include "maps/ringbuf.h"
#include "maps/stack_trace.h"
