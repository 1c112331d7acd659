// SPDX-License-Identifier: Apache-2.0
#include "tests/verifier/ask_both.h"

#include <fstream>
#include <iterator>
#include <span>
#include <utility>

#include "kernel/bpf.h"
#include "skep/verify.h"

namespace skep::test {

const std::shared_ptr<const Btf>& kernel_types() {
  static const std::shared_ptr<const Btf> types = [] {
    std::ifstream file("/sys/kernel/btf/vmlinux", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    auto parsed = Btf::parse(std::as_bytes(std::span(bytes)));
    return parsed ? std::make_shared<const Btf>(std::move(*parsed)) : nullptr;
  }();
  return types;
}

std::optional<Answers> ask(const Program& program) {
  const auto loaded = kernel::load(program, {.log_level = 1});
  if (!loaded) return std::nullopt;
  const Verdict verdict = verify(program);
  const auto* rejection = std::get_if<Rejection>(&verdict);
  return Answers{.ours = rejection == nullptr ? "accept" : message(rejection->reason),
                 .theirs = loaded->accepted() ? "accept" : loaded->last_sentence()};
}

}  // namespace skep::test
