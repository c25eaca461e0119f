// The command line: finds the command, parses its flags, runs it and turns what happened into an exit code.
#pragma once

#include <span>

#include "cli/settings.h"

namespace hearth::cli {

/// `arguments` without the program's name. Returns the exit code: 0 ok, 1 failed, 2 usage, 130 interrupted.
int run(std::span<const char* const> arguments, const Settings& settings);

}  // namespace hearth::cli
