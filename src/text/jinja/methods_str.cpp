// The methods of strings.
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

constexpr std::size_t kNotFound = std::string_view::npos;

Value slice(Evaluator& evaluator, const Str& str, std::size_t begin, std::size_t end) {
  return Value::of(slice_str(evaluator.arena(), str, begin, end));
}

/// How many characters the first `n_bytes` hold.
std::int64_t chars_before(const Str& str, std::size_t n_bytes) {
  return Str{.bytes = str.bytes.substr(0, n_bytes)}.n_chars();
}

template <CaseMapping kMapping>
Value change_case(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("case mapping", arguments, {});
  return Value::of(map_case(evaluator.arena(), *self.str, kMapping));
}

template <StripSide kSide>
Value strip_method(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("strip", arguments, {"chars"});
  return Value::of(strip(evaluator.arena(), *self.str, bound.string(0), kSide));
}

/// startswith and endswith take one text or a tuple of them.
template <bool kAtEnd>
Value has_edge(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound(kAtEnd ? "endswith" : "startswith", arguments, {"prefix", "start", "end"});
  const Value part = slice_value(evaluator, self, bound.find(1), bound.find(2), nullptr);
  const auto matches = [&](const Value& edge) {
    if (!edge.is_defined()) throw_undefined(edge);
    if (!edge.is(Kind::kStr)) {
      throw_runtime(fmt::format("{} first arg must be str or a tuple of str, not {}",
                                kAtEnd ? "endswith" : "startswith", type_name(edge)));
    }
    return kAtEnd ? part.str->bytes.ends_with(edge.str->bytes) : part.str->bytes.starts_with(edge.str->bytes);
  };
  const Value& wanted = bound.require(0);
  if (!wanted.is(Kind::kSeq) || wanted.seq->type != SeqType::kTuple) return Value::of(matches(wanted));
  return Value::of(std::ranges::any_of(wanted.seq->items, matches));
}

/// The last place of `needle`.
std::size_t find_last(Arena& arena, std::string_view text, std::string_view needle) {
  const std::size_t found = text.rfind(needle);
  const std::size_t n_looked_at = text.size() - (found == kNotFound ? 0 : found);
  arena.spend_bytes(n_looked_at * std::max<std::size_t>(1, std::min(needle.size(), n_looked_at)));  // at worst
  return found;
}

template <bool kLast, bool kMustExist>
Value find_method_of_str(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("find", arguments, {"sub", "start", "end"});
  const Value part = slice_value(evaluator, self, bound.find(1), bound.find(2), nullptr);
  const std::string_view needle = bound.require_string(0).bytes;
  const std::size_t found = kLast ? find_last(evaluator.arena(), part.str->bytes, needle)
                                  : find_bytes(evaluator.arena(), part.str->bytes, needle);
  if (found == kNotFound) {
    if (kMustExist) throw_runtime("substring not found");
    return Value::of(std::int64_t{-1});
  }
  const std::int64_t skipped =
      part.str->bytes.data() == nullptr || part.str->bytes.empty()
          ? 0
          : chars_before(*self.str, static_cast<std::size_t>(part.str->bytes.data() - self.str->bytes.data()));
  return Value::of(skipped + chars_before(*part.str, found));
}

Value count_text(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("count", arguments, {"sub", "start", "end"});
  const Value part = slice_value(evaluator, self, bound.find(1), bound.find(2), nullptr);
  const std::string_view needle = bound.require_string(0).bytes;
  if (needle.empty()) return Value::of(static_cast<std::int64_t>(part.str->n_chars()) + 1);
  std::int64_t n = 0;
  for (std::size_t at = find_bytes(evaluator.arena(), part.str->bytes, needle); at != kNotFound;
       at = find_bytes(evaluator.arena(), part.str->bytes, needle, at + needle.size())) {
    ++n;
  }
  return Value::of(n);
}

Value replace(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"});
  return Value::of(replace_text(evaluator.arena(), *self.str, bound.require_string(0), bound.require_string(1),
                                bound.integer(2, -1)));
}

Value join(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("join", arguments, {"iterable"});
  StrBuilder out(evaluator.arena());
  std::size_t n = 0;
  for (const Value& item : evaluator.iterate(bound.require(0))) {
    if (!item.is(Kind::kStr)) {
      throw_runtime(fmt::format("sequence item {}: expected str instance, {} found", n, type_name(item)));
    }
    if (n++ > 0) out.append(*self.str);
    out.append(*item.str);
  }
  return Value::of(out.finish());
}

