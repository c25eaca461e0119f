// A template as a tree. Everything lies in the template's arena, so nodes are plain structs and are never freed one by
// one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

struct Expr;
struct Stmt;
struct FilterEntry;
struct TestEntry;

/// A variable's name as its number in the template.
using Symbol = std::uint32_t;

enum class ExprKind : std::uint8_t {
  kConst,
  kName,
  kList,
  kTuple,
  kDict,       // items: key, value, key, value, ...
  kAttribute,  // a.name
  kItem,       // a[b]
  kSlice,      // a[b:c:d], parts may be null
  kCall,       // a(items, keywords, *star, **stars)
  kFilter,     // a | name(...); a is null where the filter takes the text of a block
  kTest,       // a is name(...)
  kAnd,
  kOr,
  kNot,
  kNegate,
  kPlus,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kCompare,      // a, then comparisons
  kConcat,       // items joined by ~
  kConditional,  // a if b else c; c may be null
};

enum class Comparison : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct ComparisonTerm {
  Comparison comparison = Comparison::kEqual;
  const Expr* right = nullptr;
};

struct KeywordExpr {
  std::string_view name;
  const Expr* value = nullptr;
};

struct Expr {
  ExprKind kind = ExprKind::kConst;
  std::uint32_t line = 0;
  Symbol symbol = 0;                                                  // kName
  Value value;                                                        // kConst; the name of kAttribute as a string
  std::string_view name;                                              // kName, kFilter, kTest
  const Expr *a = nullptr, *b = nullptr, *c = nullptr, *d = nullptr;  // as the kinds above say
  std::span<const Expr* const> items;
  std::span<const KeywordExpr> keywords;
  const Expr *star = nullptr, *stars = nullptr;
  std::span<const ComparisonTerm> terms;
  const FilterEntry* filter = nullptr;  // null: there is no such filter
  const TestEntry* test = nullptr;
};

/// Where a value is assigned to: a name, an attribute of a namespace, or several of them.
struct Target {
  enum class Kind : std::uint8_t { kName, kAttribute, kTuple } kind = Kind::kName;
  Symbol symbol = 0;
  std::string_view name;  // of the variable
  Value attribute;        // its name as a string
  std::span<const Target> items;
};

using Body = std::span<const Stmt* const>;

struct Parameter {
  std::string_view name;
  Symbol symbol = 0;
  const Expr* fallback = nullptr;
};

struct MacroNode {
  std::string_view name;
  Symbol symbol = 0;
  std::span<const Parameter> parameters;
  Body body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Branch {
  const Expr* condition = nullptr;
  Body body;
};

struct Assignment {
  Target target;
  const Expr* value = nullptr;
};

enum class StmtKind : std::uint8_t {
  kText,
  kPrint,        // expr
  kIf,           // branches, otherwise
  kFor,          // target in expr if condition; body, otherwise
  kSet,          // target = expr
  kSetBlock,     // target = the text of body, through the filter expr if there is one
  kMacro,        // macro
  kCallBlock,    // expr is the call, macro its caller
  kFilterBlock,  // the text of body through the filter expr
  kWith,         // assignments, body
  kScope,        // body with variables of its own: autoescape
  kBlock,        // body that sees the template's variables only
  kGeneration,   // body, marked for training; rendered as it is
  kBreak,
  kContinue,
};

struct Stmt {
  StmtKind kind = StmtKind::kText;
  std::uint32_t line = 0;
  const Str* text = nullptr;
  const Expr* expr = nullptr;
  const Expr* condition = nullptr;
  Target target;
  bool recursive = false;
  std::span<const Branch> branches;
  Body body, otherwise;
  const MacroNode* macro = nullptr;
  std::span<const Assignment> assignments;
};

}  // namespace hearth::text::jinja
