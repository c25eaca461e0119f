// Filters whose result is text.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/char_class.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/lexer.h"
#include "text/jinja/methods.h"
#include "text/utf8.h"

namespace hearth::text::jinja {

namespace {

const Str& subject_text(Evaluator& evaluator, const Value& subject) {
  return *to_str(evaluator.arena(), subject);
}

template <CaseMapping kMapping>
Value change_case(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("case filter", arguments, {});
  return Value::of(map_case(evaluator.arena(), subject_text(evaluator, subject), kMapping));
}

Value title(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("title", arguments, {});
  return Value::of(title_words(evaluator.arena(), subject_text(evaluator, subject)));
}

Value trim(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("trim", arguments, {"chars"});
  return Value::of(strip(evaluator.arena(), subject_text(evaluator, subject), bound.string(0), StripSide::kBoth));
}

Value string(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("string", arguments, {});
  return Value::of(&subject_text(evaluator, subject));
}

Value safe(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("safe", arguments, {});
  Str marked = subject_text(evaluator, subject);
  marked.markup = true;
  return Value::of(static_cast<const Str*>(evaluator.arena().make(marked)));
}

Value escape(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("escape", arguments, {});
  const Str& text = subject_text(evaluator, subject);
  return text.markup ? Value::of(&text) : Value::of(escape_markup(evaluator.arena(), text));
}

Value force_escape(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("forceescape", arguments, {});
  return Value::of(escape_markup(evaluator.arena(), subject_text(evaluator, subject)));
}

Value replace(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"});
  return Value::of(replace_text(evaluator.arena(), subject_text(evaluator, subject),
                                *to_str(evaluator.arena(), bound.require(0)),
                                *to_str(evaluator.arena(), bound.require(1)), bound.integer(2, -1)));
}

Value center(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("center", arguments, {"width"});
  const Value width = Value::of(bound.integer(0, 80));
  const Value text = Value::of(&subject_text(evaluator, subject));
  const Value method = evaluator.attribute(text, Str{.bytes = "center"});
  return evaluator.call(method, {{&width, 1}, {}});
}

/// width may be a number of spaces or the indentation itself; lines that are empty stay so unless `blank`.
Value indent(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("indent", arguments, {"width", "first", "blank"});
  Arena& arena = evaluator.arena();
  const Value* width = bound.find(0);
  const bool given_text = width != nullptr && width->is(Kind::kStr);
  const std::int64_t n_spaces = given_text ? 0 : std::clamp<std::int64_t>(bound.integer(0, 4), 0, 1 << 20);
  const Str* indention = given_text
                             ? width->str
                             : copy_str(arena, std::string(static_cast<std::size_t>(n_spaces), ' '), Origin::kTemplate);
  const bool first = bound.truth(1, false), blank = bound.truth(2, false);
  const Str& text = subject_text(evaluator, subject);
  StrBuilder out(arena);
  for (std::size_t begin = 0, n = 0; begin <= text.bytes.size(); ++n) {
    const std::size_t end = std::min(text.bytes.find('\n', begin), text.bytes.size());
    const bool is_empty = begin == end;
    if (n == 0 ? first : (blank || !is_empty)) out.append(*indention);
    out.append(text, begin, std::min(end + 1, text.bytes.size()));
    begin = end + 1;
  }
  return Value::of(out.finish());
}

Value truncate(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const std::int64_t length = bound.integer(0, 255), leeway = bound.integer(3, 5);
  Arena& arena = evaluator.arena();
  const Str* end = bound.string(2) != nullptr ? bound.string(2) : view_str(arena, "...", Origin::kTemplate);
  const Str& text = subject_text(evaluator, subject);
  if (text.n_chars() <= length + leeway) return Value::of(&text);
  const std::int64_t room = length - end->n_chars();
  if (room < 0) throw_runtime(fmt::format("expected length >= {}, got {}", end->n_chars(), length));
  std::size_t cut = text.byte_of(static_cast<std::uint32_t>(room));
  if (!bound.truth(1, false)) {
    const std::size_t space = text.bytes.substr(0, cut).rfind(' ');
    if (space != std::string_view::npos) cut = space;
  }
  StrBuilder out(arena);
  out.append(text, 0, cut);
  out.append(*end);
  return Value::of(out.finish());
}

Value word_count(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("wordcount", arguments, {});
  const std::string_view text = subject_text(evaluator, subject).bytes;
  std::int64_t n = 0;
  bool in_word = false;
  for (std::size_t pos = 0; pos < text.size();) {
    const Utf8Char next = decode_utf8(text, pos);
    const bool is_word = next.code == '_' || (char_flags(next.code) & (kLetter | kNumber)) != 0;
    if (is_word && !in_word) ++n;
    in_word = is_word;
    pos += next.n_bytes;
  }
  return Value::of(n);
}

/// Percent-encoding of one text; "/" stays as it is.
Value url_encode(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("urlencode", arguments, {});
  const Str& text = subject_text(evaluator, subject);
  StrBuilder out(evaluator.arena());
  for (std::uint32_t i = 0; i < text.bytes.size(); ++i) {
    const char c = text.bytes[i];
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("_.-~/").find(c) != std::string_view::npos;
    out.append(plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c)), text.origin_at(i));
  }
  return Value::of(out.finish());
}

