// GBNF, the grammar format of llama.cpp: rules over characters, with classes, groups, repetition and special tokens.
#pragma once

#include <string_view>

#include "base/result.h"
#include "constrain/grammar.h"

namespace hearth::constrain {

/// The rule "root" is the whole text. Beside characters: <[ID]> and <NAME> are special tokens, !<..> any other token.
Result<Grammar> parse_gbnf(std::string_view source);

}  // namespace hearth::constrain
