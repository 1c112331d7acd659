// SPDX-License-Identifier: Apache-2.0
// What an Image shares with its copies, with the runs in progress and with the prog_arrays that hold it.
#pragma once
#include <memory>
#include <vector>

#include "jit/compile.h"
#include "maps/prog_array.h"
#include "skep/vm.h"
#include "vm/debug/gdb.h"
#include "vm/interpreter/compiled.h"
#include "vm/tail_targets.h"

namespace skep {

/// What all images of one Vm have in common. Outlives the Vm while images are left.
struct VmShared {
  Engine engine{};
  jit::CompileOptions compile;  ///< Of native code.
  PassSet passes;
  DebugOptions debug;
  bool profile = false;
  std::uint32_t cpus = 1;
  bool inline_helpers = true;
  std::shared_ptr<Host> host;
  bool real_host = false;  ///< `host` is a helpers::RealHost, whose clock may be read without asking it.
  TailTargets tail_targets;
};

struct Image::Impl {
  explicit Impl(Program program_init) : program(std::move(program_init)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Program program;
  std::shared_ptr<VmShared> shared;
  Platform platform;                                ///< Keeps the rows that `compiled` points to.
  std::vector<std::shared_ptr<Map>> maps;           ///< By the program's map index.
  std::unique_ptr<interpreter::Compiled> compiled;  ///< Null with Engine::kJit.
  std::shared_ptr<const jit::NativeCode> native;    ///< Null with Engine::kInterpreter.
  std::unique_ptr<const debug::GdbEntry> gdb;       ///< Of `native`, so that it goes before it; may be null.
  jit::EntryFn entry = nullptr;                     ///< Of `native`; null with Engine::kInterpreter.
  Env prototype;                                    ///< What all runs' Envs have in common.
  TailTarget target;                                ///< Of this image; in prog_arrays, by address.
  bool calls_tail = false;                          ///< Has a TailCall.
  bool has_packet = false;  ///< The context is an XdpContext or SkbContext, whose packet the program may touch.
};

/// Env::tail_call of native code.
std::uint64_t native_tail_call(Env& env, std::uint64_t map, std::uint64_t index);

}  // namespace skep