Value format(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Str& text = subject_text(evaluator, subject);
  if (arguments.keywords.empty()) {
    return format_percent(evaluator, text, make_seq(evaluator.arena(), SeqType::kTuple, arguments.positional));
  }
  if (!arguments.positional.empty()) throw_runtime("can't handle positional and keyword arguments at the same time");
  DictBuilder values(evaluator.arena());
  for (const Keyword& keyword : arguments.keywords) values.set(evaluator.text(keyword.name), keyword.value);
  return format_percent(evaluator, text, Value::of(values.finish()));
}

Value tojson(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style{.ensure_ascii = bound.truth(0, false), .sort_keys = bound.truth(3, false)};
  if (const Value* indent = bound.find(1); indent != nullptr && !indent->is(Kind::kNone)) {
    style.indent =
        indent->is(Kind::kStr)
            ? std::string(indent->str->bytes)
            : std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(bound.integer(1, 0), 0, 1000)), ' ');
    style.item_separator = ",";
  }
  if (const Value* separators = bound.find(2); separators != nullptr && !separators->is(Kind::kNone)) {
    const std::span<const Value> both = evaluator.iterate(*separators);
    if (both.size() != 2 || !both[0].is(Kind::kStr) || !both[1].is(Kind::kStr)) {
      throw_runtime("tojson(): separators must be two texts");
    }
    style.item_separator = both[0].str->bytes;
    style.key_separator = both[1].str->bytes;
  }
  return to_json(evaluator, subject, style);
}

Value pretty(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("pprint", arguments, {});
  StrBuilder out(evaluator.arena());
  append_repr(out, subject);
  out.taint_if_data();
  return Value::of(out.finish());
}

constexpr std::array kTextFilters = {
    FilterEntry{"capitalize", change_case<CaseMapping::kCapitalize>},
    FilterEntry{"center", center},
    FilterEntry{"e", escape},
    FilterEntry{"escape", escape},
    FilterEntry{"forceescape", force_escape},
    FilterEntry{"format", format},
    FilterEntry{"indent", indent},
    FilterEntry{"lower", change_case<CaseMapping::kLower>},
    FilterEntry{"pprint", pretty},
    FilterEntry{"replace", replace},
    FilterEntry{"safe", safe},
    FilterEntry{"string", string},
    FilterEntry{"title", title},
    FilterEntry{"tojson", tojson},
    FilterEntry{"trim", trim},
    FilterEntry{"truncate", truncate},
    FilterEntry{"upper", change_case<CaseMapping::kUpper>},
    FilterEntry{"urlencode", url_encode},
    FilterEntry{"wordcount", word_count},
};
static_assert(std::ranges::is_sorted(kTextFilters, {}, &FilterEntry::name));

}  // namespace

std::span<const FilterEntry> text_filters() {
  return kTextFilters;
}

const Str* escape_markup(Arena& arena, const Str& str) {
  StrBuilder out(arena);
  std::size_t plain = 0;
  for (std::size_t i = 0; i < str.bytes.size(); ++i) {
    std::string_view entity;
    switch (str.bytes[i]) {
      case '&': entity = "&amp;"; break;
      case '<': entity = "&lt;"; break;
      case '>': entity = "&gt;"; break;
      case '\'': entity = "&#39;"; break;
      case '"': entity = "&#34;"; break;
      default: continue;
    }
    out.append(str, plain, i);
    out.append(entity, str.origin_at(static_cast<std::uint32_t>(i)));
    plain = i + 1;
  }
  out.append(str, plain, str.bytes.size());
  out.mark_markup();
  return out.finish();
}

}  // namespace hearth::text::jinja
