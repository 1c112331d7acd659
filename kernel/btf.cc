// SPDX-License-Identifier: Apache-2.0
#include "kernel/btf.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/address.h"
#include "kernel/syscall.h"
#include "skep/btf.h"

namespace skep::kernel {
namespace {

constexpr std::size_t kStringSize = 20;   // Offset of the header's str_len; the strings are the end of the BTF.
constexpr std::uint32_t kLineShift = 10;  // BPF_LINE_INFO_LINE_NUM
constexpr std::uint32_t kColumnMask = 0x3ff;

/// Encoded BTF to which the strings of line information are added.
class Strings {
 public:
  explicit Strings(std::vector<std::byte>& bytes) : bytes_(bytes) {
    std::memcpy(&size_, bytes_.data() + kStringSize, sizeof(size_));
  }
  ~Strings() { std::memcpy(bytes_.data() + kStringSize, &size_, sizeof(size_)); }
  Strings(const Strings&) = delete;
  Strings& operator=(const Strings&) = delete;

  std::uint32_t offset_of(const std::string& text) {
    const auto [it, fresh] = offsets_.try_emplace(text, size_);
    if (!fresh) return it->second;
    const auto raw = std::as_bytes(std::span(text.c_str(), text.size() + 1));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
    size_ += static_cast<std::uint32_t>(raw.size());
    return it->second;
  }

 private:
  std::vector<std::byte>& bytes_;
  std::uint32_t size_ = 0;
  std::unordered_map<std::string, std::uint32_t> offsets_;
};

std::vector<bpf_func_info> function_info(const Program& program) {
  std::vector<bpf_func_info> all;
  for (const FunctionInfo& function : program.functions) {
    if (function.btf_type_id == 0) return {};
    all.push_back({.insn_off = function.first, .type_id = function.btf_type_id});
  }
  return all;
}

/// The kernel refuses lines unless every function begins with one.
bool covers_functions(const Program& program) {
  return std::all_of(program.functions.begin(), program.functions.end(), [&](const FunctionInfo& function) {
    return std::any_of(program.lines.begin(), program.lines.end(),
                       [&](const LineInfo& line) { return line.first == function.first; });
  });
}

std::vector<bpf_line_info> line_info(const Program& program, Strings& strings) {
  std::vector<bpf_line_info> all;
  if (!covers_functions(program)) return all;
  for (const LineInfo& line : program.lines)
    all.push_back({.insn_off = line.first,
                   .file_name_off = strings.offset_of(line.file),
                   .line_off = strings.offset_of(line.text),
                   .line_col = line.line << kLineShift | (line.column & kColumnMask)});
  return all;
}

}  // namespace

Types load_types(const Program& program) {
  Types types;
  if (program.btf == nullptr) return types;
  std::vector<std::byte> bytes = program.btf->encode(Btf::EncodeFor::kKernel);
  types.functions = function_info(program);
  if (!types.functions.empty()) {
    Strings strings(bytes);
    types.lines = line_info(program, strings);
  }
  bpf_attr attr = empty_attr();
  attr.btf = address_of(bytes.data());
  attr.btf_size = static_cast<__u32>(bytes.size());
  types.btf = Fd(static_cast<int>(sys_bpf(BPF_BTF_LOAD, attr)));
  return types;
}

}  // namespace skep::kernel
