// SPDX-License-Identifier: Apache-2.0
// Comma-separated values (RFC 4180).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "skep/result.h"

namespace skep::tools {

using CsvRow = std::vector<std::string>;
/// Error: a quote that does not end, or a row with another number of fields than the first.
Result<std::vector<CsvRow>> read_csv(std::string_view text);
/// One line, ended; fields quoted where they must be.
std::string csv_line(const CsvRow& row);

}  // namespace skep::tools
