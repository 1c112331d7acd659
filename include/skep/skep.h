/* SPDX-License-Identifier: Apache-2.0
 *
 * The C API: load an object, verify and run its programs, use their maps. The C++ API (the other headers) is larger.
 *
 * Handles are owned by the caller, who ends each with its close function; NULL is allowed there. An image and a map
 * hold what they need: they stay valid when the object or the VM is closed first. Images and maps may be used from
 * several threads at once, a skep_vm from one at a time, a skep_runner from its own. No function prints, exits, or
 * throws.
 */
#ifndef SKEP_SKEP_H
#define SKEP_SKEP_H
#include <stddef.h>
#include <stdint.h>

/* NOLINTBEGIN(readability-identifier-naming): C's names. */
#ifdef __cplusplus
extern "C" {
#endif

typedef struct skep_object skep_object;
typedef struct skep_vm skep_vm;
typedef struct skep_image skep_image;
typedef struct skep_runner skep_runner;
typedef struct skep_map skep_map;

/* Why a call failed. Filled when a function returns NULL; a NULL argument is allowed. Never larger than `message`: cut
 * if need be. */
typedef enum skep_error_code {
  SKEP_OK = 0,
  SKEP_BAD_INPUT = 1,   /* The object is malformed, or something in it does not exist. */
  SKEP_UNSUPPORTED = 2, /* Legal, and skep or this host cannot do it. */
  SKEP_INVALID = 3,     /* An argument makes no sense. */
  SKEP_LIMIT = 4,
  SKEP_SYSTEM = 5,  /* The operating system refused. */
  SKEP_REJECTED = 6 /* The verifier rejected the program; the message is the kernel's sentence. */
} skep_error_code;
typedef struct skep_error {
  skep_error_code code;
  uint32_t insn; /* SKEP_REJECTED: the instruction at fault. */
  char message[500];
} skep_error;

/* `bytes` are copied as far as needed. `name` is for messages and map names; NULL: "object". */
skep_object* skep_object_open(const void* bytes, size_t size, const char* name, skep_error* error);
void skep_object_close(skep_object* object);
size_t skep_object_program_count(const skep_object* object);
/* NULL when index >= count. Lives as long as the object. */
const char* skep_object_program_name(const skep_object* object, size_t index);

typedef enum skep_engine { SKEP_JIT = 0, SKEP_INTERPRETER = 1 } skep_engine;
typedef struct skep_vm_options {
  skep_engine engine;
  uint32_t cpus; /* Values of per-CPU maps; 0: as many as this machine has. */
  int budget;    /* Not 0: native code counts instructions too, so that skep_image_run() may bound them. */
} skep_vm_options;
/* NULL options: the JIT, all CPUs. */
skep_vm* skep_vm_open(const skep_vm_options* options, skep_error* error);
void skep_vm_close(skep_vm* vm);

/* Verifies the program of that name as Linux would, makes its maps (or takes those of the same name that the VM has)
 * and prepares it. */
skep_image* skep_vm_load(skep_vm* vm, const skep_object* object, const char* program, skep_error* error);
void skep_image_close(skep_image* image);

/* What r1 of an XDP program points to: addresses of the frame's and the packet's bounds, as in struct xdp_md. The
 * program may move data, data_end and data_meta within the frame. */
typedef struct skep_xdp_context {
  uint64_t data, data_end, data_meta, frame_start, frame_end;
  uint32_t ingress_ifindex, rx_queue_index, egress_ifindex;
  uint32_t redirect_ifindex; /* Set by redirect() and redirect_map(). */
  uint64_t redirect_map, redirect_key, redirect_flags;
} skep_xdp_context;

typedef enum skep_trap {
  SKEP_TRAP_NONE = 0,
  SKEP_TRAP_BUDGET = 1,
  SKEP_TRAP_MEMORY = 2,
  SKEP_TRAP_HELPER = 3,
  SKEP_TRAP_STACK = 4,
  SKEP_TRAP_ILLEGAL = 5,
  SKEP_TRAP_STOPPED = 6
} skep_trap;
typedef struct skep_result {
  uint64_t r0;
  skep_trap trap; /* SKEP_TRAP_NONE: the program reached its end, and r0 is its result. */
  uint32_t at;    /* Of a trap: the instruction, where the engine knows it. */
} skep_result;
/* r1 = context, r2 = size. `budget` bounds the instructions (0: no bound). With the JIT and without
 * skep_vm_options.budget, a run with a budget is refused: SKEP_TRAP_ILLEGAL. */
skep_result skep_image_run(const skep_image* image, void* context, size_t size, uint64_t budget);

/* For running one image very often: what skep_image_run prepares for each run is prepared once. For the thread that
 * opens it, one run at a time; holds what it needs of the image. */
skep_runner* skep_runner_open(const skep_image* image, uint64_t budget, skep_error* error);
void skep_runner_close(skep_runner* runner);
skep_result skep_runner_run(skep_runner* runner, void* context, size_t size);

/* NULL: the VM has no map of that name. */
skep_map* skep_vm_find_map(const skep_vm* vm, const char* name);
void skep_map_close(skep_map* map);
uint32_t skep_map_key_size(const skep_map* map);
/* Bytes of a value as get and put take it: of a per-CPU map, those of all CPUs. */
size_t skep_map_value_size(const skep_map* map);
/* 0, or a negative errno as bpf(2) would return it. Sizes must be the map's. `flags`: 0 any, 1 only new, 2 only
 * existing. */
int skep_map_get(skep_map* map, const void* key, void* value);
int skep_map_put(skep_map* map, const void* key, const void* value, uint64_t flags);
int skep_map_delete(skep_map* map, const void* key);
/* key NULL: the first one. -ENOENT: there is none after it. */
int skep_map_next_key(skep_map* map, const void* key, void* next);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming) */
#endif
