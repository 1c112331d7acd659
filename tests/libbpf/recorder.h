// SPDX-License-Identifier: Apache-2.0
// What libbpf makes of an object, without a kernel: bpf(2) is answered here, every request with success.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "skep/insn.h"

namespace skep::oracle {

struct RecordedProgram {
  std::string name;
  std::string error;                ///< Why libbpf does not load it; empty: it does.
  std::vector<isa::RawInsn> insns;  ///< As handed to BPF_PROG_LOAD.
};
struct Recording {
  std::string error;  ///< Why libbpf does not open the object; empty: it does.
  std::vector<RecordedProgram> programs;
  /// What the immediates of map references (BPF_PSEUDO_MAP_IDX, _IDX_VALUE) number. Of data: the section's name.
  std::vector<std::string> map_names;
};
/// The programs of the object at `path`, each loaded alone where libbpf does not load all together.
Recording record(const std::string& path);

}  // namespace skep::oracle
