// Finds tags, applies the white-space rules around them, and cuts their inside into tokens.
#include "text/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/char_class.h"
#include "text/jinja/fault.h"
#include "text/utf8.h"

namespace hearth::text::jinja {

namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) read_text_and_tag();
    add(TokenKind::kEnd, {});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string message) const { throw Fault{Fault::Kind::kSyntax, std::move(message), line_}; }
  void add(TokenKind kind, std::string_view text) { tokens_.push_back({kind, text, line_}); }
  void advance(std::size_t to) {
    line_ += static_cast<std::uint32_t>(std::ranges::count(source_.substr(at_, to - at_), '\n'));
    at_ = to;
  }
  [[nodiscard]] char peek(std::size_t offset) const {
    return at_ + offset < source_.size() ? source_[at_ + offset] : '\0';
  }
  [[nodiscard]] bool starts(std::string_view what) const { return source_.substr(at_).starts_with(what); }

  /// Where the next tag begins.
  [[nodiscard]] std::size_t find_tag(std::size_t from) const {
    for (std::size_t pos = source_.find('{', from); pos != kNowhere; pos = source_.find('{', pos + 1)) {
      const char next = pos + 1 < source_.size() ? source_[pos + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return pos;
    }
    return source_.size();
  }

  /// Text up to a tag without the white space that the tag swallows. `sign` is the character after the tag's opening.
  void add_text(std::size_t end, char sign, bool is_print) {
    std::string_view text = source_.substr(at_, end - at_);
    if (sign == '-') {
      text.remove_suffix(trailing_space(text));
    } else if (sign != '+' && !is_print) {
      const std::size_t line_begin = text.rfind('\n') + 1;  // 0 where there is none
      const bool on_own_line = line_begin > 0 || at_ == 0 || source_[at_ - 1] == '\n';
      if (on_own_line && trailing_space(text.substr(line_begin)) == text.size() - line_begin) {
        text = text.substr(0, line_begin);
      }
    }
    if (!text.empty()) add(TokenKind::kText, text);
    advance(end);
  }

  void read_text_and_tag() {
    const std::size_t tag = find_tag(at_);
    if (tag == source_.size()) {
      add(TokenKind::kText, source_.substr(at_));
      advance(tag);
      return;
    }
    const char opening = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    add_text(tag, sign, opening == '{');
    if (opening == '#') return skip_comment(at_ + (sign == '-' || sign == '+' ? 3 : 2));
    if (opening == '%' && read_raw()) return;
    const bool is_print = opening == '{';
    add(is_print ? TokenKind::kPrintBegin : TokenKind::kBlockBegin, source_.substr(at_, 2));
    advance(at_ + (sign == '-' || sign == '+' ? 3 : 2));
    read_inside(is_print);
  }

  /// After a tag's end: what its sign or trim_blocks swallows.
  void close(std::size_t end, char sign, bool trims_line) {
    advance(end);
    if (sign == '-') {
      advance(at_ + leading_space(source_.substr(at_)));
    } else if (sign != '+' && trims_line && peek(0) == '\n') {
      advance(at_ + 1);
    }
  }

  void skip_comment(std::size_t begin) {
    const std::size_t end = source_.find("#}", begin);
    if (end == kNowhere) fail("a comment is not closed: \"#}\" is missing");
    close(end + 2, end > begin ? source_[end - 1] : '\0', true);
  }

  /// The length of `{% word %}` at `pos`, or 0. The signs at both ends are given back.
  [[nodiscard]] std::size_t match_word_tag(std::size_t pos, std::string_view word, char& left, char& right) const {
    const std::string_view rest = source_.substr(pos);
    std::size_t i = 2;
    left = right = '\0';
    if (!rest.starts_with("{%")) return 0;
    if (i < rest.size() && (rest[i] == '-' || rest[i] == '+')) left = rest[i++];
    i += leading_space(rest.substr(i));
    if (!rest.substr(i).starts_with(word)) return 0;
    i += word.size();
    i += leading_space(rest.substr(i));
    if (i < rest.size() && (rest[i] == '-' || rest[i] == '+')) right = rest[i++];
    return rest.substr(i).starts_with("%}") ? i + 2 : 0;
  }

  bool read_raw() {
    char left = '\0', right = '\0';
    const std::size_t size = match_word_tag(at_, "raw", left, right);
    if (size == 0 || right == '+') return false;
    close(at_ + size, right, false);
    for (std::size_t pos = source_.find("{%", at_); pos != kNowhere; pos = source_.find("{%", pos + 1)) {
      const std::size_t end_size = match_word_tag(pos, "endraw", left, right);
      if (end_size == 0) continue;
      add_text(pos, left, false);
      close(pos + end_size, right, true);
      return true;
    }
    fail("a raw block is not closed: \"{% endraw %}\" is missing");
  }

  void read_inside(bool is_print) {
    std::string brackets;  // the closing ones that are awaited
    for (;;) {
      advance(at_ + leading_space(source_.substr(at_)));
      if (at_ >= source_.size()) fail(is_print ? "\"}}\" is missing" : "\"%}\" is missing");
      if (brackets.empty() && read_end(is_print)) return;
      const char c = peek(0);
      if (is_digit(c)) {
        read_number();
      } else if (c == '\'' || c == '"') {
        read_string(c);
      } else if (!read_name()) {
        read_operator(brackets);
      }
    }
  }

  bool read_end(bool is_print) {
    const std::string_view closing = is_print ? "}}" : "%}";
    char sign = '\0';
    if (peek(0) == '-' || (peek(0) == '+' && !is_print)) sign = peek(0);
    const std::size_t skip = sign == '\0' ? 0 : 1;
    if (source_.substr(at_ + skip, 2) != closing) return false;
    add(is_print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd, closing);
    close(at_ + skip + 2, sign, !is_print);
    return true;
  }

  bool read_name() {
    std::size_t end = at_;
    while (end < source_.size()) {
      const Utf8Char next = decode_utf8(source_, end);
      if (next.code != '_' && (char_flags(next.code) & (kLetter | kMark | kNumber)) == 0) break;
      end += next.n_bytes;
    }
    if (end == at_) return false;
    add(TokenKind::kName, source_.substr(at_, end - at_));
    advance(end);
    return true;
  }

  /// Digits with single underscores between them.
  [[nodiscard]] std::size_t digits_end(std::size_t pos) const {
    while (pos < source_.size() &&
           (is_digit(source_[pos]) || (source_[pos] == '_' && pos + 1 < source_.size() && is_digit(source_[pos + 1]))))
      ++pos;
    return pos;
  }

  void read_number() {
    const char base = static_cast<char>(peek(1) | 0x20);
    if (peek(0) == '0' && (base == 'x' || base == 'o' || base == 'b')) {
      std::size_t end = at_ + 2;
      while (end < source_.size() && (std::isxdigit(static_cast<unsigned char>(source_[end])) || source_[end] == '_'))
        ++end;
      add(TokenKind::kInteger, source_.substr(at_, end - at_));
      return advance(end);
    }
    std::size_t end = digits_end(at_);
    bool is_float = false;
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';  // a.1.5 is two subscripts
    if (!after_dot) {
      if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
        end = digits_end(end + 1);
        is_float = true;
      }
      if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
        std::size_t exponent = end + 1;
        if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
        if (exponent < source_.size() && is_digit(source_[exponent])) {
          end = digits_end(exponent);
          is_float = true;
        }
      }
    }
    add(is_float ? TokenKind::kFloat : TokenKind::kInteger, source_.substr(at_, end - at_));
    advance(end);
  }

  void read_string(char quote) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("a string is not closed");
    add(TokenKind::kString, source_.substr(at_ + 1, end - at_ - 1));
    advance(end + 1);
  }

  void read_operator(std::string& brackets) {
    for (const std::string_view two : {"//", "**", "==", "!=", ">=", "<="}) {
      if (!starts(two)) continue;
      add(TokenKind::kOperator, source_.substr(at_, 2));
      return advance(at_ + 2);
    }
    const char c = peek(0);
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == kNowhere) {
      fail(fmt::format("unexpected character \"{}\"", source_.substr(at_, decode_utf8(source_, at_).n_bytes)));
    }
    if (c == '(' || c == '[' || c == '{') brackets += c == '(' ? ')' : (c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty() || brackets.back() != c) fail(fmt::format("unexpected \"{}\"", c));
      brackets.pop_back();
    }
    add(TokenKind::kOperator, source_.substr(at_, 1));
    advance(at_ + 1);
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

bool is_python_space(std::uint32_t code) {
  return is_white_space(code) || (code >= 0x1C && code <= 0x1F);
}

std::size_t leading_space(std::string_view text) {
  std::size_t pos = 0;
  while (pos < text.size()) {
    const Utf8Char next = decode_utf8(text, pos);
    if (!is_python_space(next.code)) break;
    pos += next.n_bytes;
  }
  return pos;
}

std::size_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!is_python_space(decode_utf8(text, begin).code)) break;
    end = begin;
  }
  return text.size() - end;
}

std::string normalize_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::vector<Token> read_tokens(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace hearth::text::jinja
