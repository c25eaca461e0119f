// Files and names of templates, and the clock.
#include "cli/template_choice.h"

#include <filesystem>

#include "base/file.h"

#include <fmt/format.h>

namespace hearth::cli {

text::LocalTime as_local(const std::tm& moment) {
  return {moment.tm_year + 1900, moment.tm_mon + 1, moment.tm_mday, moment.tm_hour, moment.tm_min, moment.tm_sec};
}

text::LocalTime time_here() {
  const std::time_t now = std::time(nullptr);
  std::tm moment{};
  return localtime_r(&now, &moment) == nullptr ? text::LocalTime{} : as_local(moment);
}

Status read_given_template(const std::string& given, text::TemplateCandidates& candidates) {
  constexpr std::uint64_t kLargest = std::uint64_t{4} << 20;
  std::error_code ignored;
  if (!std::filesystem::exists(given, ignored)) {
    HEARTH_TRY(const std::string known, text::named_template_source(given));
    candidates.given_name = given;
    return {};
  }
  if (std::filesystem::is_directory(given, ignored))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("reading the template {}: it is a folder, expected a file", given));
  HEARTH_TRY(candidates.given_source, read_file(given, kLargest));
  candidates.given_origin = given;
  if (candidates.given_source.empty())
    return fail(ErrorCode::kInvalidArgument, fmt::format("reading the template {}: the file is empty", given));
  return {};
}

}  // namespace hearth::cli
