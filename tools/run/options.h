// SPDX-License-Identifier: Apache-2.0
// What `skep run` was asked to do.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skep/vm.h"

namespace skep::tools {

struct RunCommand {
  std::string object;
  std::string program;                      ///< Empty: the only one.
  ProgramType type = ProgramType::kUnspec;  ///< Of what names none itself.
  std::string pcap, write, context, data;
  std::vector<std::string> maps;         ///< NAME[KEY]=VALUE or @FILE.
  std::vector<std::string> event_types;  ///< MAP=STRUCT.
  std::uint64_t repeat = 1;
  std::optional<Engine> engine;  ///< Empty: the best there is.
  PassSet passes = PassSet::all();
  bool bisect_passes = false;
  std::uint64_t budget = 0;
  DebugOptions debug;
  bool profile = false;
  std::string coverage;  ///< Tracefile to write; empty: none.
  [[nodiscard]] bool counts() const { return profile || !coverage.empty(); }
  std::size_t events = 10;  ///< That are shown of each source.
  std::uint32_t ifindex = 1;
  bool tags_in_frame = false;
  bool show_maps = true;
  bool json = false;
  bool each = false;
};

}  // namespace skep::tools
