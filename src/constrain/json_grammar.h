// The parts that grammars of JSON texts share: white space, strings, numbers, any value.
#pragma once

#include "constrain/grammar.h"

namespace hearth::constrain {

/// Makes its rules at once; equal parts are equal expressions.
class JsonGrammar {
 public:
  explicit JsonGrammar(Grammar& grammar);

  /// Between tokens of JSON: nothing, a space, or a new line and up to 32 spaces. Endless space is not generated.
  ExprId space() { return space_; }
  ExprId comma();  // with the space after it
  ExprId colon();
  /// A string of any `min` to `max` characters.
  ExprId string(std::uint32_t min, std::uint32_t max);
  ExprId any_string() { return string_; }
  ExprId any_number() { return number_; }
  ExprId any_integer() { return integer_; }
  ExprId any_array() { return array_; }
  ExprId any_object() { return object_; }
  ExprId any_value() { return value_; }

 private:
  ExprId text_char();
  ExprId digits(std::uint32_t min, std::uint32_t max);

  Grammar& grammar_;
  ExprId space_ = 0, char_ = 0, integer_ = 0;
  ExprId string_ = 0, number_ = 0, array_ = 0, object_ = 0, value_ = 0;  // calls of rules
};

}  // namespace hearth::constrain
