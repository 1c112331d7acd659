// SPDX-License-Identifier: Apache-2.0
// libbpf_compare PATH...: every program of the objects (or of the folders of objects) as skep loads it beside what
// libbpf would hand to the kernel. Exit code: 0 all equal, 1 some differ, 77 no object found.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "skep/object.h"
#include "tests/libbpf/compare_insns.h"
#include "tools/target_kernel.h"

namespace skep::oracle {
namespace {

namespace fs = std::filesystem;

/// Where libbpf 1.2 and later do otherwise than Debian's 1.1, as skep does.
struct Newer {
  std::string_view object, program, reason;  // No program: all of the object.
};
constexpr Newer kNewer[] = {
    {"task_kfunc_success.bpf.o", "test_task_kfunc_flavor_relo", "flavours of kernel functions (libbpf 1.3)"},
    {"operations.bpf.o", "throws", "callbacks for exceptions (libbpf 1.3)"},
    {"exceptions.bpf.o", "exception_ext_mod_cb_runtime", "callbacks for exceptions (libbpf 1.3)"},
    {"exceptions_fail.bpf.o", "", "callbacks for exceptions (libbpf 1.3)"},
};
const Newer* find_newer(std::string_view object, std::string_view program) {
  const auto* const found = std::find_if(std::begin(kNewer), std::end(kNewer), [&](const Newer& row) {
    return row.object == object && (row.program.empty() || row.program == program);
  });
  return found == std::end(kNewer) ? nullptr : found;
}

struct Counts {
  int objects = 0, compared = 0, equal = 0, different = 0, not_loaded = 0, not_opened = 0, newer = 0;
};

std::vector<std::byte> read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::vector<fs::path> list_objects(const fs::path& path) {
  if (!fs::is_directory(path)) return fs::exists(path) ? std::vector<fs::path>{path} : std::vector<fs::path>{};
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.path().extension() == ".o") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

void compare_object(const fs::path& path, tools::TargetKernel& kernel, Counts& counts) {
  ++counts.objects;
  const Recording theirs = record(path.string());
  if (!theirs.error.empty()) {
    ++counts.not_opened;
    std::printf("  libbpf does not open %s: %s\n", path.filename().c_str(), theirs.error.c_str());
    return;
  }
  const Result<Object> mine =
      kernel.load(read_bytes(path), {.name = path.filename().string(), .default_type = ProgramType::kUnspec});
  for (const RecordedProgram& program : theirs.programs) {
    if (!program.error.empty()) {
      ++counts.not_loaded;
      std::printf("  libbpf does not load %s %s: %s\n", path.filename().c_str(), program.name.c_str(),
                  program.error.c_str());
      continue;
    }
    if (const Newer* newer = find_newer(path.filename().native(), program.name)) {
      ++counts.newer;
      std::printf("  not compared: %s %s: %s\n", path.filename().c_str(), program.name.c_str(), newer->reason.data());
      continue;
    }
    ++counts.compared;
    const Program* found = mine ? mine->find_program(program.name) : nullptr;
    const std::string difference = !mine              ? mine.error().message
                                   : found == nullptr ? "skep has no such program"
                                                      : first_difference(*found, program, theirs.map_names);
    ++(difference.empty() ? counts.equal : counts.different);
    if (!difference.empty())
      std::printf("  DIFFERENT %s %s: %s\n", path.filename().c_str(), program.name.c_str(), difference.c_str());
  }
}

}  // namespace
}  // namespace skep::oracle

int main(int count, char** arguments) {
  using namespace skep;
  tools::TargetKernel kernel;
  oracle::Counts all;
  for (int i = 1; i < count; ++i) {
    oracle::Counts counts;
    const auto objects = oracle::list_objects(arguments[i]);
    if (objects.empty()) std::printf("%s: skipped, no object there\n", arguments[i]);
    for (const auto& path : objects) oracle::compare_object(path, kernel, counts);
    std::printf(
        "%s: %d objects, %d programs compared, %d equal, %d different; libbpf does not open %d objects and "
        "load %d programs, %d are newer than it\n",
        arguments[i], counts.objects, counts.compared, counts.equal, counts.different, counts.not_opened,
        counts.not_loaded, counts.newer);
    all.objects += counts.objects;
    all.different += counts.different;
  }
  if (all.objects == 0) return 77;
  return all.different == 0 ? 0 : 1;
}
