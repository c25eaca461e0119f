// Answers that are several messages, each with a header that says for whom it is: the harmony format, functionary 3.2.
#pragma once

#include <memory>

#include "generate/tools/call_parser.h"

namespace hearth::generate {

/// Messages for the user are text, analyses are thoughts, those for functions are calls.
std::unique_ptr<CallParser> make_recipient_parser(CallParserOptions options);

}  // namespace hearth::generate
