// Text of models and files at a terminal: what would steer the terminal is shown instead of obeyed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::cli {

/// The text with a picture for every control character but newline and tab (U+241B for ESC), "<U+009B>" for those above
/// U+007F, and U+FFFD for bytes that are no UTF-8.
std::string visible_text(std::string_view text);

/// Prints text of a model or file: its bytes for a file or another program, visible_text for a person.
Status print_foreign(std::string_view text);

}  // namespace hearth::cli
