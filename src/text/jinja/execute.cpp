// Statements, scopes and macros.
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

class Evaluator::CallDepth {
 public:
  explicit CallDepth(Evaluator& evaluator) : evaluator_(evaluator) {
    if (++evaluator_.call_depth_ > evaluator_.limits_.macro_depth) {
      throw_fuel(fmt::format("macros call each other more than {} deep", evaluator_.limits_.macro_depth));
    }
  }
  ~CallDepth() { --evaluator_.call_depth_; }
  CallDepth(const CallDepth&) = delete;
  CallDepth& operator=(const CallDepth&) = delete;

 private:
  Evaluator& evaluator_;
};

Scope* Evaluator::make_scope(Scope* parent) {
  return arena_.make(Scope{parent, {}, 0});
}

void Evaluator::set(Scope* scope, Symbol symbol, const Value& value) {
  for (Variable& variable : scope->room.first(scope->n)) {
    if (variable.symbol == symbol) {
      variable.value = value;
      return;
    }
  }
  if (scope->n == scope->room.size()) {
    const std::span<Variable> larger = arena_.make_array<Variable>(std::max<std::size_t>(4, 2 * scope->n));
    std::ranges::copy(scope->room, larger.begin());
    scope->room = larger;
  }
  scope->room[scope->n++] = {symbol, value};
}

const Value* Evaluator::find(Symbol symbol) const {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    for (const Variable& variable : scope->room.first(scope->n)) {
      if (variable.symbol == symbol) return &variable.value;
    }
  }
  return nullptr;
}

