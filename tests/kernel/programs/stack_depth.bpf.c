// SPDX-License-Identifier: Apache-2.0
// Stack of chains of calls: with and without tail calls, and callbacks, in programs that have private stacks and in others.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __uint(value_size, 4);
} programs SEC(".maps");

#define NAKED __attribute__((naked, noinline))
#define USE(bytes) "r0 = 0; *(u64 *)(r10 - " #bytes ") = r0;"
#define TAIL_CALL "r2 = %[programs] ll; r3 = 0; call 12;"
#define CALLEE(name, code) \
  static NAKED int name(void *ctx) { asm volatile(code "r0 = 0; exit;" ::[programs] "i"(&programs) : "r0"); }
#define PROGRAM(section, name, code, function)                                                                         \
  SEC(section) __attribute__((naked)) int name(void *ctx) {                                                           \
    asm volatile("r6 = r1;" code "r0 = 0; exit;" ::[callee] "i"(function), [programs] "i"(&programs), [loop] "i"(181) : "r0"); \
  }
CALLEE(uses_8, USE(8))
CALLEE(uses_272, USE(272))
CALLEE(uses_512, USE(512))
CALLEE(tail_8, USE(8) TAIL_CALL)
CALLEE(tail_272, USE(272) TAIL_CALL)

#define SIZES(section, name, bytes)                                                                                   \
  PROGRAM(section, name##_calls_8, USE(bytes) "call %[callee];", uses_8)                                              \
  PROGRAM(section, name##_calls_272, USE(bytes) "call %[callee];", uses_272)                                          \
  PROGRAM(section, name##_calls_512, USE(bytes) "call %[callee];", uses_512)                                          \
  PROGRAM(section, name##_calls_tail_8, USE(bytes) "call %[callee];", tail_8)                                         \
  PROGRAM(section, name##_calls_tail_272, USE(bytes) "call %[callee];", tail_272)                                     \
  PROGRAM(section, name##_calls_272_tail, USE(bytes) "call %[callee]; r1 = r6;" TAIL_CALL, uses_272)                  \
  PROGRAM(section, name##_loops_512, USE(bytes) "r1 = 2; r2 = %[callee] ll; r3 = 0; r4 = 0; call %[loop];", uses_512)
#define PROGRAMS(section, name)   \
  SIZES(section, name##_8, 8)     \
  SIZES(section, name##_240, 240) \
  SIZES(section, name##_256, 256) \
  SIZES(section, name##_504, 504)

PROGRAMS("socket", socket_filter)
PROGRAMS("tp/sched/sched_switch", tracepoint)
PROGRAMS("tp_btf/task_newtask", traced)
PROGRAMS("iter/task", iterator)
char _license[] SEC("license") = "GPL";