/// Words between white space, at most `most` cuts.
std::vector<Value> split_at_space(Evaluator& evaluator, const Str& str, std::int64_t most, bool from_right) {
  std::vector<Value> parts;
  std::string_view rest = str.bytes;
  evaluator.arena().spend_bytes(rest.size());
  const auto offset = [&](std::string_view part) { return static_cast<std::size_t>(part.data() - str.bytes.data()); };
  for (std::int64_t n = 0;; ++n) {
    if (from_right) {
      rest.remove_suffix(trailing_space(rest));
    } else {
      rest.remove_prefix(leading_space(rest));
    }
    if (rest.empty()) break;
    if (n == most) {
      parts.push_back(slice(evaluator, str, offset(rest), offset(rest) + rest.size()));
      break;
    }
    std::size_t begin = 0, end = rest.size();
    if (from_right) {
      begin = end;
      while (begin > 0 && trailing_space(rest.substr(0, begin)) == 0) --begin;
    } else {
      end = 0;
      while (end < rest.size() && leading_space(rest.substr(end)) == 0) end += decode_utf8(rest, end).n_bytes;
    }
    parts.push_back(slice(evaluator, str, offset(rest) + begin, offset(rest) + end));
    rest = from_right ? rest.substr(0, begin) : rest.substr(end);
  }
  if (from_right) std::ranges::reverse(parts);
  return parts;
}

template <bool kFromRight>
Value split(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("split", arguments, {"sep", "maxsplit"});
  const Str& str = *self.str;
  Arena& arena = evaluator.arena();
  const Str* separator = bound.string(0);
  const std::int64_t most = bound.integer(1, -1);
  if (separator == nullptr) return make_list(arena, split_at_space(evaluator, str, most, kFromRight));
  const std::string_view mark = separator->bytes;
  if (mark.empty()) throw_runtime("empty separator");
  std::vector<Value> parts;
  std::size_t begin = 0, end = str.bytes.size();
  for (std::int64_t n = 0; n != most; ++n) {
    const std::size_t at =
        kFromRight ? find_last(arena, str.bytes.substr(0, end), mark) : find_bytes(arena, str.bytes, mark, begin);
    if (at == kNotFound) break;
    if (kFromRight) {
      parts.push_back(slice(evaluator, str, at + mark.size(), end));
      end = at;
    } else {
      parts.push_back(slice(evaluator, str, begin, at));
      begin = at + mark.size();
    }
  }
  parts.push_back(slice(evaluator, str, begin, end));
  if (kFromRight) std::ranges::reverse(parts);
  return make_list(arena, parts);
}

template <bool kFromRight>
Value partition(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("partition", arguments, {"sep"});
  const Str& str = *self.str;
  const Str& mark = bound.require_string(0);
  if (mark.bytes.empty()) throw_runtime("empty separator");
  const std::size_t at = kFromRight ? find_last(evaluator.arena(), str.bytes, mark.bytes)
                                    : find_bytes(evaluator.arena(), str.bytes, mark.bytes);
  const std::span<Value> parts = evaluator.arena().make_array<Value>(3);
  const Value empty = evaluator.text({});
  if (at == kNotFound) {
    parts[0] = kFromRight ? empty : self;
    parts[1] = empty;
    parts[2] = kFromRight ? self : empty;
  } else {
    const std::size_t after = at + mark.bytes.size();
    parts[0] = slice(evaluator, str, 0, at);
    parts[1] = slice(evaluator, str, at, after);
    parts[2] = slice(evaluator, str, after, str.bytes.size());
  }
  return make_seq(evaluator.arena(), SeqType::kTuple, parts);
}

