// Matching sources with the patterns of their owner.
#include "library/shelf/allow_list.h"

#include <algorithm>

#include "library/names/model_name.h"

#include <fmt/format.h>

namespace hearth::library {

bool AllowList::allows(std::string_view source) const {
  if (patterns_.empty()) return true;
  return std::ranges::any_of(patterns_, [&](std::string_view pattern) {
    if (!pattern.ends_with('*')) return pattern == source;
    return source.starts_with(pattern.substr(0, pattern.size() - 1)) && source.find("..") == std::string_view::npos;
  });
}

Status AllowList::check(std::string_view source) const {
  if (allows(source)) return {};
  return fail(ErrorCode::kNotAuthorized,
              fmt::format("\"{}\" is not among the sources that this installation allows (\"allowed_sources\" in the "
                          "configuration)",
                          harmless(source)));
}

}  // namespace hearth::library
