// RFC 8259 as expressions, without what makes generation endless: long runs of digits and of white space.
#include "constrain/json_grammar.h"

#include "constrain/char_expr.h"

namespace hearth::constrain {

namespace {

constexpr std::uint32_t kMostIndent = 32;
constexpr std::uint32_t kMostDigits = 15;  // after the first of an integer part; of a fraction

ByteSet bytes_of(std::string_view text) {
  ByteSet set;
  for (const char c : text) set.set(static_cast<unsigned char>(c));
  return set;
}

}  // namespace

JsonGrammar::JsonGrammar(Grammar& grammar) : grammar_(grammar) {
  Grammar& g = grammar_;
  const auto rule = [&](const char* name) { return g.add_rule(name); };
  const RuleId space = rule("space"), string_rule = rule("string"), number = rule("number"), array = rule("array"),
               object = rule("object"), value = rule("value");
  space_ = g.call(space);
  string_ = g.call(string_rule);
  number_ = g.call(number);
  array_ = g.call(array);
  object_ = g.call(object);
  value_ = g.call(value);
  g.define(space, g.alt({g.empty(), g.byte(' '), g.seq({g.byte('\n'), g.repeat(g.byte(' '), 0, kMostIndent)})}));
  char_ = text_char();
  g.define(string_rule, string(0, Expr::kUnbounded));
  integer_ =
      g.seq({g.optional(g.byte('-')), g.alt({g.byte('0'), g.seq({g.byte_range('1', '9'), digits(0, kMostDigits)})})});
  const ExprId exponent = g.seq({g.bytes(bytes_of("eE")), g.optional(g.bytes(bytes_of("+-"))), digits(1, 2)});
  g.define(number, g.seq({integer_, g.optional(g.seq({g.byte('.'), digits(1, kMostDigits)})), g.optional(exponent)}));
  const ExprId items = g.seq({value_, g.repeat(g.seq({comma(), value_}), 0, Expr::kUnbounded), space_});
  g.define(array, g.seq({g.byte('['), space_, g.optional(items), g.byte(']')}));
  const ExprId member = g.seq({string_, colon(), value_});
  const ExprId members = g.seq({member, g.repeat(g.seq({comma(), member}), 0, Expr::kUnbounded), space_});
  g.define(object, g.seq({g.byte('{'), space_, g.optional(members), g.byte('}')}));
  g.define(value, g.alt({object_, array_, string_, number_, g.literal("true"), g.literal("false"), g.literal("null")}));
}

ExprId JsonGrammar::comma() {
  return grammar_.seq({grammar_.byte(','), space_});
}
ExprId JsonGrammar::colon() {
  return grammar_.seq({grammar_.byte(':'), space_});
}

ExprId JsonGrammar::digits(std::uint32_t min, std::uint32_t max) {
  return grammar_.repeat(grammar_.byte_range('0', '9'), min, max);
}

ExprId JsonGrammar::string(std::uint32_t min, std::uint32_t max) {
  return grammar_.seq({grammar_.byte('"'), grammar_.repeat(char_, min, max), grammar_.byte('"')});
}

/// Any character of a string in any spelling; surrogates only in pairs.
ExprId JsonGrammar::text_char() {
  Grammar& g = grammar_;
  const ExprId hex = g.bytes(bytes_of("0123456789abcdefABCDEF"));
  const ExprId plain =
      one_char(g, text::CodeSet({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, text::kLastCode}}), Spelling::kPlain);
  const ExprId d = g.bytes(bytes_of("dD"));
  const ExprId basic = g.alt({g.seq({g.bytes(bytes_of("0123456789abcefABCEF")), hex, hex, hex}),
                              g.seq({d, g.byte_range('0', '7'), hex, hex})});
  const ExprId pair =
      g.seq({d, g.bytes(bytes_of("89abAB")), hex, hex, g.literal("\\u"), d, g.bytes(bytes_of("cdefCDEF")), hex, hex});
  const ExprId escape = g.alt({g.bytes(bytes_of("\"\\/bfnrt")), g.seq({g.byte('u'), g.alt({basic, pair})})});
  return g.alt({plain, g.seq({g.byte('\\'), escape})});
}

}  // namespace hearth::constrain
