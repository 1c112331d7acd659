// SPDX-License-Identifier: Apache-2.0
#include "bench/program.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "base/try.h"

namespace skep::bench {
namespace {

namespace fs = std::filesystem;

// bench.h's maplookup.c loads this word where a map's address belongs.
constexpr std::uint64_t kMapMagic = 0x1122334455667788;
constexpr std::uint32_t kMapEntries = 64;

Result<std::vector<std::byte>> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return Error{Errc::kNotFound,
                 path.string() + ": cannot be read; run scripts/bench.sh, which compiles the programs"};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

Result<Program> read_program(const fs::path& path) {
  TRY(const auto bytes, read_file(path));
  TRY(const Object object, Object::from_elf(bytes, {.name = path.stem().string(), .default_type = ProgramType::kXdp}));
  const Program* program = object.find_program("prog");
  if (program == nullptr) return Error{Errc::kNotFound, path.string() + ": has no program `prog`"};
  return *program;
}

/// Replaces the magic word by a reference to map 0 of the given type, when the program has it.
bool bind_map(Program& program, MapType type) {
  bool found = false;
  for (isa::Insn& insn : program.insns) {
    auto* load = std::get_if<isa::LoadImm64>(&insn);
    if (load == nullptr || load->kind != isa::Imm64Kind::kConstant || load->constant() != kMapMagic) continue;
    *load = {.kind = isa::Imm64Kind::kMapIndex, .dst = load->dst, .low = 0, .high = 0};
    found = true;
  }
  if (found) {
    program.maps = {std::make_shared<const MapSpec>(MapSpec{.name = type == MapType::kArray ? "array" : "hash",
                                                            .type = type,
                                                            .key_size = 4,
                                                            .value_size = 8,
                                                            .max_entries = kMapEntries})};
  }
  return found;
}

NativeFn symbol(void* library, const std::string& name) {
  return std::bit_cast<NativeFn>(dlsym(library, name.c_str()));
}

Result<Forms> read_forms(const fs::path& folder, const std::string& name) {
  Forms forms;
  forms.name = name;
  TRY(forms.xdp, read_program(folder / (name + ".xdp.o")));
  TRY(forms.dpdk, read_program(folder / (name + ".dpdk.o")));
  // The library stays loaded for the life of the process: its functions are what is measured.
  void* library = dlopen((folder / (name + ".so")).c_str(), RTLD_NOW);
  if (library == nullptr) return Error{Errc::kSystem, std::string("cannot load the native form: ") + dlerror()};
  forms.native = symbol(library, "native_" + name);
  forms.native_o2 = symbol(library, "nativeo2_" + name);
  if (forms.native == nullptr || forms.native_o2 == nullptr)
    return Error{Errc::kMalformed, name + ".so: lacks native_" + name + " or nativeo2_" + name};
  return forms;
}

}  // namespace

Result<std::vector<Forms>> read_programs(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with(".xdp.o")) names.push_back(file.substr(0, file.size() - 6));
  }
  if (error) return Error{Errc::kNotFound, folder.string() + ": " + error.message()};
  std::sort(names.begin(), names.end());
  std::vector<Forms> all;
  for (const std::string& name : names) {
    TRY(Forms forms, read_forms(folder, name));
    Forms hash = forms;
    if (bind_map(forms.xdp, MapType::kArray)) {
      hash.name = name + "-hash";
      bind_map(hash.xdp, MapType::kHash);
      all.push_back(std::move(hash));
      forms.name = name + "-array";
    }
    all.push_back(std::move(forms));
  }
  return all;
}

std::vector<std::byte> make_input() {
  constexpr std::array<std::uint8_t, 54> kPacket = {
      0x02, 0,    0,    0,    0,    1,    0x02, 0, 0,  0, 0, 2, 0x08, 0x00,  // Ethernet, IPv4
      0x45, 0,    0x05, 0xdc, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 192,  168,
      1,    10,   10,   0,    0,    7,  // IPv4, TCP
      0xc0, 0x01, 0x01, 0xbb, 0,    0,    0,    1, 0,  0, 0, 2, 0x50, 0x18,
      0x01, 0x00, 0,    0,    0,    0,  // port 443, PSH ACK
  };
  std::vector<std::byte> input(2048);
  std::mt19937 noise(6);  // NOLINT(cert-msc51-cpp): the same on purpose
  for (std::byte& byte : input) byte = static_cast<std::byte>(noise() & 0xff);
  std::memcpy(input.data(), kPacket.data(), kPacket.size());
  std::copy_n(input.begin(), 256, input.begin() + 256);
  return input;
}

}  // namespace skep::bench
