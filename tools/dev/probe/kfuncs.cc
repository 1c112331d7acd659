// SPDX-License-Identifier: Apache-2.0
// Kernel functions: which program types may call each, and what the kernel says of arguments that tell its flags. A
// function that acquires leaks a reference at exit; null is refused where pointers must be trusted; a pointer that was
// made up by bpf_rdonly_cast must be "referenced or trusted" or "a rcu pointer".
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "kernel/bpf.h"
#include "skep/btf.h"
#include "tools/dev/probe/probe.h"

namespace skep::probe {
namespace {

constexpr std::uint32_t kTraceRawTp = 23;

std::shared_ptr<const Btf> kernel_types() {
  std::stringstream bytes;
  bytes << std::ifstream("/sys/kernel/btf/vmlinux", std::ios::binary).rdbuf();
  const std::string text = bytes.str();
  auto types = Btf::parse(std::as_bytes(std::span(text)));
  return types ? std::make_shared<const Btf>(*std::move(types)) : nullptr;
}

/// Functions with the tag "bpf_kfunc", by name.
std::map<std::string, TypeId> tagged(const Btf& kernel) {
  std::map<std::string, TypeId> found;
  for (TypeId id = 1; id < kernel.size(); ++id) {
    const auto* tag = kernel.find<btf::DeclTag>(id);
    if (tag != nullptr && tag->value == "bpf_kfunc") found.emplace(kernel.name(tag->target), tag->target);
  }
  return found;
}

class Asker {
 public:
  explicit Asker(std::shared_ptr<const Btf> kernel) : kernel_(std::move(kernel)) {}

  [[nodiscard]] std::string ask(ProgramType type, isa::Insns insns) const {
    Program program{.name = "probe", .type = type, .insns = std::move(insns), .license = "GPL"};
    program.target_btf = kernel_;
    program.sleepable = type == ProgramType::kSyscall;
    if (type == ProgramType::kTracing) {
      program.attach_type = kTraceRawTp;
      program.attach_target = "task_newtask";
    }
    const auto loaded = kernel::load(program, {.log_level = 1});
    if (!loaded) return "(" + loaded.error().message + ")";
    return loaded->accepted() ? "accepted" : loaded->last_sentence();
  }
  [[nodiscard]] const Btf& kernel() const { return *kernel_; }

 private:
  std::shared_ptr<const Btf> kernel_;
};

isa::Insn set(std::uint8_t reg, std::int32_t value) {
  return isa::Alu{.op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = isa::Reg{reg}, .src = isa::Imm{value}};
}
isa::Insn call(TypeId function) { return isa::Call{isa::CallKind::kKfunc, static_cast<std::int32_t>(function), 0}; }

/// Every argument 0, but for register `made_up` (0: none), which points to a made-up object of that type.
isa::Insns program_of(TypeId function, TypeId cast, std::uint8_t made_up, TypeId object) {
  isa::Insns insns;
  if (made_up != 0) insns = {set(1, 0), set(2, static_cast<std::int32_t>(object)), call(cast)};
  for (std::uint8_t reg = 1; reg <= 5; ++reg)
    if (reg != made_up) insns.push_back(set(reg, 0));
  if (made_up != 0)
    insns.push_back(isa::Alu{
        .op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = isa::Reg{made_up}, .src = isa::Operand{isa::kR0}});
  insns.insert(insns.end(), {call(function), set(0, 0), isa::Exit{}});
  return insns;
}

void probe_arguments(const Asker& asker, TypeId function, TypeId cast, ProgramType type) {
  const Btf& kernel = asker.kernel();
  const auto* proto = kernel.find<btf::FuncProto>(kernel.find<btf::Func>(function)->prototype);
  for (std::size_t i = 0; i < std::min<std::size_t>(proto->parameters.size(), 5); ++i) {
    const auto* pointer = kernel.find<btf::Pointer>(kernel.resolve(proto->parameters[i].type));
    const TypeId target = pointer == nullptr ? 0 : kernel.resolve(pointer->target);
    if (kernel.find<btf::Composite>(target) == nullptr) continue;
    const auto reg = static_cast<std::uint8_t>(i + 1);
    std::printf("    arg %zu made up: %s\n", i, asker.ask(type, program_of(function, cast, reg, target)).c_str());
  }
}

}  // namespace

void probe_kfuncs() {
  const auto kernel = kernel_types();
  if (kernel == nullptr) return static_cast<void>(std::puts("the kernel's types cannot be read"));
  const Asker asker(kernel);
  const auto functions = tagged(*kernel);
  const auto cast = functions.find("bpf_rdonly_cast");
  for (const auto& [name, id] : functions) {
    std::printf("%s\n", print_definition(*kernel, id).c_str());
    std::map<std::string, std::string> types_by_sentence;
    ProgramType some = ProgramType::kUnspec;
    for (const ProgramTypeInfo& type : kProgramTypes) {
      const std::string sentence = asker.ask(type.type, program_of(id, 0, 0, 0));
      types_by_sentence[sentence] += " " + std::string(type.name);
      if (sentence.find("is not allowed") == std::string::npos && sentence.front() != '(') some = type.type;
    }
    for (const auto& [sentence, types] : types_by_sentence) std::printf("    %s:%s\n", sentence.c_str(), types.c_str());
    if (some != ProgramType::kUnspec && cast != functions.end()) probe_arguments(asker, id, cast->second, some);
  }
}

}  // namespace skep::probe
