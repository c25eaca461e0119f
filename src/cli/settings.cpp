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
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\": {} is not a setting; known are \"threads\" (a number up to {}), \"isa\" and "
                              "\"engine\" (texts)",
                              key, member.dump(), kMaxThreads));
    }
  }
  return settings;
}

Result<std::size_t> parse_thread_count(std::string_view text) {
  HEARTH_TRY(const std::uint64_t count, parse_count(text, 1, kMaxThreads));
  return static_cast<std::size_t>(count);
}

}  // namespace hearth::cli
