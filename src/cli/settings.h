// Defaults that a machine's owner sets once, outside the command line: environment and configuration file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/packed_cache.h"

namespace hearth::cli {

/// The model library: where it is, and whom it may ask.
struct LibrarySettings {
  std::string home;       // its folder; empty: none
  std::string user_home;  // where other programs keep their models
  std::string hub = "https://huggingface.co";
  std::string token;  // from the environment only
  std::string proxy;
  std::string catalogue;  // a file that extends or replaces the one shipped
  bool offline = false;
  std::vector<std::string> trusted_origins;  // that may be private or unencrypted
  std::vector<std::string> allowed_sources;  // empty: all
};

/// Flags overrule the environment, which overrules the configuration file.
struct Settings {
  std::string isa;
  std::string engine;
  std::size_t n_threads = 0;  // 0: the cores this process may use
  std::string cache;          // the folder of packed weights, "off" or empty for none
  std::size_t cache_gb = 0;   // what the folder may take; 0: as PackedCache decides
  bool plain = false;         // no colours (NO_COLOR)
  bool cursor_stays = false;  // the terminal knows no escape sequences (TERM=dumb)
  LibrarySettings library;
};

inline constexpr std::size_t kMaxThreads = 1024;

inline constexpr std::size_t kMaxCacheGb = 1'000'000;

/// {"threads": 4, "isa": "avx2", "engine": "native", "cache": "/fast/disk", "cache_gb": 20}; unknown keys are errors.
Result<Settings> parse_settings(std::string_view json);
/// The cache that flag and settings ask for; nothing when it is off.
std::optional<CacheOptions> cache_options(const std::string& flag, const Settings& settings);
/// A value of HEARTH_THREADS.
Result<std::size_t> parse_thread_count(std::string_view text);

}  // namespace hearth::cli
