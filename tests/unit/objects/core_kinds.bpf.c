// SPDX-License-Identifier: Apache-2.0
// A program for each kind of CO-RE relocation; what they return against core_target.bpf.c is in core_test.cc.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))
enum mode___local { MODE_FAST___local = 1, MODE_GONE___local = 2 };
struct record___local {
  int moved;
  unsigned int widened;
  long resigned;
  unsigned field : 6;
  int array[4];
  int gone;
} CORE;
struct twice {
  int here;
} CORE;
struct absent {
  int member;
} CORE;

#define PROGRAM(name, value) \
  SEC("socket") long name(struct record___local *r) { return value; }
PROGRAM(offset_in_anonymous, __builtin_preserve_field_info(r->moved, BPF_FIELD_BYTE_OFFSET))
PROGRAM(offset_in_array, __builtin_preserve_field_info(r->array[2], BPF_FIELD_BYTE_OFFSET))
PROGRAM(size_of_field, bpf_core_field_size(r->widened))
PROGRAM(field_exists, bpf_core_field_exists(r->moved))
PROGRAM(field_gone, bpf_core_field_exists(r->gone))
PROGRAM(field_is_signed, __builtin_preserve_field_info(r->moved, BPF_FIELD_SIGNED))
PROGRAM(bitfield_left, __builtin_preserve_field_info(r->field, BPF_FIELD_LSHIFT_U64))
PROGRAM(bitfield_right, __builtin_preserve_field_info(r->field, BPF_FIELD_RSHIFT_U64))
PROGRAM(type_exists, bpf_core_type_exists(struct record___local))
PROGRAM(type_gone, bpf_core_type_exists(struct absent))
PROGRAM(type_size, bpf_core_type_size(struct record___local))
PROGRAM(type_id_gone, bpf_core_type_id_kernel(struct absent))
PROGRAM(value, bpf_core_enum_value(enum mode___local, MODE_FAST___local))
PROGRAM(value_exists, bpf_core_enum_value_exists(enum mode___local, MODE_FAST___local))
PROGRAM(value_gone, bpf_core_enum_value_exists(enum mode___local, MODE_GONE___local))
PROGRAM(load_widened, r->widened)
PROGRAM(load_resized_signed, r->resigned)
PROGRAM(load_gone, r->gone)
PROGRAM(load_behind_check, bpf_core_field_exists(r->gone) ? r->gone : 3)
SEC("socket") long ambiguous(struct twice *t) { return __builtin_preserve_field_info(t->here, BPF_FIELD_BYTE_OFFSET); }
