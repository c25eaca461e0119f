// Defaults that a machine's owner sets once, outside the command line: environment and configuration file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::cli {

/// Flags overrule the environment, which overrules the configuration file.
struct Settings {
  std::string isa;
  std::string engine;
  std::size_t n_threads = 0;  // 0: the cores this process may use
};

inline constexpr std::size_t kMaxThreads = 1024;

/// {"threads": 4, "isa": "avx2", "engine": "native"}; unknown keys are errors.
Result<Settings> parse_settings(std::string_view json);
/// A value of HEARTH_THREADS.
Result<std::size_t> parse_thread_count(std::string_view text);

}  // namespace hearth::cli
