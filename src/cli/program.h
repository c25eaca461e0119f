// Runs another program: what a tool's command is.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

/// Starts argv[0], found along PATH and without a shell, with `input` on standard input, and gives what it wrote to
/// standard output without the last line end, at most `limit_bytes` of it. Its complaints go where ours go. An exit
/// code that is not 0 is an error that holds what it wrote.
Result<std::string> run_program(const std::vector<std::string>& argv, const std::string& input,
                                std::size_t limit_bytes);

}  // namespace hearth::cli
