// Values in calls, as models write them: JSON, Python's literals, quotes of special tokens. All of them become JSON.
#pragma once

#include <string>
#include <string_view>

namespace hearth::generate {

/// What a beginning of a text is. Of a longer text kYes and kNo stay what they are; kMore may become either.
enum class Reading : std::uint8_t { kYes, kMore, kNo };

/// A place in a text that may not be all there yet.
struct CallCursor {
  std::string_view text;
  std::size_t pos = 0;

  [[nodiscard]] bool at_end() const { return pos >= text.size(); }
  [[nodiscard]] char peek() const { return text[pos]; }
  void skip_space() {
    while (!at_end() && std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) ++pos;
  }
  /// Takes `literal`, in which white space stands for any, also none; around it any is skipped.
  Reading take(std::string_view literal);
};

/// Takes a JSON value and appends it to `out`; what is appended before the value is complete is its beginning. Line
/// breaks and other controls in strings, which JSON forbids and models write, are escaped.
Reading take_json(CallCursor& at, std::string& out);

/// Takes a value of Python or of a format with quotes of its own, as JSON: 'text', True, None, (1, 2), {key: 3}.
/// `quote` marks strings beside ' and ".
Reading take_literal(CallCursor& at, std::string_view quote, std::string& out);

/// `text` as a JSON string.
std::string quoted_json(std::string_view text);
/// The text of a JSON string; empty for anything else.
std::string unquoted_json(std::string_view json);

}  // namespace hearth::generate