Evaluator::Flow Evaluator::exec(Body body) {
  for (const Stmt* stmt : body) {
    if (const Flow flow = exec_one(*stmt); flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec_body_in(Body body, Scope* scope) {
  Scope* const before = std::exchange(scope_, scope);
  const Flow flow = exec(body);
  scope_ = before;
  return flow;
}

Evaluator::Flow Evaluator::exec_one(const Stmt& stmt) {
  arena_.spend(1);
  line_ = stmt.line;
  if (stmt.kind == StmtKind::kText) {
    out_->append(*stmt.text);
    return Flow::kNext;
  }
  const Deeper deeper(*this);
  switch (stmt.kind) {
    case StmtKind::kText: break;
    case StmtKind::kPrint: print(eval(*stmt.expr)); break;
    case StmtKind::kIf: return exec_if(stmt);
    case StmtKind::kFor: return exec_for(stmt);
    case StmtKind::kSet: assign(stmt.target, eval(*stmt.expr)); break;
    case StmtKind::kSetBlock: {
      const Value text = Value::of(capture(stmt.body, make_scope(scope_)));
      assign(stmt.target, stmt.expr == nullptr ? text : filter_text(*stmt.expr, text));
      break;
    }
    case StmtKind::kMacro:
      set(scope_, stmt.macro->symbol, Value::of(static_cast<const Macro*>(arena_.make(Macro{stmt.macro, scope_}))));
      break;
    case StmtKind::kCallBlock: exec_call_block(stmt); break;
    case StmtKind::kFilterBlock:
      print(filter_text(*stmt.expr, Value::of(capture(stmt.body, make_scope(scope_)))));
      break;
    case StmtKind::kWith: return exec_with(stmt);
    case StmtKind::kScope: return exec_body_in(stmt.body, make_scope(scope_));
    case StmtKind::kBlock: return exec_body_in(stmt.body, make_scope(root_));
    case StmtKind::kGeneration: return exec_body_in(stmt.body, make_scope(scope_));
    case StmtKind::kBreak: return Flow::kBreak;
    case StmtKind::kContinue: return Flow::kContinue;
  }
  return Flow::kNext;
}

void Evaluator::print(const Value& value) {
  out_->append(*to_str(arena_, value));
}

Evaluator::Flow Evaluator::exec_if(const Stmt& stmt) {
  for (const Branch& branch : stmt.branches) {
    if (is_true(eval(*branch.condition))) return exec(branch.body);
  }
  return exec(stmt.otherwise);
}

Evaluator::Flow Evaluator::exec_with(const Stmt& stmt) {
  Scope* inner = make_scope(scope_);
  std::vector<Value> values;
  for (const Assignment& assignment : stmt.assignments) values.push_back(eval(*assignment.value));
  Scope* const before = std::exchange(scope_, inner);
  for (std::size_t i = 0; i < values.size(); ++i) assign(stmt.assignments[i].target, values[i]);
  const Flow flow = exec(stmt.body);
  scope_ = before;
  return flow;
}

void Evaluator::exec_call_block(const Stmt& stmt) {
  const Value caller = Value::of(static_cast<const Macro*>(arena_.make(Macro{stmt.macro, scope_})));
  const Value callee = eval(*stmt.expr->a);
  Arguments arguments = eval_arguments(*stmt.expr);
  const std::span<Keyword> keywords = arena_.make_array<Keyword>(arguments.keywords.size() + 1);
  std::ranges::copy(arguments.keywords, keywords.begin());
  keywords.back() = {"caller", caller};
  arguments.keywords = keywords;
  print(call(callee, arguments));
}

const Str* Evaluator::capture(Body body, Scope* scope) {
  StrBuilder text(arena_);
  StrBuilder* const before = std::exchange(out_, &text);
  exec_body_in(body, scope);
  out_ = before;
  return text.finish();
}

void Evaluator::assign(const Target& target, const Value& value) {
  if (target.kind == Target::Kind::kTuple) return assign_tuple(target, value);
  if (target.kind == Target::Kind::kName) return set(scope_, target.symbol, value);
  const Value* object = find(target.symbol);
  if (object == nullptr || !object->is(Kind::kNamespace))
    throw_runtime("cannot assign attribute on non-namespace object");
  std::vector<Entry>& entries = *object->name_space->entries;
  const auto known = std::ranges::find_if(entries, [&](const Entry& entry) {
    return entry.key.is(Kind::kStr) && entry.key.str->bytes == target.attribute.str->bytes;
  });
  arena_.spend(1 + entries.size() / 16);
  if (known != entries.end()) {
    known->value = value;
  } else {
    entries.push_back({target.attribute, value});
  }
}

void Evaluator::assign_tuple(const Target& target, const Value& value) {
  const bool can_iterate = value.is(Kind::kStr) || value.is(Kind::kSeq) || value.is(Kind::kDict) || !value.is_defined();
  if (!can_iterate) throw_runtime(fmt::format("cannot unpack non-iterable {} object", type_name(value)));
  const std::span<const Value> values = iterate(value);
  if (values.size() < target.items.size()) {
    throw_runtime(fmt::format("not enough values to unpack (expected {}, got {})", target.items.size(), values.size()));
  }
  if (values.size() > target.items.size()) {
    throw_runtime(fmt::format("too many values to unpack (expected {})", target.items.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) assign(target.items[i], values[i]);
}

Evaluator::Flow Evaluator::exec_for(const Stmt& stmt) {
  return run_loop(stmt, eval(*stmt.expr), scope_, 1);
}

std::span<const Value> Evaluator::select_items(const Stmt& stmt, std::span<const Value> items) {
  std::vector<Value> kept;
  Scope* const before = scope_;
  scope_ = make_scope(before);
  for (const Value& item : items) {
    scope_->n = 0;
    assign(stmt.target, item);
    if (is_true(eval(*stmt.condition))) kept.push_back(item);
  }
  scope_ = before;
  return arena_.keep(kept);
}

Evaluator::Flow Evaluator::run_loop(const Stmt& stmt, const Value& value, Scope* outer, std::int64_t depth) {
  Scope* const before = std::exchange(scope_, outer);
  std::span<const Value> items = iterate(value);
  if (stmt.condition != nullptr) items = select_items(stmt, items);
  Loop* loop = nullptr;
  if (loop_symbol_) loop = arena_.make(Loop{.items = items, .depth = depth, .stmt = &stmt, .outer = outer});
  scope_ = make_scope(outer);
  for (std::size_t i = 0; i < items.size(); ++i) {
    arena_.spend(1);
    scope_->n = 0;
    if (loop != nullptr) {
      loop->idx = i;
      set(scope_, *loop_symbol_, Value::of(loop));
    }
    assign(stmt.target, items[i]);
    if (exec(stmt.body) == Flow::kBreak) break;
  }
  const Flow flow = items.empty() ? exec_body_in(stmt.otherwise, make_scope(outer)) : Flow::kNext;
  scope_ = before;
  return flow;
}

Value Evaluator::call_loop(Loop& loop, const Arguments& arguments) {
  if (!loop.stmt->recursive) {
    throw_runtime("The loop must have the 'recursive' marker to be called recursively.");
  }
  const Bound bound("loop", arguments, {"iterable"});
  const CallDepth call_depth(*this);
  StrBuilder text(arena_);
  StrBuilder* const before = std::exchange(out_, &text);
  run_loop(*loop.stmt, bound.require(0), loop.outer, loop.depth + 1);
  out_ = before;
  return Value::of(text.finish());
}

void Evaluator::bind_parameters(const Macro& macro, const Arguments& arguments, Scope* scope) {
  const MacroNode& node = *macro.node;
  Scope* const before = std::exchange(scope_, scope);
  for (std::size_t i = 0; i < node.parameters.size(); ++i) {
    const Parameter& parameter = node.parameters[i];
    const auto named = std::ranges::find(arguments.keywords, parameter.name, &Keyword::name);
    if (i < arguments.positional.size()) {
      if (named != arguments.keywords.end()) {
        throw_runtime(fmt::format("macro '{}' takes no keyword argument '{}'", node.name, parameter.name));
      }
      set(scope, parameter.symbol, arguments.positional[i]);
    } else if (named != arguments.keywords.end()) {
      set(scope, parameter.symbol, named->value);
    } else if (parameter.fallback != nullptr) {
      set(scope, parameter.symbol, eval(*parameter.fallback));
    } else {
      set(scope, parameter.symbol, undefined_because(fmt::format("parameter '{}' was not provided", parameter.name)));
    }
  }
  scope_ = before;
}

/// What no parameter takes: varargs, kwargs and caller, where the macro's body names them.
void Evaluator::bind_rest(const MacroNode& node, const Arguments& arguments, Scope* scope) {
  const std::size_t n_taken = std::min(node.parameters.size(), arguments.positional.size());
  const std::span<const Value> rest = arguments.positional.subspan(n_taken);
  if (node.uses_varargs) {
    set(scope, *varargs_symbol_, make_seq(arena_, SeqType::kTuple, rest));
  } else if (!rest.empty()) {
    throw_runtime(fmt::format("macro '{}' takes not more than {} argument(s)", node.name, node.parameters.size()));
  }
  DictBuilder others(arena_);
  bool has_caller = false;
  for (const Keyword& keyword : arguments.keywords) {
    if (std::ranges::find(node.parameters, keyword.name, &Parameter::name) != node.parameters.end()) continue;
    if (keyword.name == "caller" && node.uses_caller) {
      set(scope, *caller_symbol_, keyword.value);
      has_caller = true;
    } else if (node.uses_kwargs) {
      others.set(text(keyword.name), keyword.value);
    } else if (keyword.name == "caller") {
      throw_runtime(
          fmt::format("macro '{}' was invoked with two values for the special caller argument. This is most "
                      "likely a bug.",
                      node.name));
    } else {
      throw_runtime(fmt::format("macro '{}' takes no keyword argument '{}'", node.name, keyword.name));
    }
  }
  if (node.uses_kwargs) set(scope, *kwargs_symbol_, Value::of(others.finish()));
  const bool is_parameter =
      std::ranges::find(node.parameters, std::string_view("caller"), &Parameter::name) != node.parameters.end();
  if (node.uses_caller && !has_caller && !is_parameter) {
    set(scope, *caller_symbol_, undefined_because("No caller defined"));
  }
}

Value Evaluator::call_macro(const Macro& macro, const Arguments& arguments) {
  const CallDepth call_depth(*this);
  Scope* scope = make_scope(macro.scope);
  bind_parameters(macro, arguments, scope);
  bind_rest(*macro.node, arguments, scope);
  return Value::of(capture(macro.node->body, scope));
}

}  // namespace hearth::text::jinja
