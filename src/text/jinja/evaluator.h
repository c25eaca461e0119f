// Walks the tree of a template and makes its text: variables, calls, loops, and the operations that filters build on.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/library.h"
#include "text/jinja/limits.h"
#include "text/jinja/parser.h"

namespace hearth::text::jinja {

struct Variable {
  Symbol symbol = 0;
  Value value;
};

/// Variables of one block, looked up outwards. Lives in the arena, for macros keep the scope they were defined in.
struct Scope {
  Scope* parent = nullptr;
  std::span<Variable> room;
  std::size_t n = 0;  // of room in use
};

struct Macro {
  const MacroNode* node = nullptr;
  Scope* scope = nullptr;
};

/// The variable `loop`.
struct Loop {
  std::span<const Value> items;
  std::size_t idx = 0;
  std::int64_t depth = 1;
  const Stmt* stmt = nullptr;
  Scope* outer = nullptr;  // of the statement, for recursion
  bool has_seen = false;   // by changed()
  Value seen;
};

class Evaluator {
 public:
  Evaluator(const Symbols& symbols, const Limits& limits, std::optional<LocalTime> now);

  /// Sets a variable of the template; names that it does not use are left out.
  void set_variable(std::string_view name, const Value& value);
  /// Whether the template uses the variable.
  [[nodiscard]] bool names(std::string_view variable) const { return symbols_.find(variable) != nullptr; }
  /// The whole template's text.
  const StrBuilder& run(Body body);
  /// Where it was when something failed.
  [[nodiscard]] std::uint32_t line() const { return line_; }

  // What filters, tests and functions use.
  Arena& arena() { return arena_; }
  [[nodiscard]] const std::optional<LocalTime>& now() const { return now_; }
  /// A string of the template's own.
  Value text(std::string_view bytes) { return Value::of(copy_str(arena_, bytes, Origin::kTemplate)); }
  Value undefined(std::string_view object_type, const Value& name);
  Value undefined_because(std::string_view message);
  Value make_namespace(std::span<const Entry> entries);
  Value call(const Value& callee, const Arguments& arguments);
  Value apply_filter(std::string_view name, const Value& subject, const Arguments& arguments);
  bool apply_test(std::string_view name, const Value& subject, const Arguments& arguments);
  /// Everything `value` yields when gone through; a generator is used up. Throws where Python cannot iterate.
  std::span<const Value> iterate(const Value& value);
  /// a.name and a[key]: undefined where there is none.
  Value attribute(const Value& value, const Str& name);
  Value item(const Value& value, const Value& key);
  bool contains(const Value& container, const Value& value);
  Value add(const Value& a, const Value& b);
  /// `a == b`, `a < b`, ...
  bool compare(Comparison comparison, const Value& a, const Value& b);

 private:
  enum class Flow : std::uint8_t { kNext, kBreak, kContinue };

  /// Counts how deep evaluation calls itself.
  class Deeper {
   public:
    explicit Deeper(Evaluator& evaluator);
    ~Deeper() { --evaluator_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Evaluator& evaluator_;
  };
  /// The same for macros and recursive loops, whose limit is one of the caller's.
  class CallDepth;

  // evaluator.cpp
  Value eval(const Expr& expr);
  Value eval_deep(const Expr& expr);
  Value eval_name(const Expr& expr);
  Value eval_items(const Expr& expr, SeqType type);
  Value eval_dict(const Expr& expr);
  Value eval_compare(const Expr& expr);
  Value eval_concat(const Expr& expr);
  Value eval_conditional(const Expr& expr);
  Value eval_slice(const Expr& expr);
  Value eval_filter(const Expr& expr, const Value& subject);
  Value eval_test(const Expr& expr);
  Value eval_call(const Expr& expr);
  Arguments eval_arguments(const Expr& expr);
  /// The filters of a filter block or a set block, innermost first.
  Value filter_text(const Expr& expr, const Value& text);

  // execute.cpp
  Flow exec(Body body);
  Flow exec_one(const Stmt& stmt);
  Flow exec_if(const Stmt& stmt);
  Flow exec_for(const Stmt& stmt);
  Flow exec_body_in(Body body, Scope* scope);
  Flow exec_with(const Stmt& stmt);
  void exec_call_block(const Stmt& stmt);
  /// One loop, over what `items` yields.
  Flow run_loop(const Stmt& stmt, const Value& items, Scope* outer, std::int64_t depth);
  std::span<const Value> select_items(const Stmt& stmt, std::span<const Value> items);
  /// The text of a body.
  const Str* capture(Body body, Scope* scope);
  void print(const Value& value);
  void assign(const Target& target, const Value& value);
  void assign_tuple(const Target& target, const Value& value);
  Value call_macro(const Macro& macro, const Arguments& arguments);
  void bind_parameters(const Macro& macro, const Arguments& arguments, Scope* scope);
  void bind_rest(const MacroNode& node, const Arguments& arguments, Scope* scope);
  Value call_loop(Loop& loop, const Arguments& arguments);
  Scope* make_scope(Scope* parent);
  void set(Scope* scope, Symbol symbol, const Value& value);
  [[nodiscard]] const Value* find(Symbol symbol) const;

  // access.cpp
  Value loop_attribute(Loop& loop, std::string_view name);
  std::optional<Value> find_item(const Value& value, const Value& key);
  std::optional<Value> find_method(const Value& value, std::string_view name);

  const Symbols& symbols_;
  Limits limits_;
  std::optional<LocalTime> now_;
  Arena arena_;
  StrBuilder output_;
  StrBuilder* out_ = &output_;
  std::deque<std::vector<Entry>> namespaces_;
  Scope* root_ = nullptr;
  Scope* scope_ = nullptr;
  std::uint32_t line_ = 0;
  int depth_ = 0;
  std::size_t call_depth_ = 0;
  std::optional<Symbol> loop_symbol_, varargs_symbol_, kwargs_symbol_, caller_symbol_;
};

/// a - b, a * b and the other arithmetic, Python's way.
Value compute(Evaluator& evaluator, ExprKind operation, const Value& a, const Value& b);
Value negate(const Value& value);
/// value[start:stop:step]; parts that are null or None are open.
Value slice_value(Evaluator& evaluator, const Value& value, const Value* start, const Value* stop, const Value* step);
/// 'text %s' % values.
Value format_percent(Evaluator& evaluator, const Str& format, const Value& values);
/// 'text {}'.format(...).
Value format_braces(Evaluator& evaluator, const Str& format, const Arguments& arguments);
/// json.dumps as Hugging Face's tojson calls it.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // one level of it
  std::string item_separator = ", ", key_separator = ": ";
};
Value to_json(Evaluator& evaluator, const Value& value, const JsonStyle& style);
/// The date by strftime's directives, with English names.
std::string format_time(const LocalTime& time, std::string_view format);
/// The same string with &, <, >, ' and " as entities, marked as markup.
const Str* escape_markup(Arena& arena, const Str& str);
/// The first place of `needle` in `text` from `from` on, or npos; linear in both.
std::size_t find_bytes(Arena& arena, std::string_view text, std::string_view needle, std::size_t from = 0);

}  // namespace hearth::text::jinja
