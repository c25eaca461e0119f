// Reading the configuration file.
#include "cli/settings.h"

#include "cli/flags.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

Result<Settings> parse_settings(std::string_view json) {
  const auto value = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return fail(ErrorCode::kInvalidArgument, "expected a JSON object such as {\"threads\": 4}");
  Settings settings;
  for (const auto& [key, member] : value.items()) {
    if (key == "threads" && member.is_number_unsigned() && member <= kMaxThreads) {
      settings.n_threads = member.get<std::size_t>();
    } else if (key == "isa" && member.is_string()) {
      settings.isa = member.get<std::string>();
    } else if (key == "engine" && member.is_string()) {
      settings.engine = member.get<std::string>();
    } else if (key == "cache" && member.is_string()) {
      settings.cache = member.get<std::string>();
    } else if (key == "cache_gb" && member.is_number_unsigned() && member <= kMaxCacheGb) {
      settings.cache_gb = member.get<std::size_t>();
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\": {} is not a setting; known are \"threads\" (a number up to {}), \"cache_gb\" (a "
                              "number up to {}), \"isa\", \"engine\" and \"cache\" (texts)",
                              key, member.dump(), kMaxThreads, kMaxCacheGb));
    }
  }
  return settings;
}

std::optional<CacheOptions> cache_options(const std::string& flag, const Settings& settings) {
  const std::string& folder = flag.empty() ? settings.cache : flag;
  if (folder.empty() || folder == "off") return std::nullopt;
  return CacheOptions{.folder = folder, .limit_bytes = std::uint64_t{settings.cache_gb} * 1'000'000'000};
}

Result<std::size_t> parse_thread_count(std::string_view text) {
  HEARTH_TRY(const std::uint64_t count, parse_count(text, 1, kMaxThreads));
  return static_cast<std::size_t>(count);
}

}  // namespace hearth::cli
