// SPDX-License-Identifier: Apache-2.0
// Any bytes are an object or an Error with a reason; what an Object says of itself holds.
#include <algorithm>
#include <cstdlib>
#include <span>

#include "skep/btf.h"
#include "skep/isa.h"
#include "skep/object.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

bool begins_function(const skep::Program& program, std::int64_t slot) {
  return std::any_of(program.functions.begin(), program.functions.end(),
                     [&](const skep::FunctionInfo& function) { return std::int64_t{function.first} == slot; });
}

void check_references(const skep::Program& program) {
  using namespace skep::isa;
  for (std::size_t at = 0; at < program.insns.size(); ++at) {
    const auto next = static_cast<std::int64_t>(at) + 1;
    if (const auto* load = std::get_if<LoadImm64>(&program.insns[at])) {
      // What no relocation named is the file's own and may be anything: the verifier judges it.
      if (load->kind == Imm64Kind::kFunction && program.unsupported.empty())
        check(begins_function(program, next + load->low));
    }
    if (const auto* call = std::get_if<Call>(&program.insns[at]); call != nullptr && call->kind == CallKind::kLocal)
      if (program.unsupported.empty()) check(begins_function(program, next + call->imm));
  }
}

void check_program(const skep::Program& program) {
  check(!program.functions.empty() && program.functions.front().first == 0);
  check(std::is_sorted(program.functions.begin(), program.functions.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; }));
  check(std::is_sorted(program.lines.begin(), program.lines.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; }));
  check(program.functions.back().first < program.insns.size());
  check(program.lines.empty() || program.lines.back().first < program.insns.size());
  check_references(program);
}

void check_map(const skep::MapSpec& map) {
  if (map.btf == nullptr) return;
  check(map.key_type_id < map.btf->size() && map.value_type_id < map.btf->size());
  for (const auto format : {skep::ValueFormat::kText, skep::ValueFormat::kJson})
    static_cast<void>(print_value(*map.btf, map.value_type_id, map.initial, format));
  if (map.inner != nullptr) check_map(*map.inner);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto object =
      skep::Object::from_elf(std::as_bytes(std::span(data, size)), {.name = "fuzz.bpf.o", .default_type = {}});
  if (!object) {
    check(!object.error().message.empty());
    return 0;
  }
  for (const skep::Program& program : object->programs()) check_program(program);
  for (const auto& map : object->maps()) check_map(*map);
  return 0;
}
