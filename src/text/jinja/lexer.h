// Template source to tokens: text, tags and what stands inside them, with Jinja's rules for white space.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text::jinja {

enum class TokenKind : std::uint8_t {
  kText,
  kPrintBegin,
  kPrintEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,   // `text` without quotes, escapes still in it
  kInteger,  // `text` as written
  kFloat,
  kOperator,  // `text` is the operator
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // into the source
  std::uint32_t line = 1;
};

/// Line ends as "\n", and one of them at the very end left out, as Jinja does before anything else.
std::string normalize_source(std::string_view source);

/// The tokens of a normalized source, with trim_blocks and lstrip_blocks on, as chat templates expect. The last one is
/// kEnd. Throws a Fault.
std::vector<Token> read_tokens(std::string_view source);

/// What Python's str.isspace() takes for white space.
bool is_python_space(std::uint32_t code);
/// How many bytes of white space `text` begins or ends with.
std::size_t leading_space(std::string_view text);
std::size_t trailing_space(std::string_view text);

}  // namespace hearth::text::jinja