Value splitlines(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("splitlines", arguments, {"keepends"});
  const bool keep = bound.truth(0, false);
  const Str& str = *self.str;
  std::vector<Value> lines;
  std::size_t begin = 0;
  evaluator.arena().spend_bytes(str.bytes.size());
  for (std::size_t pos = 0; pos < str.bytes.size();) {
    const Utf8Char next = decode_utf8(str.bytes, pos);
    const std::uint32_t code = next.code;
    const bool ends_line = (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
                           code == 0x2028 || code == 0x2029;
    std::size_t after = pos + next.n_bytes;
    if (ends_line) {
      if (code == '\r' && after < str.bytes.size() && str.bytes[after] == '\n') ++after;
      lines.push_back(slice(evaluator, str, begin, keep ? after : pos));
      begin = after;
    }
    pos = after;
  }
  if (begin < str.bytes.size()) lines.push_back(slice(evaluator, str, begin, str.bytes.size()));
  return make_list(evaluator.arena(), lines);
}

template <bool kSuffix>
Value remove_edge(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound(kSuffix ? "removesuffix" : "removeprefix", arguments, {"edge"});
  const std::string_view edge = bound.require_string(0).bytes, text = self.str->bytes;
  if (!(kSuffix ? text.ends_with(edge) : text.starts_with(edge))) return self;
  return kSuffix ? slice(evaluator, *self.str, 0, text.size() - edge.size())
                 : slice(evaluator, *self.str, edge.size(), text.size());
}

/// Fills up to a width: -1 puts the text left, 0 in the middle, 1 right.
template <int kPlace>
Value justify(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("justify", arguments, {"width", "fillchar"});
  const std::int64_t width = bound.integer(0, 0), size = self.str->n_chars();
  const Str* fill = bound.string(1);
  if (fill != nullptr && fill->n_chars() != 1) throw_runtime("The fill character must be exactly one character long");
  if (width <= size) return self;
  const std::int64_t missing = width - size;
  const std::int64_t middle = missing / 2 + (missing & width & 1);  // as Python rounds it
  const std::int64_t left = kPlace < 0 ? 0 : (kPlace > 0 ? missing : middle);
  const auto pad = [&](StrBuilder& out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) fill != nullptr ? out.append(*fill) : out.append(" ", Origin::kTemplate);
  };
  StrBuilder out(evaluator.arena());
  pad(out, left);
  out.append(*self.str);
  pad(out, missing - left);
  return Value::of(out.finish());
}

Value zfill(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("zfill", arguments, {"width"});
  const std::int64_t width = bound.integer(0, 0), size = self.str->n_chars();
  if (width <= size) return self;
  const bool has_sign = self.str->bytes.starts_with('-') || self.str->bytes.starts_with('+');
  StrBuilder out(evaluator.arena());
  if (has_sign) out.append(*self.str, 0, 1);
  for (std::int64_t i = size; i < width; ++i) out.append("0", Origin::kTemplate);
  out.append(*self.str, has_sign ? 1 : 0, self.str->bytes.size());
  return Value::of(out.finish());
}

enum class CharKind : std::uint8_t { kAlpha, kDigit, kAlnum, kSpace, kAscii };

bool is_of_kind(CharKind kind, std::uint32_t code) {
  const std::string_view category = kCategoryNames.substr(2 * std::size_t{general_category(code)}, 2);
  switch (kind) {
    case CharKind::kAlpha: return category[0] == 'L';
    case CharKind::kDigit: return category == "Nd";
    case CharKind::kAlnum: return category[0] == 'L' || category[0] == 'N';
    case CharKind::kSpace: return is_python_space(code);
    case CharKind::kAscii: return code < 0x80;
  }
  return false;
}

template <CharKind kKind>
Value all_are(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("character test", arguments, {});
  const std::string_view text = self.str->bytes;
  evaluator.arena().spend_bytes(text.size());
  if (text.empty()) return Value::of(kKind == CharKind::kAscii);
  for (std::size_t pos = 0; pos < text.size();) {
    const Utf8Char next = decode_utf8(text, pos);
    if (!is_of_kind(kKind, next.code)) return Value::of(false);
    pos += next.n_bytes;
  }
  return Value::of(true);
}

/// isupper and islower: some letter with case, and none of the other case.
template <bool kUpper>
Value is_case(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("case test", arguments, {});
  bool found = false;
  evaluator.arena().spend_bytes(self.str->bytes.size());
  for (std::size_t pos = 0; pos < self.str->bytes.size();) {
    const Utf8Char next = decode_utf8(self.str->bytes, pos);
    const std::string_view category = kCategoryNames.substr(2 * std::size_t{general_category(next.code)}, 2);
    if (category == "Lt" || category == (kUpper ? "Ll" : "Lu")) return Value::of(false);
    found = found || category == (kUpper ? "Lu" : "Ll");
    pos += next.n_bytes;
  }
  return Value::of(found);
}

Value format(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  return format_braces(evaluator, *self.str, arguments);
}

