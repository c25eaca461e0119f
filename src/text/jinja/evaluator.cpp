// Expressions: the value of every kind of node.
#include "text/jinja/evaluator.h"

#include <fmt/format.h>

namespace hearth::text::jinja {

namespace {

/// Evaluation takes stack: a few hundred bytes a level.
constexpr int kMaxDepth = 2000;

std::optional<Symbol> find_symbol(const Symbols& symbols, std::string_view name) {
  const Symbol* found = symbols.find(name);
  return found == nullptr ? std::nullopt : std::optional<Symbol>(*found);
}

}  // namespace

Evaluator::Evaluator(const Symbols& symbols, const Limits& limits, std::optional<LocalTime> now)
    : symbols_(symbols),
      limits_(limits),
      now_(now),
      arena_({.n_bytes = limits.memory_bytes, .n_steps = limits.n_steps, .cpu = limits.cpu}),
      output_(arena_, limits.output_bytes),
      loop_symbol_(find_symbol(symbols, "loop")),
      varargs_symbol_(find_symbol(symbols, "varargs")),
      kwargs_symbol_(find_symbol(symbols, "kwargs")),
      caller_symbol_(find_symbol(symbols, "caller")) {
  root_ = scope_ = make_scope(nullptr);
}

Evaluator::Deeper::Deeper(Evaluator& evaluator) : evaluator_(evaluator) {
  if (++evaluator_.depth_ > kMaxDepth) throw_fuel(fmt::format("it nests deeper than {} levels", kMaxDepth));
}

void Evaluator::set_variable(std::string_view name, const Value& value) {
  if (const Symbol* symbol = symbols_.find(name)) set(root_, *symbol, value);
}

const StrBuilder& Evaluator::run(Body body) {
  exec(body);
  return output_;
}

Value Evaluator::undefined(std::string_view object_type, const Value& name) {
  return Value::of(static_cast<const Missing*>(arena_.make(Missing{object_type, name, {}})));
}

Value Evaluator::undefined_because(std::string_view message) {
  return Value::of(static_cast<const Missing*>(arena_.make(Missing{{}, {}, arena_.keep_bytes(message)})));
}

Value Evaluator::make_namespace(std::span<const Entry> entries) {
  namespaces_.emplace_back(entries.begin(), entries.end());
  arena_.allocate(sizeof(std::vector<Entry>) + entries.size_bytes(), 1);  // counted, though it lies elsewhere
  return Value::of(arena_.make(Namespace{&namespaces_.back()}));
}

Value Evaluator::eval(const Expr& expr) {
  arena_.spend(1);
  line_ = expr.line;
  switch (expr.kind) {
    case ExprKind::kConst: return expr.value;
    case ExprKind::kName: return eval_name(expr);
    default: return eval_deep(expr);
  }
}

Value Evaluator::eval_deep(const Expr& expr) {
  const Deeper deeper(*this);
  switch (expr.kind) {
    case ExprKind::kConst: return expr.value;
    case ExprKind::kName: return eval_name(expr);
    case ExprKind::kList: return eval_items(expr, SeqType::kList);
    case ExprKind::kTuple: return eval_items(expr, SeqType::kTuple);
    case ExprKind::kDict: return eval_dict(expr);
    case ExprKind::kAttribute: return attribute(eval(*expr.a), *expr.value.str);
    case ExprKind::kItem: {
      const Value object = eval(*expr.a);
      return item(object, eval(*expr.b));
    }
    case ExprKind::kSlice: return eval_slice(expr);
    case ExprKind::kCall: return eval_call(expr);
    case ExprKind::kFilter: return eval_filter(expr, eval(*expr.a));
    case ExprKind::kTest: return eval_test(expr);
    case ExprKind::kAnd: {
      const Value left = eval(*expr.a);
      return is_true(left) ? eval(*expr.b) : left;
    }
    case ExprKind::kOr: {
      const Value left = eval(*expr.a);
      return is_true(left) ? left : eval(*expr.b);
    }
    case ExprKind::kNot: return Value::of(!is_true(eval(*expr.a)));
    case ExprKind::kNegate: return negate(eval(*expr.a));
    case ExprKind::kPlus: return compute(*this, ExprKind::kMultiply, eval(*expr.a), Value::of(std::int64_t{1}));
    case ExprKind::kCompare: return eval_compare(expr);
    case ExprKind::kConcat: return eval_concat(expr);
    case ExprKind::kConditional: return eval_conditional(expr);
    default: break;
  }
  const Value left = eval(*expr.a);
  const Value right = eval(*expr.b);
  line_ = expr.line;
  return expr.kind == ExprKind::kAdd ? add(left, right) : compute(*this, expr.kind, left, right);
}

Value Evaluator::eval_name(const Expr& expr) {
  if (const Value* found = find(expr.symbol)) return *found;
  if (const Function* function = find_function(expr.name)) return Value::of(function);
  return undefined({}, Value::of(view_str(arena_, expr.name, Origin::kTemplate)));
}

Value Evaluator::eval_items(const Expr& expr, SeqType type) {
  const std::span<Value> items = arena_.make_array<Value>(expr.items.size());
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = eval(*expr.items[i]);
  return make_seq(arena_, type, items);
}

Value Evaluator::eval_dict(const Expr& expr) {
  DictBuilder dict(arena_);
  for (std::size_t i = 0; i < expr.items.size(); i += 2) {
    const Value key = eval(*expr.items[i]);
    dict.set(key, eval(*expr.items[i + 1]));
  }
  return Value::of(dict.finish());
}

Value Evaluator::eval_compare(const Expr& expr) {
  Value left = eval(*expr.a);
  for (const ComparisonTerm& term : expr.terms) {
    const Value right = eval(*term.right);
    line_ = expr.line;
    if (!compare(term.comparison, left, right)) return Value::of(false);
    left = right;
  }
  return Value::of(true);
}

Value Evaluator::eval_concat(const Expr& expr) {
  StrBuilder out(arena_);
  for (const Expr* part : expr.items) out.append(*to_str(arena_, eval(*part)));
  return Value::of(out.finish());
}

Value Evaluator::eval_conditional(const Expr& expr) {
  if (is_true(eval(*expr.b))) return eval(*expr.a);
  if (expr.c != nullptr) return eval(*expr.c);
  return undefined_because(fmt::format(
      "the inline if-expression on line {} evaluated to false and no else section was defined.", expr.line));
}

Value Evaluator::eval_slice(const Expr& expr) {
  const Value object = eval(*expr.a);
  Value parts[3];
  const Value* given[3] = {};
  const Expr* sources[3] = {expr.b, expr.c, expr.d};
  for (std::size_t i = 0; i < 3; ++i) {
    if (sources[i] == nullptr) continue;
    parts[i] = eval(*sources[i]);
    given[i] = &parts[i];
  }
  return slice_value(*this, object, given[0], given[1], given[2]);
}

Value Evaluator::eval_filter(const Expr& expr, const Value& subject) {
  const Arguments arguments = eval_arguments(expr);
  line_ = expr.line;
  if (expr.filter == nullptr) throw_runtime(fmt::format("No filter named '{}'.", expr.name));
  return expr.filter->apply(*this, subject, arguments);
}

Value Evaluator::filter_text(const Expr& expr, const Value& text) {
  return eval_filter(expr, expr.a == nullptr ? text : filter_text(*expr.a, text));
}

Value Evaluator::eval_test(const Expr& expr) {
  const Value subject = eval(*expr.a);
  const Arguments arguments = eval_arguments(expr);
  line_ = expr.line;
  if (expr.test == nullptr) throw_runtime(fmt::format("No test named '{}'.", expr.name));
  return Value::of(expr.test->holds(*this, subject, arguments));
}

Value Evaluator::eval_call(const Expr& expr) {
  const Value callee = eval(*expr.a);
  const Arguments arguments = eval_arguments(expr);
  line_ = expr.line;
  return call(callee, arguments);
}

Arguments Evaluator::eval_arguments(const Expr& expr) {
  std::span<const Value> starred;
  const std::span<Value> fixed = arena_.make_array<Value>(expr.items.size());
  for (std::size_t i = 0; i < fixed.size(); ++i) fixed[i] = eval(*expr.items[i]);
  std::span<const Value> positional = fixed;
  if (expr.star != nullptr) {
    starred = iterate(eval(*expr.star));
    const std::span<Value> all = arena_.make_array<Value>(fixed.size() + starred.size());
    std::ranges::copy(fixed, all.begin());
    std::ranges::copy(starred, all.begin() + static_cast<std::ptrdiff_t>(fixed.size()));
    positional = all;
  }
  std::span<const Entry> spread;
  const std::span<Keyword> named = arena_.make_array<Keyword>(expr.keywords.size());
  for (std::size_t i = 0; i < named.size(); ++i) named[i] = {expr.keywords[i].name, eval(*expr.keywords[i].value)};
  if (expr.stars == nullptr) return {positional, named};
  const Value mapping = eval(*expr.stars);
  if (!mapping.is(Kind::kDict))
    throw_runtime("argument after ** must be a mapping, not " + std::string(type_name(mapping)));
  spread = mapping.dict->entries;
  const std::span<Keyword> all = arena_.make_array<Keyword>(named.size() + spread.size());
  std::ranges::copy(named, all.begin());
  for (std::size_t i = 0; i < spread.size(); ++i) {
    if (!spread[i].key.is(Kind::kStr)) throw_runtime("keywords must be strings");
    all[named.size() + i] = {spread[i].key.str->bytes, spread[i].value};
  }
  return {positional, all};
}

Value Evaluator::call(const Value& callee, const Arguments& arguments) {
  arena_.spend(1);
  switch (callee.kind) {
    case Kind::kFunction: return callee.function->call(*this, arguments);
    case Kind::kMethod: return callee.method->call(*this, callee.method->self, arguments);
    case Kind::kMacro: return call_macro(*callee.macro, arguments);
    case Kind::kLoop: return call_loop(*callee.loop, arguments);
    case Kind::kUndefined: throw_undefined(callee);
    default: throw_runtime(fmt::format("'{}' object is not callable", type_name(callee)));
  }
}

Value Evaluator::apply_filter(std::string_view name, const Value& subject, const Arguments& arguments) {
  const FilterEntry* filter = find_filter(name);
  if (filter == nullptr) throw_runtime(fmt::format("No filter named '{}'.", name));
  arena_.spend(1);
  return filter->apply(*this, subject, arguments);
}

bool Evaluator::apply_test(std::string_view name, const Value& subject, const Arguments& arguments) {
  const TestEntry* test = find_test(name);
  if (test == nullptr) throw_runtime(fmt::format("No test named '{}'.", name));
  arena_.spend(1);
  return test->holds(*this, subject, arguments);
}

}  // namespace hearth::text::jinja
