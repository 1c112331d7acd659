// SPDX-License-Identifier: Apache-2.0
// The C API, in terms of the C++ one. Handles wrap values of that; nothing else happens here.
#include "skep/skep.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "skep/context.h"
#include "skep/object.h"
#include "skep/runner.h"
#include "skep/verify.h"
#include "skep/vm.h"

struct skep_object {  // NOLINT(readability-identifier-naming): C names
  skep::Object object;
};
struct skep_vm {  // NOLINT(readability-identifier-naming)
  skep::Vm vm;
};
struct skep_image {  // NOLINT(readability-identifier-naming)
  skep::Image image;
};
struct skep_runner {  // NOLINT(readability-identifier-naming)
  skep::Runner runner;
};
struct skep_map {  // NOLINT(readability-identifier-naming)
  std::shared_ptr<skep::Map> map;
};

// The C structure is the C++ one under a C name.
static_assert(sizeof(skep_xdp_context) == sizeof(skep::XdpContext));
static_assert(offsetof(skep_xdp_context, data) == offsetof(skep::XdpContext, data));
static_assert(offsetof(skep_xdp_context, data_meta) == offsetof(skep::XdpContext, data_meta));
static_assert(offsetof(skep_xdp_context, frame_end) == offsetof(skep::XdpContext, frame_end));
static_assert(offsetof(skep_xdp_context, redirect_ifindex) == offsetof(skep::XdpContext, redirect_ifindex));
static_assert(offsetof(skep_xdp_context, redirect_flags) == offsetof(skep::XdpContext, redirect_flags));
static_assert(static_cast<int>(skep::Trap::kIllegal) == SKEP_TRAP_ILLEGAL);

namespace {

using skep::Errc;

skep_error_code code_of(Errc code) {
  switch (code) {
    case Errc::kTruncated:
    case Errc::kMalformed:
    case Errc::kOutOfRange:
    case Errc::kNotFound:
      return SKEP_BAD_INPUT;
    case Errc::kUnsupported:
      return SKEP_UNSUPPORTED;
    case Errc::kLimit:
      return SKEP_LIMIT;
    case Errc::kInvalid:
      return SKEP_INVALID;
    case Errc::kSystem:
      return SKEP_SYSTEM;
  }
  return SKEP_INVALID;
}

std::nullptr_t fail(skep_error* error, skep_error_code code, const std::string& message, std::uint32_t insn = 0) {
  if (error == nullptr) return nullptr;
  error->code = code;
  error->insn = insn;
  const std::size_t length = std::min(message.size(), sizeof(error->message) - 1);
  std::memcpy(error->message, message.data(), length);
  error->message[length] = '\0';
  return nullptr;
}
std::nullptr_t fail(skep_error* error, const skep::Error& why) { return fail(error, code_of(why.code), why.message); }

template <class Handle, class Value>
Handle* make(skep_error* error, Value value) {
  auto* handle = new (std::nothrow) Handle{std::move(value)};
  return handle != nullptr ? handle : fail(error, SKEP_SYSTEM, "out of memory");
}

std::span<const std::byte> bytes(const void* data, std::size_t size) {
  return {static_cast<const std::byte*>(data), data == nullptr ? 0 : size};
}
std::span<std::byte> bytes(void* data, std::size_t size) {
  return {static_cast<std::byte*>(data), data == nullptr ? 0 : size};
}

skep_result result_of(const skep::RunResult& result) {
  return {.r0 = result.r0, .trap = static_cast<skep_trap>(result.trap), .at = result.at};
}

}  // namespace

skep_object* skep_object_open(const void* data, size_t size, const char* name, skep_error* error) {
  auto object = skep::Object::from_elf(bytes(data, size), {.name = name == nullptr ? "object" : name});
  if (!object) return fail(error, object.error());
  return make<skep_object>(error, std::move(object).value());
}
void skep_object_close(skep_object* object) { delete object; }
size_t skep_object_program_count(const skep_object* object) { return object->object.programs().size(); }
const char* skep_object_program_name(const skep_object* object, size_t index) {
  const auto& programs = object->object.programs();
  return index < programs.size() ? programs[index].name.c_str() : nullptr;
}

