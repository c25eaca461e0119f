// The methods that values have: a fixed list per type. A name without a function exists in Python but is refused, as
// Jinja's sandbox refuses what would change a value.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/library.h"

namespace hearth::text::jinja {

struct MethodEntry {
  std::string_view name;
  Value (*call)(Evaluator& evaluator, const Value& self, const Arguments& arguments);
};

/// Each sorted by name.
std::span<const MethodEntry> str_methods();
std::span<const MethodEntry> dict_methods();
std::span<const MethodEntry> list_methods();
std::span<const MethodEntry> tuple_methods();
std::span<const MethodEntry> loop_methods();

/// What strip, lstrip and rstrip take away: white space, or every character of `characters`.
enum class StripSide : std::uint8_t { kBoth, kLeft, kRight };
const Str* strip(Arena& arena, const Str& str, const Str* characters, StripSide side);
/// `str` with up to `count` (negative: all) places of `old_text` replaced.
const Str* replace_text(Arena& arena, const Str& str, const Str& old_text, const Str& new_text, std::int64_t count);

enum class CaseMapping : std::uint8_t { kUpper, kLower, kSwap, kCapitalize, kTitle };
const Str* map_case(Arena& arena, const Str& str, CaseMapping mapping);
/// Filter title: like the method, but only white space and opening brackets begin a word.
const Str* title_words(Arena& arena, const Str& str);

}  // namespace hearth::text::jinja
