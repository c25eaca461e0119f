// The parser's view of its tokens, and the escapes of string literals.
#include "text/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/utf8.h"

namespace hearth::text::jinja {

namespace {

constexpr int kMaxDepth = 200;

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd: return "the end of the template";
    case TokenKind::kText: return "text";
    case TokenKind::kPrintEnd:
    case TokenKind::kBlockEnd: return "the end of the tag";
    default: return fmt::format("\"{}\"", token.text.substr(0, 40));
  }
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A number of exactly n hexadecimal digits, or up to n octal ones.
std::uint32_t read_code(std::string_view literal, std::size_t& pos, std::size_t n, int base) {
  std::uint32_t code = 0;
  std::size_t used = 0;
  while (used < n && pos < literal.size()) {
    const int digit = hex_value(literal[pos]);
    if (digit < 0 || digit >= base) break;
    code = code * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
    ++used;
    ++pos;
  }
  if (base == 16 && used != n) throw Fault{Fault::Kind::kSyntax, "a string has an escape with too few digits"};
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
    throw Fault{Fault::Kind::kSyntax, fmt::format("a string has an escape for U+{:X}, which is no character", code)};
  }
  return code;
}

void append_escape(std::string& out, std::string_view literal, std::size_t& pos) {
  static constexpr std::string_view kNames = "abfnrtv\\'\"";
  static constexpr std::string_view kCodes = "\a\b\f\n\r\t\v\\'\"";
  const char c = literal[pos];
  if (const std::size_t i = kNames.find(c); i != std::string_view::npos) {
    out += kCodes[i];
    ++pos;
  } else if (c == '\n') {
    ++pos;  // a line continued
  } else if (c >= '0' && c <= '7') {
    append_utf8(out, read_code(literal, pos, 3, 8));
  } else if (c == 'x' || c == 'u' || c == 'U') {
    ++pos;
    append_utf8(out, read_code(literal, pos, c == 'x' ? 2 : (c == 'u' ? 4 : 8), 16));
  } else {
    out += '\\';  // Python keeps an escape that it does not know
  }
}

}  // namespace

std::string_view unescape(Arena& arena, std::string_view literal) {
  if (literal.find('\\') == std::string_view::npos) return literal;
  std::string out;
  out.reserve(literal.size());
  for (std::size_t pos = 0; pos < literal.size();) {
    if (literal[pos] != '\\' || pos + 1 == literal.size()) {
      out += literal[pos++];
      continue;
    }
    ++pos;
    append_escape(out, literal, pos);
  }
  return arena.keep_bytes(out);
}

Parser::Parser(std::vector<Token> tokens, Arena& arena, Symbols& symbols)
    : tokens_(std::move(tokens)), arena_(arena), symbols_(symbols) {}

Parser::Deeper::Deeper(Parser& parser) : parser_(parser) {
  if (++parser_.depth_ > kMaxDepth) parser_.fail(fmt::format("it is nested deeper than {}", kMaxDepth));
}

bool Parser::skip_operator(std::string_view text) {
  if (!is_operator(text)) return false;
  ++at_;
  return true;
}

bool Parser::skip_word(std::string_view text) {
  if (!is_word(text)) return false;
  ++at_;
  return true;
}

void Parser::expect_operator(std::string_view text) {
  if (!skip_operator(text)) fail_unexpected(fmt::format("\"{}\"", text));
}

void Parser::expect_block_end() {
  if (current().kind != TokenKind::kBlockEnd) fail_unexpected("the end of the tag");
  ++at_;
}

std::string_view Parser::expect_name() {
  if (current().kind != TokenKind::kName) fail_unexpected("a name");
  return tokens_[at_++].text;
}

void Parser::fail(std::string message) const {
  throw Fault{Fault::Kind::kSyntax, std::move(message), current().line};
}

void Parser::fail_unexpected(std::string_view wanted) const {
  fail(fmt::format("expected {}, found {}", wanted, describe(current())));
}

const Expr* Parser::keep_pair(ExprKind kind, std::uint32_t line, const Expr* a, const Expr* b) {
  return keep({.kind = kind, .line = line, .a = a, .b = b});
}

}  // namespace hearth::text::jinja
