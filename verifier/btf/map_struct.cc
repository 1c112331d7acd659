// SPDX-License-Identifier: Apache-2.0
#include "verifier/btf/map_struct.h"

#include "base/unreachable.h"

namespace skep::verifier {

std::string_view map_struct(MapType type) {
  switch (type) {
    case MapType::kHash:
    case MapType::kPerCpuHash:
    case MapType::kLruHash:
    case MapType::kLruPerCpuHash:
    case MapType::kHashOfMaps:
      return "bpf_htab";
    case MapType::kArray:
    case MapType::kProgArray:
    case MapType::kPerfEventArray:
    case MapType::kPerCpuArray:
    case MapType::kCgroupArray:
    case MapType::kArrayOfMaps:
      return "bpf_array";
    case MapType::kStackTrace:
      return "bpf_stack_map";
    case MapType::kLpmTrie:
      return "lpm_trie";
    case MapType::kDevMap:
    case MapType::kDevMapHash:
      return "bpf_dtab";
    case MapType::kCpuMap:
      return "bpf_cpu_map";
    case MapType::kXskMap:
      return "xsk_map";
    case MapType::kSockMap:
      return "bpf_stab";
    case MapType::kSockHash:
      return "bpf_shtab";
    case MapType::kReuseportSockArray:
      return "reuseport_array";
    case MapType::kQueue:
    case MapType::kStack:
      return "bpf_queue_stack";
    case MapType::kRingBuf:
    case MapType::kUserRingBuf:
      return "bpf_ringbuf_map";
    case MapType::kBloomFilter:
      return "bpf_bloom_filter";
    case MapType::kSkStorage:
    case MapType::kInodeStorage:
    case MapType::kTaskStorage:
    case MapType::kCgrpStorage:
      return "bpf_local_storage_map";
    case MapType::kCgroupStorage:
    case MapType::kPerCpuCgroupStorage:
      return "bpf_cgroup_storage_map";
    case MapType::kArena:
      return "bpf_arena";
    case MapType::kUnspec:
    case MapType::kStructOps:
      return "";
  }
  unreachable();
}

}  // namespace skep::verifier
