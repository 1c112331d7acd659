// SPDX-License-Identifier: Apache-2.0
// skep_images OUT FOLDER...: writes OUT/ARCHITECTURE/PROGRAM.image for every program without maps, to count the
// instructions that its machine code executes (scripts/count_instructions.sh). Both architectures' code is made here,
// with all extensions of the CPU that skep knows.
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <string_view>

#include "base/address.h"
#include "base/try.h"
#include "bench/code.h"
#include "bench/image_layout.h"
#include "bench/program.h"
#include "jit/target.h"
#include "skep/context.h"

namespace {

using namespace skep;
using namespace skep::bench;
namespace fs = std::filesystem;

struct Architecture {
  std::string_view name;
  jit::Arch arch{};
};
constexpr Architecture kArchitectures[] = {{"x86_64", jit::Arch::kX86_64}, {"arm64", jit::Arch::kArm64}};

constexpr std::uint64_t kContextAt = 0x100, kEnvAt = 0x1000, kInputAt = 0x2000;

CpuFeatures all_features() {
  CpuFeatures all;
  for (const CpuFeatureInfo& row : kCpuFeatures) all.*row.member = true;
  return all;
}

template <class T>
void put(std::vector<std::byte>& image, std::uint64_t at, const T& object) {
  std::memcpy(image.data() + at, &object, sizeof(object));
}

Result<std::vector<std::byte>> make_image(const Forms& forms, std::span<const std::byte> input, jit::Arch arch) {
  TRY(const lower::Code code, verified_code(forms.xdp, arch));
  jit::AssembleOptions options{.base = kImageBase + kImageCode};
  options.compile.features = all_features();
  TRY(const jit::Assembled assembled, jit::assemble(code, lower::Bindings{}, arch, options));
  if (assembled.bytes.size() > kImageSize - kImageCode) return Error{Errc::kLimit, "the code is too long"};
  std::vector<std::byte> image(kImageSize);
  std::memcpy(image.data() + kImageCode, assembled.bytes.data(), assembled.bytes.size());
  std::memcpy(image.data() + kInputAt, input.data(), input.size());
  XdpContext context;
  context.data = context.data_meta = context.frame_start = kImageBase + kInputAt;
  context.data_end = context.frame_end = context.data + input.size();
  put(image, kContextAt, context);
  put(image, 0,
      image_header{.entry = kImageBase + kImageCode + assembled.entry,
                   .context = kImageBase + kContextAt,
                   .size = sizeof(context),
                   .env = kImageBase + kEnvAt,
                   .expected = static_cast<std::uint32_t>(forms.native(input.data(), input.size()))});
  return image;
}

Status write(const fs::path& path, const std::vector<std::byte>& image) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(image.data()),  // NOLINT: bytes are written as char
             static_cast<std::streamsize>(image.size()));
  file.close();
  if (!file) return Error{Errc::kSystem, path.string() + ": could not be written completely"};
  return kOk;
}

Status write_folder(const fs::path& out, const fs::path& folder) {
  const std::vector<std::byte> input = make_input();
  TRY(const std::vector<Forms> programs, read_programs(folder));
  for (const Architecture& architecture : kArchitectures) {
    fs::create_directories(out / architecture.name);
    for (const Forms& forms : programs) {
      if (!forms.xdp.maps.empty()) continue;
      TRY(const auto image, make_image(forms, input, architecture.arch));
      TRY_OK(write(out / architecture.name / (forms.name + ".image"), image));
    }
  }
  return kOk;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3) {
      std::fprintf(stderr, "usage: skep_images OUT FOLDER...\n");
      return 2;
    }
    for (int i = 2; i < argc; ++i) {
      if (const Status done = write_folder(argv[1], argv[i]); !done) {
        std::fprintf(stderr, "skep_images: %s\n", done.error().message.c_str());
        return 3;
      }
    }
    return 0;
  } catch (const std::exception& error) {  // No memory, or a folder that cannot be made.
    std::fprintf(stderr, "skep_images: %s\n", error.what());
    return 3;
  }
}
