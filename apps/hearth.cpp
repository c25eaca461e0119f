// The command `hearth`: the only place that reads the environment and the configuration file.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/console.h"

namespace {

using hearth::cli::Settings;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::filesystem::path configuration_path() {
  if (const std::string path = environment("HEARTH_CONFIG"); !path.empty()) return path;
  if (const std::string base = environment("XDG_CONFIG_HOME"); !base.empty())
    return std::filesystem::path(base) / "hearth" / "config.json";
  if (const std::string home = environment("HOME"); !home.empty())
    return std::filesystem::path(home) / ".config" / "hearth" / "config.json";
  return {};
}

std::string default_cache() {
  if (const std::string base = environment("XDG_CACHE_HOME"); !base.empty())
    return (std::filesystem::path(base) / "hearth" / "weights").string();
  if (const std::string home = environment("HOME"); !home.empty())
    return (std::filesystem::path(home) / ".cache" / "hearth" / "weights").string();
  return {};
}

hearth::Result<Settings> read_settings() {
  constexpr std::uint64_t kLargest = 1u << 20;
  Settings settings;
  const auto path = configuration_path();
  std::error_code ignored;
  const bool asked_for = !environment("HEARTH_CONFIG").empty();
  if (!path.empty() && (asked_for || std::filesystem::exists(path, ignored))) {
    HEARTH_TRY(const std::string json, hearth::read_file(path, kLargest));
    auto parsed = hearth::cli::parse_settings(json);
    if (!parsed) return std::unexpected(std::move(parsed.error()).within("configuration " + path.string()));
    settings = std::move(*parsed);
  }
  if (const std::string cache = environment("HEARTH_CACHE"); !cache.empty()) settings.cache = cache;
  if (settings.cache.empty()) settings.cache = default_cache();
  settings.plain = !environment("NO_COLOR").empty();
  if (const std::string isa = environment("HEARTH_ISA"); !isa.empty()) settings.isa = isa;
  if (const std::string threads = environment("HEARTH_THREADS"); !threads.empty()) {
    auto count = hearth::cli::parse_thread_count(threads);
    if (!count) return std::unexpected(std::move(count.error()).within("the environment variable HEARTH_THREADS"));
    settings.n_threads = *count;
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  const auto settings = read_settings();
  if (!settings) {
    hearth::cli::note("hearth: " + settings.error().message);
    return 2;
  }
  return hearth::cli::run(std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0),
                          *settings);
}
