// Recursive descent over beginnings: wherever the text ends, the answer is kMore.
#include "generate/tools/call_values.h"

#include <array>
#include <cctype>
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

constexpr int kMostNested = 128;
constexpr std::string_view kSpaces = " \t\r\n";

bool is_space(char c) {
  return kSpaces.find(c) != std::string_view::npos;
}

std::string_view without_outer_space(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' || (c & 0x80) != 0;
}

class JsonTaker {
 public:
  JsonTaker(CallCursor& at, std::string& out) : at_(at), out_(out) {}

  Reading value(int depth) {
    if (depth > kMostNested) return Reading::kNo;
    space();
    if (at_.at_end()) return Reading::kMore;
    switch (at_.peek()) {
      case '{': return members(depth);
      case '[': return items(depth);
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

 private:
  void space() {
    while (!at_.at_end() && is_space(at_.peek())) out_ += at_.text[at_.pos++];
  }
  Reading one(char c) {
    space();
    if (at_.at_end()) return Reading::kMore;
    if (at_.peek() != c) return Reading::kNo;
    out_ += at_.text[at_.pos++];
    return Reading::kYes;
  }
  /// After an item: whether another one follows. The closing bracket is taken.
  Reading more_items(char close, bool& more) {
    more = false;
    const Reading closed = one(close);
    if (closed != Reading::kNo) return closed;
    more = true;
    return one(',');
  }

  Reading items(int depth) {
    out_ += at_.text[at_.pos++];
    if (const Reading empty = one(']'); empty != Reading::kNo) return empty;
    for (bool more = true; more;) {
      if (const Reading item = value(depth + 1); item != Reading::kYes) return item;
      if (const Reading next = more_items(']', more); next != Reading::kYes) return next;
    }
    return Reading::kYes;
  }

  Reading members(int depth) {
    out_ += at_.text[at_.pos++];
    if (const Reading empty = one('}'); empty != Reading::kNo) return empty;
    for (bool more = true; more;) {
      space();
      if (at_.at_end()) return Reading::kMore;
      if (at_.peek() != '"') return Reading::kNo;
      if (const Reading name = string(); name != Reading::kYes) return name;
      if (const Reading colon = one(':'); colon != Reading::kYes) return colon;
      if (const Reading member = value(depth + 1); member != Reading::kYes) return member;
      if (const Reading next = more_items('}', more); next != Reading::kYes) return next;
    }
    return Reading::kYes;
  }

  Reading word(std::string_view wanted) {
    const std::string_view rest = at_.text.substr(at_.pos, wanted.size());
    if (!wanted.starts_with(rest)) return Reading::kNo;
    if (rest.size() < wanted.size()) return Reading::kMore;
    at_.pos += wanted.size();
    out_ += wanted;
    return Reading::kYes;
  }

  /// -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
  Reading number() {
    std::size_t pos = at_.pos;
    const auto at_most_end = [&] { return pos >= at_.text.size(); };
    const auto digits = [&] {
      const std::size_t begin = pos;
      while (!at_most_end() && std::isdigit(static_cast<unsigned char>(at_.text[pos])) != 0) ++pos;
      return pos - begin;
    };
    if (at_.text[pos] == '-') ++pos;
    if (at_most_end()) return Reading::kMore;
    const bool zero = at_.text[pos] == '0';
    const std::size_t n = digits();
    if (n == 0 || (zero && n > 1)) return Reading::kNo;
    if (!at_most_end() && at_.text[pos] == '.') {
      ++pos;
      if (at_most_end()) return Reading::kMore;
      if (digits() == 0) return Reading::kNo;
    }
    if (!at_most_end() && (at_.text[pos] == 'e' || at_.text[pos] == 'E')) {
      ++pos;
      if (!at_most_end() && (at_.text[pos] == '+' || at_.text[pos] == '-')) ++pos;
      if (at_most_end()) return Reading::kMore;
      if (digits() == 0) return Reading::kNo;
    }
    if (at_most_end()) return Reading::kMore;
    out_ += at_.text.substr(at_.pos, pos - at_.pos);
    at_.pos = pos;
    return Reading::kYes;
  }

  Reading string() {
    out_ += at_.text[at_.pos++];
    while (!at_.at_end()) {
      const char c = at_.peek();
      if (c == '\\') {
        if (const Reading escaped = escape(); escaped != Reading::kYes) return escaped;
        continue;
      }
      ++at_.pos;
      if (static_cast<unsigned char>(c) < 0x20) {
        out_ += c == '\n'   ? "\\n"
                : c == '\t' ? "\\t"
                : c == '\r' ? "\\r"
                            : fmt::format("\\u{:04x}", static_cast<int>(c));
        continue;
      }
      out_ += c;
      if (c == '"') return Reading::kYes;
    }
    return Reading::kMore;
  }

  Reading escape() {
    const std::string_view rest = at_.text.substr(at_.pos);
    if (rest.size() < 2) return Reading::kMore;
    if (std::string_view("\"\\/bfnrtu").find(rest[1]) == std::string_view::npos) return Reading::kNo;
    const std::size_t n = rest[1] == 'u' ? 6 : 2;
    for (std::size_t i = 2; i < std::min(n, rest.size()); ++i) {
      if (std::isxdigit(static_cast<unsigned char>(rest[i])) == 0) return Reading::kNo;
    }
    if (rest.size() < n) return Reading::kMore;
    out_ += rest.substr(0, n);
    at_.pos += n;
    return Reading::kYes;
  }

  CallCursor& at_;
  std::string& out_;
};

/// Literals become JSON as a whole: nothing is appended before a string or number is complete.
class LiteralTaker {
 public:
  LiteralTaker(CallCursor& at, std::string_view quote, std::string& out) : at_(at), quote_(quote), out_(out) {}

  Reading value(int depth) {
    if (depth > kMostNested) return Reading::kNo;
    at_.skip_space();
    if (at_.at_end()) return Reading::kMore;
    std::string text;
    const Reading string = any_string(text);
    if (string == Reading::kYes) out_ += quoted_json(text);
    if (string != Reading::kNo) return string;
    switch (at_.peek()) {
      case '{': return members(depth);
      case '[': return items(depth, ']');
      case '(': return items(depth, ')');
      default: return word();
    }
  }

 private:
  Reading any_string(std::string& text) {
    if (!quote_.empty()) {
      const Reading opened = at_.take(quote_);
      if (opened == Reading::kMore) return opened;
      if (opened == Reading::kYes) return quoted_by(quote_, text);
    }
    for (const std::string_view quote : {"'''", "\"\"\"", "'", "\""}) {
      const std::string_view rest = at_.text.substr(at_.pos);
      if (rest.starts_with(quote)) {
        // Two quotes may be an empty string or the beginning of three.
        at_.pos += quote.size();
        return escaped_by(quote, text);
      }
      if (quote.size() == 3 && quote.starts_with(rest)) return Reading::kMore;
    }
    return Reading::kNo;
  }

  Reading quoted_by(std::string_view quote, std::string& text) {
    const std::size_t end = at_.text.find(quote, at_.pos);
    if (end == std::string_view::npos) return Reading::kMore;
    text = at_.text.substr(at_.pos, end - at_.pos);
    at_.pos = end + quote.size();
    return Reading::kYes;
  }

  Reading escaped_by(std::string_view quote, std::string& text) {
    while (!at_.at_end()) {
      const std::string_view rest = at_.text.substr(at_.pos);
      if (rest.starts_with(quote)) {
        at_.pos += quote.size();
        return Reading::kYes;
      }
      if (rest[0] != '\\') {
        text += rest[0];
        ++at_.pos;
        continue;
      }
      if (const Reading taken = escape(rest, text); taken != Reading::kYes) return taken;
    }
    return Reading::kMore;
  }

  /// Python's escapes. An unknown one stays as it stands, as in Python.
  Reading escape(std::string_view rest, std::string& text) {
    if (rest.size() < 2) return Reading::kMore;
    static constexpr std::string_view kNames = "nrtbfav0\\'\"/\n";
    static constexpr std::string_view kMeant("\n\r\t\b\f\a\v\0\\'\"/", 12);
    const char c = rest[1];
    const std::size_t n_hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (n_hex == 0) {
      const std::size_t idx = kNames.find(c);
      if (idx == std::string_view::npos) text += '\\', text += c;
      if (idx < kMeant.size()) text += kMeant[idx];
      at_.pos += 2;
      return Reading::kYes;
    }
    std::uint32_t code = 0;
    for (std::size_t i = 2; i < 2 + n_hex; ++i) {
      if (i >= rest.size()) return Reading::kMore;
      const int digit = std::isdigit(static_cast<unsigned char>(rest[i])) != 0 ? rest[i] - '0'
                        : std::isxdigit(static_cast<unsigned char>(rest[i])) != 0
                            ? std::tolower(static_cast<unsigned char>(rest[i])) - 'a' + 10
                            : -1;
      if (digit < 0) return Reading::kNo;
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    if (code > 0x10FFFF) return Reading::kNo;
    at_.pos += 2 + n_hex;
    return append(code, text);
  }

  /// A pair of surrogates, as JSON spells characters beyond U+FFFF, is one character.
  Reading append(std::uint32_t code, std::string& text) {
    if (code >= 0xDC00 && code < 0xE000) return Reading::kNo;
    if (code < 0xD800 || code >= 0xE000) {
      append_utf8(code, text);
      return Reading::kYes;
    }
    const std::string_view rest = at_.text.substr(at_.pos, 6);
    if (!std::string_view("\\u").starts_with(rest.substr(0, 2))) return Reading::kNo;
    if (rest.size() < 6) return Reading::kMore;
    const nlohmann::json pair = nlohmann::json::parse(fmt::format("\"\\u{:04x}{}\"", code, rest), nullptr, false);
    if (!pair.is_string()) return Reading::kNo;
    text += pair.get<std::string>();
    at_.pos += 6;
    return Reading::kYes;
  }

  static void append_utf8(std::uint32_t code, std::string& text) {
    const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    const auto tail = [&](std::uint32_t shift) { add(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) return add(code);
    if (code < 0x800) {
      add(0xC0 | (code >> 6));
    } else if (code < 0x10000) {
      add(0xE0 | (code >> 12));
      tail(6);
    } else {
      add(0xF0 | (code >> 18));
      tail(12);
      tail(6);
    }
    tail(0);
  }

  Reading items(int depth, char close) {
    ++at_.pos;
    out_ += '[';
    for (bool first = true;; first = false) {
      if (const Reading closed = at_.take({&close, 1}); closed != Reading::kNo) {
        if (closed == Reading::kYes) out_ += ']';
        return closed;
      }
      if (!first) {
        if (const Reading comma = at_.take(","); comma != Reading::kYes) return comma;
        if (const Reading closed = at_.take({&close, 1}); closed != Reading::kNo) {  // a comma before the end
          if (closed == Reading::kYes) out_ += ']';
          return closed;
        }
        out_ += ',';
      }
      if (const Reading item = value(depth + 1); item != Reading::kYes) return item;
    }
  }

  Reading members(int depth) {
    ++at_.pos;
    out_ += '{';
    for (bool first = true;; first = false) {
      if (const Reading closed = at_.take("}"); closed != Reading::kNo) {
        if (closed == Reading::kYes) out_ += '}';
        return closed;
      }
      if (!first) {
        if (const Reading comma = at_.take(","); comma != Reading::kYes) return comma;
        out_ += ',';
      }
      if (const Reading name = key(); name != Reading::kYes) return name;
      if (const Reading colon = at_.take(":"); colon != Reading::kYes) return colon;
      out_ += ':';
      if (const Reading member = value(depth + 1); member != Reading::kYes) return member;
    }
  }

  Reading key() {
    at_.skip_space();
    if (at_.at_end()) return Reading::kMore;
    std::string name;
    if (const Reading string = any_string(name); string != Reading::kNo) {
      if (string == Reading::kYes) out_ += quoted_json(name);
      return string;
    }
    const std::string_view bare = run();
    if (bare.empty()) return at_.at_end() ? Reading::kMore : Reading::kNo;
    if (at_.at_end()) return Reading::kMore;
    out_ += quoted_json(bare);
    return Reading::kYes;
  }

  std::string_view run() {
    const std::size_t begin = at_.pos;
    while (!at_.at_end() && is_word(at_.peek())) ++at_.pos;
    return at_.text.substr(begin, at_.pos - begin);
  }

  /// True, None, 12, -1.5e3.
  Reading word() {
    const std::size_t begin = at_.pos;
    while (!at_.at_end() && (is_word(at_.peek()) || at_.peek() == '+')) ++at_.pos;
    if (at_.at_end()) return Reading::kMore;
    const std::string_view said = at_.text.substr(begin, at_.pos - begin);
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kWords = {{{"True", "true"},
                                                                                             {"true", "true"},
                                                                                             {"False", "false"},
                                                                                             {"false", "false"},
                                                                                             {"None", "null"},
                                                                                             {"null", "null"},
                                                                                             {"none", "null"}}};
    for (const auto& [word, json] : kWords) {
      if (said != word) continue;
      out_ += json;
      return Reading::kYes;
    }
    std::string number(said);
    if (number.starts_with('.')) number.insert(0, "0");
    if (number.ends_with('.')) number += '0';
    const nlohmann::json parsed = nlohmann::json::parse(number, nullptr, false);
    if (!parsed.is_number()) return Reading::kNo;
    out_ += number;
    return Reading::kYes;
  }

  CallCursor& at_;
  std::string_view quote_;
  std::string& out_;
};

}  // namespace

Reading CallCursor::take(std::string_view literal) {
  literal = without_outer_space(literal);
  CallCursor ahead = *this;
  ahead.skip_space();
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (is_space(literal[i])) {
      while (is_space(literal[i])) ++i;
      ahead.skip_space();
    }
    if (ahead.at_end()) return Reading::kMore;
    if (ahead.peek() != literal[i]) return Reading::kNo;
    ++ahead.pos;
  }
  *this = ahead;
  return Reading::kYes;
}

Reading take_json(CallCursor& at, std::string& out) {
  return JsonTaker(at, out).value(0);
}

Reading take_literal(CallCursor& at, std::string_view quote, std::string& out) {
  return LiteralTaker(at, quote, out).value(0);
}

std::string quoted_json(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string unquoted_json(std::string_view json) {
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string();
}

}  // namespace hearth::generate
