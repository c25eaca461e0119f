// Which sources models may come from, for applications that load approved models only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::library {

/// Patterns such as "hf:Qwen/*", "https://models.example.org/*", "file:/opt/models/*"; a "*" at the end stands for
/// anything, elsewhere it is itself.
class AllowList {
 public:
  AllowList() = default;  // allows everything
  explicit AllowList(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}
  [[nodiscard]] bool allows(std::string_view source) const;
  /// kNotAuthorized with the source and where the list is.
  [[nodiscard]] Status check(std::string_view source) const;
  [[nodiscard]] bool restricts() const { return !patterns_.empty(); }

 private:
  std::vector<std::string> patterns_;
};

}  // namespace hearth::library
