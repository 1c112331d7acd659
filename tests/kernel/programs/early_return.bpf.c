// SPDX-License-Identifier: Apache-2.0
// Legacy packet loads and tail calls in subprograms: they may return early, so the function must return a number, and
// callers see 0 of a load that fails.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __uint(value_size, 4);
} programs SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} events SEC(".maps");

#define LOAD "r6 = r1; .8byte 0x20;"  // r0 = *(u32 *)skb[0]
#define TAIL_CALL "r2 = %[programs] ll; r3 = 0; call 12;"
#define FUNCTION(type, name, code) \
  static __attribute__((naked, noinline)) type name(void *ctx) { asm volatile(code "exit;" ::[programs] "i"(&programs) : "r0"); }
#define PROGRAM(name, code, function)                                                              \
  SEC("socket") __attribute__((naked)) int name(void *ctx) {                                       \
    asm volatile(code "exit;" ::[callee] "i"(function), [events] "i"(&events) : "r0");             \
  }
#define BOTH(type, name)                                      \
  FUNCTION(type, loads_##name, LOAD "r0 = 1;")                \
  FUNCTION(type, tail_calls_##name, TAIL_CALL "r0 = 1;")      \
  PROGRAM(load_in_##name, "call %[callee]; r0 = 0;", loads_##name) \
  PROGRAM(tail_call_in_##name, "call %[callee]; r0 = 0;", tail_calls_##name)

enum color { kRed };
typedef int number;
typedef enum color tone;
struct pair {
  int left, right;
};
BOTH(int, int)
BOTH(long, long)
BOTH(char, char)
BOTH(unsigned long long, wide)
BOTH(enum color, enum)
BOTH(void, void)
BOTH(void *, pointer)
BOTH(number, typedef)
BOTH(volatile tone, volatile)
BOTH(struct pair, struct)
BOTH(_Bool, bool)
SEC("socket") __attribute__((naked)) void load_in_main(void *ctx) { asm volatile(LOAD "r0 = 0; exit;" ::: "r0"); }

FUNCTION(int, always_one, LOAD "r0 = 1;")
PROGRAM(one_or_zero, "call %[callee]; if r0 == 1 goto +2; if r0 == 0 goto +1; r0 = r9; r0 = 0;", always_one)
PROGRAM(not_only_one, "call %[callee]; if r0 == 1 goto +1; r0 = r9; r0 = 0;", always_one)
PROGRAM(caller_holds_a_reference,
        "r7 = r1; r1 = %[events] ll; r2 = 8; r3 = 0; call 131; r8 = r0; r1 = r7; call %[callee];"
        "if r8 == 0 goto +3; r1 = r8; r2 = 0; call 132; r0 = 0;",
        always_one)
static __attribute__((naked, noinline)) int one_more(void *ctx) {
  asm volatile("call %[callee]; r0 += 1; exit;" ::[callee] "i"(always_one) : "r0");
}
PROGRAM(two_or_one, "call %[callee]; if r0 == 2 goto +2; if r0 == 1 goto +1; r0 = r9; r0 = 0;", one_more)
__attribute__((naked, noinline)) int global_load(struct __sk_buff *ctx) { asm volatile(LOAD "r0 = 1; exit;" ::: "r0"); }
PROGRAM(load_in_global, "call %[callee]; r0 = 0;", global_load)
char _license[] SEC("license") = "GPL";
