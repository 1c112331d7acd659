// SPDX-License-Identifier: Apache-2.0
// Names and layout are gdb's ("JIT Compilation Interface" in its manual): it sets a breakpoint into
// __jit_debug_register_code and reads __jit_debug_descriptor. Other compilers in the same process may define the same
// two; weak definitions let the linker take one of them.
#include "vm/debug/gdb.h"

#include <mutex>
#include <utility>

#include "vm/debug/elf.h"

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" {
enum : std::uint32_t { JIT_NOACTION = 0, JIT_REGISTER_FN, JIT_UNREGISTER_FN };
struct jit_code_entry {
  jit_code_entry* next_entry;
  jit_code_entry* prev_entry;
  const char* symfile_addr;
  std::uint64_t symfile_size;
};
struct jit_descriptor {
  std::uint32_t version;
  std::uint32_t action_flag;
  jit_code_entry* relevant_entry;
  jit_code_entry* first_entry;
};
__attribute__((weak, noinline, visibility("default"))) void __jit_debug_register_code() {
  __asm__ volatile("" ::: "memory");  // The call must not be optimised away.
}
__attribute__((weak, visibility("default")))
jit_descriptor __jit_debug_descriptor = {1, JIT_NOACTION, nullptr, nullptr};
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

namespace skep::debug {
namespace {

/// Guards the list, as far as skep's own images go.
std::mutex& list_mutex() {
  static std::mutex mutex;
  return mutex;
}

void tell(std::uint32_t action, jit_code_entry& entry) {
  __jit_debug_descriptor.action_flag = action;
  __jit_debug_descriptor.relevant_entry = &entry;
  __jit_debug_register_code();
  __jit_debug_descriptor.action_flag = JIT_NOACTION;
  __jit_debug_descriptor.relevant_entry = nullptr;
}

class Entry final : public GdbEntry {
 public:
  explicit Entry(std::vector<std::byte> elf) : elf_(std::move(elf)) {
    entry_.symfile_addr = static_cast<const char*>(static_cast<const void*>(elf_.data()));
    entry_.symfile_size = elf_.size();
    const std::scoped_lock lock(list_mutex());
    jit_code_entry*& first = __jit_debug_descriptor.first_entry;
    entry_.next_entry = first;
    if (first != nullptr) first->prev_entry = &entry_;
    first = &entry_;
    tell(JIT_REGISTER_FN, entry_);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() override {
    const std::scoped_lock lock(list_mutex());
    (entry_.prev_entry == nullptr ? __jit_debug_descriptor.first_entry : entry_.prev_entry->next_entry) =
        entry_.next_entry;
    if (entry_.next_entry != nullptr) entry_.next_entry->prev_entry = entry_.prev_entry;
    tell(JIT_UNREGISTER_FN, entry_);
  }

 private:
  std::vector<std::byte> elf_;
  jit_code_entry entry_{};
};

}  // namespace

std::unique_ptr<const GdbEntry> tell_gdb(const Symbols& symbols) {
  return std::make_unique<const Entry>(elf_image(symbols));
}

}  // namespace skep::debug
