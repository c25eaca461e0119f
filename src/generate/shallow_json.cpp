// The depth is counted before anything follows it.
#include "generate/shallow_json.h"

#include <algorithm>

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

/// "at line 2, column 7", of the byte that a parser read last; columns are counted in bytes.
std::string place_of(std::string_view json, std::size_t n_read) {
  const std::string_view before = json.substr(0, n_read > 0 ? n_read - 1 : 0);
  const std::size_t line_end = before.rfind('\n');
  const std::size_t column = before.size() - (line_end == std::string_view::npos ? 0 : line_end + 1);
  return fmt::format("at line {}, column {}", std::ranges::count(before, '\n') + 1, column + 1);
}

/// What the parser's message says is wrong, without its prefix and without the bytes that it quotes.
std::string_view cause_of(std::string_view message) {
  message = message.substr(0, message.find("; last read:"));
  const std::size_t dash = message.find(" - ");
  return dash == std::string_view::npos ? message : message.substr(dash + 3);
}

}  // namespace

Result<nlohmann::ordered_json> parse_shallow_json(std::string_view text) {
  if (deeper_than(text, kDeepest))
    return fail(ErrorCode::kInvalidArgument, fmt::format("it is nested more than {} levels deep", kDeepest));
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return fail(ErrorCode::kInvalidArgument, "it is no valid JSON: it is empty");
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::ordered_json::parse_error& mistake) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("it is no valid JSON {}: {}", place_of(text, mistake.byte), cause_of(mistake.what())));
  } catch (const nlohmann::ordered_json::exception&) {
    return fail(ErrorCode::kInvalidArgument, "it is no JSON that can be read: a number in it is too large");
  }
}

}  // namespace hearth::generate
