// SPDX-License-Identifier: Apache-2.0
// A rejection for people (the kernel's sentence, where the value came from, the C line with a caret, the registers
// before it, the way there, what to do) and for machines.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "skep/verify.h"

namespace skep::tools {

/// Several lines, the last one ended. `object` is the file's name as the user gave it.
std::string render_rejection(const std::string& object, const Program& program, const Rejection& rejection);

/// Which program it is: object, program, section, type. Null: of an object without one.
nlohmann::ordered_json program_json(const std::string& object, const Program* program);
/// Sets verdict, code, message, insn.
void set_rejected(nlohmann::ordered_json& json, const Diagnostic& reason);
/// What render_rejection() says as members of an object: family, at, registers, path, causes, hint.
nlohmann::ordered_json rejection_json(const Program& program, const Diagnostic& reason);

}  // namespace skep::tools
