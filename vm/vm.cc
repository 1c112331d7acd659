// SPDX-License-Identifier: Apache-2.0
// Composition at run time: maps, helpers, engine.
#include "skep/vm.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <unordered_map>

#include "base/address.h"
#include "base/cpus.h"
#include "base/try.h"
#include "helpers/direct.h"
#include "helpers/helpers.h"
#include "helpers/real_host.h"
#include "jit/target.h"
#include "lower/harden/blind.h"
#include "lower/lower.h"
#include "lower/optimize/optimize.h"
#include "vm/debug/perf_map.h"
#include "vm/image_impl.h"
#include "vm/internal_helpers.h"
#include "vm/map_registry.h"

namespace skep {

struct Vm::Impl {
  Impl(const Platform& platform_init, const VmOptions& options)
      : platform(platform_init), shared(std::make_shared<VmShared>()), maps(options.cpus) {
    shared->engine = options.engine;
    shared->passes = options.passes;
    shared->compile = {.features = without(jit::host_target().features, options.avoid),
                       .limits = options.limits,
                       .harden = options.harden};
    shared->debug = options.debug;
    shared->profile = options.profile;
    shared->cpus = options.cpus;
    shared->inline_helpers = options.inline_helpers;
    shared->host = options.host != nullptr ? options.host : std::make_shared<helpers::RealHost>();
    shared->real_host = dynamic_cast<const helpers::RealHost*>(shared->host.get()) != nullptr;
  }
  // Images own their maps and prog_arrays hold images: here the circle is cut.
  ~Impl() { shared->tail_targets.clear(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status bind(Image::Impl& image, const lower::Code& code);
  Status build(Image::Impl& image, const VerifiedProgram& program);
  Status compile(Image::Impl& image, const lower::Code& code);
  Status claim(const Map& prog_array, ProgramType type);
  MapResult set_tail_call(const std::shared_ptr<Map>& map, std::uint32_t index, const Image& image);

  Platform platform;
  std::shared_ptr<VmShared> shared;
  MapRegistry maps;
  lower::Bindings bindings;  // Of the program being loaded.
  /// A prog_array holds programs of one type: that of the first one that uses it.
  std::unordered_map<const Map*, ProgramType> claims;
};

namespace {

VmOptions with_cpus(VmOptions options) {
  if (options.cpus == 0) options.cpus = possible_cpus();
  return options;
}

/// The function to call for a helper that is known to be passed `map` (nullptr: not known).
Result<std::uint64_t> helper_address(const Platform& platform, const VmShared& shared, std::int32_t id,
                                     const MapSpec* map) {
  const auto name = static_cast<HelperId>(id);
  HelperFn function = id < 0 ? internal_helper(id) : platform.own_function(id);
  if (function == nullptr && id >= 0 && map != nullptr) function = helpers::find_for_map(name, *map);
  if (function == nullptr && id >= 0 && shared.real_host && shared.inline_helpers)
    function = helpers::find_for_real_host(name);
  if (function == nullptr && id >= 0) function = helpers::find(id);
  if (function == nullptr)
    return Error{Errc::kNotFound, "helper " + std::to_string(id) + " has a prototype and no function"};
  return address_of(function);
}

/// What is known of a map that a helper is passed; nullptr: nothing.
const MapSpec* spec_of(const Program& program, lower::KnownMap map) {
  if (map.index == lower::kUnknownMap) return nullptr;
  const MapSpec& own = *program.maps[map.index];
  // All inner maps of one map are alike in what matters here (MapOfMaps::set_inner).
  return map.inner ? own.inner.get() : &own;
}

/// Words that nobody outside of this process knows; the generator is splitmix64.
Result<std::function<std::uint64_t()>> unknown_words() {
  std::uint64_t state = 0;
  if (getrandom(&state, sizeof(state), 0) != sizeof(state))
    return Error{Errc::kSystem, std::string("random numbers, to blind constants with: ") + std::strerror(errno)};
  return std::function<std::uint64_t()>([state]() mutable {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t word = state;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
    word = (word ^ word >> 27) * 0x94d049bb133111eb;
    return word ^ word >> 31;
  });
}

/// What native code is made of.
Result<lower::Code> prepare_native(const lower::Code& code, const Facts& facts, const VmShared& shared) {
  const PassSet passes = jit::suited(shared.passes, jit::host_target().arch, shared.compile.harden);
  if (!shared.compile.harden.blind_constants)
    return lower::optimize(code, passes, facts, jit::spares(jit::host_target().arch, shared.compile));
  TRY(const auto random, unknown_words());
  return lower::blind_constants(lower::optimize(code, lower::passes_before_blinding(passes), facts), random);
}

bool has_packet(const VerifiedProgram& program) {
  const ContextKind kind = info(program.program().type).context;
  return !program.facts().insns.empty() && (kind == ContextKind::kXdp || kind == ContextKind::kSkBuff);
}

}  // namespace

Status Vm::Impl::claim(const Map& prog_array, ProgramType type) {
  const auto [claimed, is_new] = claims.try_emplace(&prog_array, type);
  if (is_new || claimed->second == type) return kOk;
  return Error{Errc::kInvalid, "prog_array " + prog_array.spec().name + " is for programs of type " +
                                   std::string(info(claimed->second).name) + ", the program is of type " +
                                   std::string(info(type).name)};
}

Status Vm::Impl::bind(Image::Impl& image, const lower::Code& code) {
  bindings = {};
  for (const auto& spec : image.program.maps) {
    TRY(std::shared_ptr<Map> map, maps.find_or_make(spec));
    if (spec->type == MapType::kProgArray) TRY_OK(claim(*map, image.program.type));
    bindings.maps.push_back(address_of(map.get()));
    bindings.map_values.push_back(address_of(map->elements()));
    image.maps.push_back(std::move(map));
  }
  for (std::size_t i = 0; i < code.helpers.size(); ++i) {
    TRY(const std::uint64_t address,
        helper_address(platform, *shared, code.helpers[i], spec_of(image.program, code.helper_maps[i])));
    bindings.helpers.push_back(address);
  }
  return kOk;
}

Status Vm::Impl::build(Image::Impl& image, const VerifiedProgram& program) {
  if (const std::uint32_t cpus = program.facts().cpus; cpus != 0 && cpus < shared->cpus)
    return Error{Errc::kInvalid, "verified for " + std::to_string(cpus) + " CPUs, the Vm has " +
                                     std::to_string(shared->cpus) + " (VerifyOptions::cpus, VmOptions::cpus)"};
  if (shared->profile && shared->engine != Engine::kInterpreter)
    return Error{Errc::kInvalid, "only the interpreter counts instructions (VmOptions::profile)"};
  TRY(const lower::Code code,
      lower::lower(program, platform,
                   {.inline_helpers = shared->inline_helpers && !shared->profile, .every_insn = shared->profile}));
  TRY_OK(bind(image, code));
  image.calls_tail =
      std::ranges::any_of(code.ops, [](const lower::Op& op) { return std::holds_alternative<lower::TailCall>(op); });
  image.has_packet = has_packet(program);
  image.target.image = &image;
  if (shared->engine == Engine::kJit) {
    TRY(const lower::Code ready, prepare_native(code, program.facts(), *shared));
    TRY_OK(compile(image, ready));
  } else {
    using interpreter::Counting;
    image.compiled = interpreter::compile(code, bindings, image.platform, image.maps,
                                          shared->profile ? Counting::kOn : Counting::kOff);
    if (shared->passes != PassSet::none() && !shared->profile)
      image.compiled->fast =
          interpreter::compile(lower::optimize(code, interpreter::suited(shared->passes), program.facts()), bindings,
                               image.platform, image.maps, Counting::kOff);
    image.target.entry = address_of(image.compiled.get());
  }
  return kOk;
}

Status Vm::Impl::compile(Image::Impl& image, const lower::Code& code) {
  const DebugOptions& wanted = shared->debug;
  const jit::Mapping mapping = wanted.perf_map || wanted.gdb ? jit::Mapping::kOn : jit::Mapping::kOff;
  TRY(image.native, jit::compile(code, bindings, shared->compile, mapping));
  image.entry = image.native->entry();
  image.target.entry = address_of(image.entry);
  if (mapping == jit::Mapping::kOff) return kOk;
  const std::span<const std::byte> bytes = image.native->bytes();
  const debug::Symbols symbols =
      debug::symbols(image.program, code, image.native->map(),
                     {.arch = jit::host_target().arch, .address = address_of(bytes.data()), .bytes = bytes});
  if (wanted.gdb) image.gdb = debug::tell_gdb(symbols);
  return wanted.perf_map ? debug::append_to_perf_map(symbols) : Status(kOk);
}

Env prototype(const Image::Impl& image) {
  Env env;
  env.host = image.shared->host.get();
  env.cpus = image.shared->cpus;
  env.type = image.program.type;
  env.image = &image;
  if (image.native == nullptr) return env;
  env.invoke = image.native->invoke();
  env.tail_call = &native_tail_call;
  return env;
}

MapResult Vm::Impl::set_tail_call(const std::shared_ptr<Map>& map, std::uint32_t index, const Image& image) {
  auto array = std::dynamic_pointer_cast<ProgArrayMap>(map);
  if (array == nullptr || image.impl()->shared != shared) return -EINVAL;
  if (!claim(*map, image.program().type)) return -EINVAL;
  return shared->tail_targets.set(array, index, image.impl(), image.impl()->target);
}

Vm::Vm(const Platform& platform, VmOptions options)
    : impl_(std::make_unique<Impl>(platform, with_cpus(std::move(options)))) {}
Vm::~Vm() = default;
Vm::Vm(Vm&&) noexcept = default;
Vm& Vm::operator=(Vm&&) noexcept = default;

Result<Image> Vm::load(const VerifiedProgram& program) {
  auto image = std::make_shared<Image::Impl>(program.program());
  image->shared = impl_->shared;
  image->platform = impl_->platform;
  if (Status built = impl_->build(*image, program); !built) {
    Error error = built.error();
    if (!image->program.name.empty()) error.message = "program " + image->program.name + ": " + error.message;
    return error;
  }
  image->prototype = prototype(*image);
  Image handle(std::move(image));
  for (const auto& slot : impl_->maps.take_slots_of(handle.program().name))
    if (const MapResult result = impl_->set_tail_call(slot.map, slot.index, handle); result != 0)
      return Error{Errc::kInvalid, "program " + handle.program().name + " does not fit into slot " +
                                       std::to_string(slot.index) + " of prog_array " + slot.map->spec().name};
  return handle;
}

Result<std::shared_ptr<Map>> Vm::create_map(const std::shared_ptr<const MapSpec>& spec) {
  return impl_->maps.find_or_make(spec);
}
std::shared_ptr<Map> Vm::find_map(std::string_view name) const { return impl_->maps.find(name); }
std::vector<std::shared_ptr<Map>> Vm::maps() const { return impl_->maps.all(); }

MapResult Vm::set_tail_call(Map& prog_array, std::uint32_t index, const Image& image) {
  const std::shared_ptr<Map> map = impl_->maps.find(prog_array);
  return map == nullptr ? -EINVAL : impl_->set_tail_call(map, index, image);
}

}  // namespace skep