constexpr std::array kMethods = {
    MethodEntry{"capitalize", change_case<CaseMapping::kCapitalize>},
    MethodEntry{"casefold", change_case<CaseMapping::kLower>},
    MethodEntry{"center", justify<0>},
    MethodEntry{"count", count_text},
    MethodEntry{"encode", nullptr},
    MethodEntry{"endswith", has_edge<true>},
    MethodEntry{"expandtabs", nullptr},
    MethodEntry{"find", find_method_of_str<false, false>},
    MethodEntry{"format", format},
    MethodEntry{"format_map", nullptr},
    MethodEntry{"index", find_method_of_str<false, true>},
    MethodEntry{"isalnum", all_are<CharKind::kAlnum>},
    MethodEntry{"isalpha", all_are<CharKind::kAlpha>},
    MethodEntry{"isascii", all_are<CharKind::kAscii>},
    MethodEntry{"isdecimal", all_are<CharKind::kDigit>},
    MethodEntry{"isdigit", all_are<CharKind::kDigit>},
    MethodEntry{"isidentifier", nullptr},
    MethodEntry{"islower", is_case<false>},
    MethodEntry{"isnumeric", all_are<CharKind::kDigit>},
    MethodEntry{"isprintable", nullptr},
    MethodEntry{"isspace", all_are<CharKind::kSpace>},
    MethodEntry{"istitle", nullptr},
    MethodEntry{"isupper", is_case<true>},
    MethodEntry{"join", join},
    MethodEntry{"ljust", justify<-1>},
    MethodEntry{"lower", change_case<CaseMapping::kLower>},
    MethodEntry{"lstrip", strip_method<StripSide::kLeft>},
    MethodEntry{"maketrans", nullptr},
    MethodEntry{"partition", partition<false>},
    MethodEntry{"removeprefix", remove_edge<false>},
    MethodEntry{"removesuffix", remove_edge<true>},
    MethodEntry{"replace", replace},
    MethodEntry{"rfind", find_method_of_str<true, false>},
    MethodEntry{"rindex", find_method_of_str<true, true>},
    MethodEntry{"rjust", justify<1>},
    MethodEntry{"rpartition", partition<true>},
    MethodEntry{"rsplit", split<true>},
    MethodEntry{"rstrip", strip_method<StripSide::kRight>},
    MethodEntry{"split", split<false>},
    MethodEntry{"splitlines", splitlines},
    MethodEntry{"startswith", has_edge<false>},
    MethodEntry{"strip", strip_method<StripSide::kBoth>},
    MethodEntry{"swapcase", change_case<CaseMapping::kSwap>},
    MethodEntry{"title", change_case<CaseMapping::kTitle>},
    MethodEntry{"translate", nullptr},
    MethodEntry{"upper", change_case<CaseMapping::kUpper>},
    MethodEntry{"zfill", zfill},
};
static_assert(std::ranges::is_sorted(kMethods, {}, &MethodEntry::name));

}  // namespace

std::span<const MethodEntry> str_methods() {
  return kMethods;
}

const Str* strip(Arena& arena, const Str& str, const Str* characters, StripSide side) {
  std::string_view text = str.bytes;
  arena.spend_bytes(text.size());
  if (characters == nullptr) {
    if (side != StripSide::kLeft) text.remove_suffix(trailing_space(text));
    if (side != StripSide::kRight) text.remove_prefix(leading_space(text));
  } else {
    arena.spend_bytes(text.size() * std::min<std::size_t>(characters->bytes.size(), 64));
    const auto is_taken = [&](std::string_view one) { return characters->bytes.find(one) != kNotFound; };
    while (side != StripSide::kRight && !text.empty()) {
      const std::size_t n = decode_utf8(text, 0).n_bytes;
      if (!is_taken(text.substr(0, n))) break;
      text.remove_prefix(n);
    }
    while (side != StripSide::kLeft && !text.empty()) {
      std::size_t begin = text.size() - 1;
      while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
      if (!is_taken(text.substr(begin))) break;
      text.remove_suffix(text.size() - begin);
    }
  }
  const auto begin = static_cast<std::size_t>(text.data() - str.bytes.data());
  return slice_str(arena, str, begin, begin + text.size());
}

const Str* replace_text(Arena& arena, const Str& str, const Str& old_text, const Str& new_text, std::int64_t count) {
  StrBuilder out(arena);
  const std::string_view text = str.bytes, needle = old_text.bytes;
  std::size_t done = 0;
  bool is_changed = false;
  for (std::int64_t n = 0; n != count; ++n) {
    if (needle.empty()) {  // between all characters
      if (n > 0) {
        if (done >= text.size()) break;
        const std::size_t next = done + decode_utf8(text, done).n_bytes;
        out.append(str, done, next);
        done = next;
      }
      out.append(new_text);
      is_changed = true;
      continue;
    }
    const std::size_t at = find_bytes(arena, text, needle, done);
    if (at == kNotFound) break;
    out.append(str, done, at);
    out.append(new_text);
    done = at + needle.size();
    is_changed = true;
  }
  if (!is_changed) return &str;
  out.append(str, done, text.size());
  if (str.markup) out.mark_markup();
  return out.finish();
}

}  // namespace hearth::text::jinja
