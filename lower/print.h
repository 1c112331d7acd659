// SPDX-License-Identifier: Apache-2.0
// Lowered code as text, for golden tests and for people.
#pragma once
#include <string>

#include "lower/code.h"

namespace skep::lower {

/// One op, without its label. r11 is the scratch register.
std::string print(const Op& op, const Code& code);
/// One line an op: `label @slot: text`, with a line before each function.
std::string print(const Code& code);

}  // namespace skep::lower
