// The depth is counted before anything follows it.
#include "generate/shallow_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

constexpr std::size_t kDeepest = 200;

/// Whether brackets are nested deeper, without following them.
bool deeper_than(std::string_view json, std::size_t limit) {
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_text = !in_text;
    } else if (!in_text && (c == '[' || c == '{')) {
      if (++depth > limit) return true;
    } else if (!in_text && (c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<nlohmann::ordered_json> parse_shallow_json(std::string_view text) {
  if (deeper_than(text, kDeepest))
    return fail(ErrorCode::kInvalidArgument, fmt::format("it is nested more than {} levels deep", kDeepest));
  auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return fail(ErrorCode::kInvalidArgument, "it is no valid JSON (or no valid UTF-8)");
  return parsed;
}

}  // namespace hearth::generate
