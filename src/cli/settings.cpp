// Reading the configuration file.
#include "cli/settings.h"

#include "cli/flags.h"
#include "generate/shallow_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using Json = nlohmann::ordered_json;

/// True when the key was one of the library's.
bool read_library_setting(const std::string& key, const Json& member, LibrarySettings& library) {
  const auto texts = [&](std::vector<std::string>& into) {
    if (!member.is_array()) return false;
    for (const Json& entry : member) {
      if (!entry.is_string()) return false;
      into.push_back(entry.get<std::string>());
    }
    return true;
  };
  if (key == "trusted_origins") return texts(library.trusted_origins);
  if (key == "allowed_sources") return texts(library.allowed_sources) && !library.allowed_sources.empty();
  if (key == "offline" && member.is_boolean()) {
    library.offline = member.get<bool>();
    return true;
  }
  if (!member.is_string()) return false;
  for (const auto& [name, into] : {std::pair("home", &library.home), std::pair("hub", &library.hub),
                                   std::pair("proxy", &library.proxy), std::pair("catalogue", &library.catalogue)}) {
    if (key != name) continue;
    *into = member.get<std::string>();
    return true;
  }
  return false;
}

}  // namespace

Result<Settings> parse_settings(std::string_view json) {
  HEARTH_TRY(const Json value, generate::parse_shallow_json(json));
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
    } else if (!read_library_setting(key, member, settings.library)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\": {} is not a setting; known are \"threads\" (a number up to {}), \"cache_gb\" (a "
                              "number up to {}), \"isa\", \"engine\", \"cache\", \"home\", \"hub\", \"proxy\" and "
                              "\"catalogue\" (texts), \"offline\" (true or false), \"trusted_origins\" and "
                              "\"allowed_sources\" (lists of texts)",
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
