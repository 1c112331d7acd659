// SPDX-License-Identifier: Apache-2.0
// Types in the kernel: a program's BTF with the function and line information that refers to it.
#pragma once
#include <linux/bpf.h>

#include <vector>

#include "kernel/bpf.h"

namespace skep::kernel {

struct Types {
  Fd btf;  ///< Not valid: there are none, or the kernel refuses them; program and maps then stand on their own.
  std::vector<bpf_func_info> functions;  ///< Empty where a function has no type.
  std::vector<bpf_line_info> lines;      ///< Empty where a function has no line.
};
Types load_types(const Program& program);

}  // namespace skep::kernel
