// SPDX-License-Identifier: Apache-2.0
// What an ELF object holds.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/program.h"
#include "skep/result.h"

namespace skep {

struct ObjectOptions {
  std::string name{};          ///< For messages; usually the file's name.
  ProgramType default_type{};  ///< For sections whose name says no type; kUnspec: such a program keeps type kUnspec.
  /// Types of the kernel that the programs are meant for (contents of /sys/kernel/btf/vmlinux). Null: programs that
  /// depend on them (CO-RE, kfuncs, kernel symbols) are Program::unsupported.
  std::shared_ptr<const Btf> target_btf{};
  /// Its configuration (/proc/config.gz, unpacked), its symbols (/proc/kallsyms); null: not known.
  std::shared_ptr<const std::string> target_config{}, target_symbols{};
  std::uint32_t target_version = 0;  ///< LINUX_KERNEL_VERSION: 6.18.2 is 0x061202; 0: not known.
};

/// One relocation of a program, for `skep dump`.
struct RelocationInfo {
  std::string section{};
  std::uint64_t offset = 0;  ///< Bytes into the section.
  std::string type{};        ///< "R_BPF_64_64"...
  std::string symbol{};
};

/// The same bytes give the same Object on every machine. Immutable value.
class Object {
 public:
  /// Parses a relocatable BPF ELF file. Never trusts it: any malformation is an Error that names section, offset and
  /// expectation.
  static Result<Object> from_elf(std::span<const std::byte> bytes, const ObjectOptions& options = {});

  [[nodiscard]] const std::vector<Program>& programs() const { return programs_; }
  [[nodiscard]] const std::vector<std::shared_ptr<const MapSpec>>& maps() const { return maps_; }
  [[nodiscard]] const std::vector<RelocationInfo>& relocations() const { return relocations_; }
  [[nodiscard]] const std::shared_ptr<const Btf>& btf() const { return btf_; }  ///< May be null.
  [[nodiscard]] const std::string& license() const { return license_; }
  /// nullptr: no program of that name (function name, or section name where that is unique).
  [[nodiscard]] const Program* find_program(std::string_view name) const;

 private:
  friend class ObjectBuilder;
  std::vector<Program> programs_{};
  std::vector<std::shared_ptr<const MapSpec>> maps_{};
  std::vector<RelocationInfo> relocations_{};
  std::shared_ptr<const Btf> btf_{};
  std::string license_{};
};

}  // namespace skep
