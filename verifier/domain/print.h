// SPDX-License-Identifier: Apache-2.0
// Registers and stack in the format of the kernel's log.
#pragma once
#include <string>
#include <vector>

#include "verifier/domain/state.h"

namespace skep::verifier {

class Run;

/// "ctx()", "fp-8", "scalar(umin=1,umax=5)", "map_value(map=counters,ks=4,vs=8)".
/// As a register of frame `frame` would be printed.
std::string print_value(const Run& run, const Value& value, std::uint32_t frame);
/// "R1=ctx()", ..., "fp-8=mmmmmmmm": what frame `index` of `state` holds, as far as `regs` and `slots` (bit n: register
/// n, slot n) ask for it.
std::vector<std::string> print_frame(const Run& run, const State& state, std::uint32_t index, std::uint32_t regs,
                                     std::uint64_t slots);
/// All of the active frame.
std::vector<std::string> print_registers(const Run& run);
/// "refs=2", "cb": what holds of the whole state.
std::vector<std::string> print_sections(const State& state);
/// "ringbuf": of a DynptrKind, as the log has it.
std::string_view dynptr_name(std::uint8_t kind);
/// "(0x0; 0xff)"; "8" of a constant, in hexadecimal when it is large.
std::string print_bits(const Tnum& bits);
/// "smin=0 smax=4", "unknown scalar value": what a return value may be.
std::string print_range(const Scalar& scalar);

/// kind_name with the name of the type that the pointer points to: "untrusted_ptr_task_struct".
std::string print_kind_and_type(const Run& run, const Value& value);

}  // namespace skep::verifier
