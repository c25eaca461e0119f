// Sets of characters as expressions over bytes: UTF-8 as it is, or as it stands inside a JSON string.
#pragma once

#include "constrain/grammar.h"
#include "text/code_set.h"

namespace hearth::constrain {

enum class Spelling : std::uint8_t {
  kPlain,       // UTF-8
  kJsonString,  // quotes, backslashes and controls escaped, everything else UTF-8
};

/// One character of `set`. Surrogates are not characters.
ExprId one_char(Grammar& grammar, const text::CodeSet& set, Spelling spelling);

/// `text` (valid UTF-8) as it is or as the inside of a JSON string.
ExprId spelled(Grammar& grammar, std::string_view text, Spelling spelling);

/// `text` quoted and escaped as JSON.
std::string json_quoted(std::string_view text);

}  // namespace hearth::constrain
