// Stop strings across piece borders.
#include "generate/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

#include <fmt/format.h>

namespace hearth::generate {

Result<StopMatcher> StopMatcher::make(std::vector<std::string> stops) {
  for (const std::string& stop : stops) {
    if (stop.empty()) return fail(ErrorCode::kInvalidArgument, "a stop string must not be empty");
    if (text::to_valid_utf8(stop) != stop)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the stop string of {} bytes is not valid UTF-8", stop.size()));
  }
  std::ranges::stable_sort(stops, std::greater(), [](const std::string& stop) { return stop.size(); });
  StopMatcher matcher;
  matcher.stops_ = std::move(stops);
  return matcher;
}

std::string StopMatcher::feed(std::string_view piece) {
  if (matched()) return {};
  const std::size_t decided = held_.size();  // no stop string ends before
  held_ += piece;
  const std::string_view text = held_;
  for (std::size_t end = decided + 1; end <= text.size(); ++end) {
    for (std::size_t s = 0; s < stops_.size(); ++s) {
      if (!text.substr(0, end).ends_with(stops_[s])) continue;
      matched_ = s;
      std::string shown = held_.substr(0, end - stops_[s].size());
      held_.clear();
      return shown;
    }
  }
  const std::size_t shown_bytes = text.size() - longest_beginning(text);
  std::string shown = held_.substr(0, shown_bytes);
  held_.erase(0, shown_bytes);
  return shown;
}

/// How many bytes at the end of `text` are the beginning of a stop string.
std::size_t StopMatcher::longest_beginning(std::string_view text) const {
  std::size_t longest = 0;
  for (const std::string_view stop : stops_) {
    for (std::size_t n = std::min(stop.size() - 1, text.size()); n > longest; --n) {
      if (text.ends_with(stop.substr(0, n))) longest = n;
    }
  }
  return longest;
}

std::string StopMatcher::flush() {
  return std::exchange(held_, {});
}

}  // namespace hearth::generate
