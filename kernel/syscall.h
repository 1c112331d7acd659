// SPDX-License-Identifier: Apache-2.0
// bpf(2) itself, for the other files of this folder.
#pragma once
#include <linux/bpf.h>

#include <string>

#include "skep/result.h"

namespace skep::kernel {

/// -1 and errno where it fails.
long sys_bpf(bpf_cmd command, bpf_attr& attr);
bpf_attr empty_attr();
/// `what` and errno in words.
Error system_error(const std::string& what);

/// The kernel's names are short and of few characters.
template <std::size_t N>
void copy_name(char (&to)[N], const std::string& name) {
  std::size_t length = 0;
  for (const char c : name) {
    if (length + 1 >= N) break;
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    to[length++] = allowed ? c : '_';
  }
}

}  // namespace skep::kernel
