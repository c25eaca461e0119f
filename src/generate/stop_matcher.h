// Finds stop strings in text that arrives in pieces, so that no part of one is ever shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::generate {

/// Feed pieces, show what comes back. What could be the beginning of a stop string is held back until it is decided.
class StopMatcher {
 public:
  /// Stop strings are valid UTF-8 and not empty, so that cutting at one never breaks a character.
  static Result<StopMatcher> make(std::vector<std::string> stops);
  StopMatcher() = default;

  /// The text that may be shown now. After a match it is always empty.
  std::string feed(std::string_view piece);
  /// What was held back, when no more text will come.
  std::string flush();
  /// The stop string that was complete first, of several the longest: the same however the text was cut into pieces.
  [[nodiscard]] const std::string* matched() const { return matched_ < stops_.size() ? &stops_[matched_] : nullptr; }

 private:
  [[nodiscard]] std::size_t longest_beginning(std::string_view text) const;
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::vector<std::string> stops_;  // longest first
  std::string held_;
  std::size_t matched_ = kNone;
};

}  // namespace hearth::generate