skep_vm* skep_vm_open(const skep_vm_options* options, skep_error* error) {
  const bool interpreter = options != nullptr && options->engine == SKEP_INTERPRETER;
  skep::Vm vm(skep::Platform::linux_like(), {.engine = interpreter ? skep::Engine::kInterpreter : skep::Engine::kJit,
                                             .cpus = options == nullptr ? 0 : options->cpus,
                                             .limits = {.budget = options != nullptr && options->budget != 0}});
  return make<skep_vm>(error, std::move(vm));
}
void skep_vm_close(skep_vm* vm) { delete vm; }

skep_image* skep_vm_load(skep_vm* vm, const skep_object* object, const char* program, skep_error* error) {
  const skep::Program* found = program == nullptr ? nullptr : object->object.find_program(program);
  if (found == nullptr) {
    std::string names;
    for (const skep::Program& one : object->object.programs()) names += " " + one.name;
    return fail(error, SKEP_BAD_INPUT,
                std::string("no program \"") + (program == nullptr ? "" : program) + "\"; there are:" + names);
  }
  if (!found->unsupported.empty()) return fail(error, SKEP_UNSUPPORTED, found->unsupported);
  skep::Verdict verdict = skep::verify(*found);
  if (const auto* rejection = std::get_if<skep::Rejection>(&verdict))
    return fail(error, SKEP_REJECTED, skep::message(rejection->reason), rejection->reason.at);
  auto image = vm->vm.load(std::get<skep::VerifiedProgram>(std::move(verdict)));
  if (!image) return fail(error, image.error());
  return make<skep_image>(error, std::move(image).value());
}
void skep_image_close(skep_image* image) { delete image; }

skep_result skep_image_run(const skep_image* image, void* context, size_t size, uint64_t budget) {
  const std::span<std::byte> memory = bytes(context, size);
  return result_of(budget == 0 ? image->image.run(memory) : image->image.run(memory, {.budget = budget}));
}

skep_runner* skep_runner_open(const skep_image* image, uint64_t budget, skep_error* error) {
  return make<skep_runner>(error, skep::Runner(image->image, {.budget = budget}));
}
void skep_runner_close(skep_runner* runner) { delete runner; }
skep_result skep_runner_run(skep_runner* runner, void* context, size_t size) {
  return result_of(runner->runner.run(bytes(context, size)));
}

skep_map* skep_vm_find_map(const skep_vm* vm, const char* name) {
  auto map = name == nullptr ? nullptr : vm->vm.find_map(name);
  return map == nullptr ? nullptr : make<skep_map>(nullptr, std::move(map));
}
void skep_map_close(skep_map* map) { delete map; }
uint32_t skep_map_key_size(const skep_map* map) { return map->map->spec().key_size; }
size_t skep_map_value_size(const skep_map* map) { return map->map->user_value_size(); }
int skep_map_get(skep_map* map, const void* key, void* value) {
  return map->map->get(bytes(key, skep_map_key_size(map)), bytes(value, skep_map_value_size(map)));
}
int skep_map_put(skep_map* map, const void* key, const void* value, uint64_t flags) {
  if (flags > 2) return -EINVAL;
  return map->map->put(bytes(key, skep_map_key_size(map)), bytes(value, skep_map_value_size(map)),
                       static_cast<skep::UpdateFlag>(flags));
}
int skep_map_delete(skep_map* map, const void* key) { return map->map->remove(bytes(key, skep_map_key_size(map))); }
int skep_map_next_key(skep_map* map, const void* key, void* next) {
  return map->map->next_key(bytes(key, skep_map_key_size(map)), bytes(next, skep_map_key_size(map)));
}
