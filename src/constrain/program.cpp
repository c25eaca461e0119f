// From expressions to positions: repetitions of what can be empty are made safe here, loops become jumps or counters.
#include "constrain/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "constrain/limits.h"
#include "constrain/program_distance.h"

namespace hearth::constrain {

namespace {

constexpr OpId kReturnOp = 0;
constexpr OpId kUnset = 0xFFFFFFFF;

/// Which expressions match the empty text, and for those that do an expression for everything else they match.
class Nullability {
 public:
  explicit Nullability(Grammar& grammar) : grammar_(grammar), nullable_rule_(grammar.n_rules(), 0) {
    bool changed = true;
    while (changed) {
      changed = false;
      nullable_.clear();
      extend();
      for (RuleId rule = 0; rule < nullable_rule_.size(); ++rule) {
        if (nullable_rule_[rule] || !nullable_[grammar_.rule_expr(rule)]) continue;
        nullable_rule_[rule] = 1;
        changed = true;
      }
    }
  }

  bool nullable(ExprId id) {
    extend();
    return nullable_[id] != 0;
  }

  /// What `id` matches, without the empty text.
  ExprId without_empty(ExprId id) {
    const ExprId result = strip(id);
    while (!pending_.empty()) {
      const auto [rule, body] = pending_.back();
      pending_.pop_back();
      grammar_.define(rule, strip(body));
    }
    return result;
  }

 private:
  /// Children come before their parents, so one pass in order is enough.
  void extend() {
    nullable_rule_.resize(grammar_.n_rules(), 0);  // rules added here never match the empty text
    for (auto id = static_cast<ExprId>(nullable_.size()); id < grammar_.n_exprs(); ++id) {
      const Expr& expr = grammar_.expr(id);
      const auto child = [&](ExprId of) { return nullable_[of] != 0; };
      bool value = false;
      switch (expr.kind) {
        case Expr::Kind::kEmpty: value = true; break;
        case Expr::Kind::kNever:
        case Expr::Kind::kBytes:
        case Expr::Kind::kTokens: break;
        case Expr::Kind::kSeq: value = std::ranges::all_of(expr.children, child); break;
        case Expr::Kind::kAlt: value = std::ranges::any_of(expr.children, child); break;
        case Expr::Kind::kRepeat: value = expr.min == 0 || child(expr.children[0]); break;
        case Expr::Kind::kRule: value = nullable_rule_[expr.index] != 0; break;
      }
      nullable_.push_back(value ? 1 : 0);
    }
  }

  ExprId strip(ExprId id) {
    if (!nullable(id)) return id;
    if (const auto known = stripped_.find(id); known != stripped_.end()) return known->second;
    const Expr expr = grammar_.expr(id);  // a copy: building moves the table
    ExprId result = grammar_.never();
    switch (expr.kind) {
      case Expr::Kind::kSeq: {
        std::vector<ExprId> ways;
        for (std::size_t i = 0; i < expr.children.size(); ++i) {
          std::vector<ExprId> parts(expr.children.begin() + static_cast<std::ptrdiff_t>(i), expr.children.end());
          parts[0] = strip(parts[0]);
          ways.push_back(grammar_.seq(std::move(parts)));
        }
        result = grammar_.alt(std::move(ways));
        break;
      }
      case Expr::Kind::kAlt: {
        std::vector<ExprId> ways;
        for (const ExprId child : expr.children) ways.push_back(strip(child));
        result = grammar_.alt(std::move(ways));
        break;
      }
      case Expr::Kind::kRepeat: {
        const std::uint32_t max = expr.max == Expr::kUnbounded ? expr.max : expr.max - 1;
        const ExprId rest = grammar_.repeat(expr.children[0], expr.min == 0 ? 0 : expr.min - 1, max);
        result = grammar_.seq({strip(expr.children[0]), rest});
        break;
      }
      case Expr::Kind::kRule: {
        const RuleId rule = grammar_.add_rule(grammar_.rule_name(expr.index));
        pending_.emplace_back(rule, grammar_.rule_expr(expr.index));
        result = grammar_.call(rule);
        break;
      }
      default: break;
    }
    stripped_[id] = result;
    return result;
  }

  Grammar& grammar_;
  std::vector<std::uint8_t> nullable_, nullable_rule_;
  std::unordered_map<ExprId, ExprId> stripped_;
  std::vector<std::pair<RuleId, ExprId>> pending_;
};

class Compiler {
 public:
  Compiler(Grammar& grammar, Program& program) : grammar_(grammar), program_(program), nullability_(grammar) {}

  Status run() {
    program_.ops.push_back({.kind = Op::Kind::kReturn});
    program_.start = entry(grammar_.root());
    while (!pending_.empty() && !full()) {
      const RuleId rule = pending_.back();
      pending_.pop_back();
      const OpId body = emit(grammar_.rule_expr(rule), kReturnOp);
      program_.ops[entries_[rule]].a = body;
    }
    if (full()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("compiling the constraint: it needs more than {} states; use fewer alternatives, shorter "
                              "patterns or smaller counts",
                              kMaxOps));
    }
    return grammar_.check();
  }

  [[nodiscard]] std::string rule_at(OpId op) const {
    for (RuleId rule = 0; rule < entries_.size(); ++rule)
      if (entries_[rule] == op || entries_[rule] == program_.ops[op].a) return grammar_.rule_name(rule);
    return {};
  }

 private:
  [[nodiscard]] bool full() const { return program_.ops.size() + program_.alternatives.size() / 4 > kMaxOps; }

  OpId add(Op op) {
    program_.ops.push_back(op);
    return static_cast<OpId>(program_.ops.size() - 1);
  }

  OpId entry(RuleId rule) {
    if (rule >= entries_.size()) entries_.resize(std::max<std::size_t>(grammar_.n_rules(), rule + 1), kUnset);
    if (entries_[rule] == kUnset) {
      entries_[rule] = add({.kind = Op::Kind::kJump});
      pending_.push_back(rule);
    }
    return entries_[rule];
  }

  void set_alternatives(OpId split, const std::vector<OpId>& ways) {
    program_.ops[split].a = static_cast<std::uint32_t>(program_.alternatives.size());
    program_.ops[split].b = static_cast<std::uint32_t>(ways.size());
    program_.alternatives.insert(program_.alternatives.end(), ways.begin(), ways.end());
  }

  OpId split(const std::vector<OpId>& ways) {
    const OpId id = add({.kind = Op::Kind::kSplit});
    set_alternatives(id, ways);
    return id;
  }

  /// The position from which `id` is matched and then `next`.
  OpId emit(ExprId id, OpId next) {
    if (full()) return kReturnOp;
    const Expr expr = grammar_.expr(id);  // a copy: stripping may move the table
    switch (expr.kind) {
      case Expr::Kind::kEmpty: return next;
      case Expr::Kind::kNever: return split({});
      case Expr::Kind::kBytes: return add({.kind = Op::Kind::kBytes, .a = expr.index, .next = next});
      case Expr::Kind::kTokens: return add({.kind = Op::Kind::kTokens, .a = expr.index, .next = next});
      case Expr::Kind::kSeq: {
        for (std::size_t i = expr.children.size(); i-- > 0;) next = emit(expr.children[i], next);
        return next;
      }
      case Expr::Kind::kAlt: {
        std::vector<OpId> ways;
        for (const ExprId child : expr.children) ways.push_back(emit(child, next));
        return split(ways);
      }
      case Expr::Kind::kRule: {
        const OpId target = entry(expr.index);
        if (next == kReturnOp) return add({.kind = Op::Kind::kJump, .a = target});
        return add({.kind = Op::Kind::kCall, .a = target, .next = next});
      }
      case Expr::Kind::kRepeat: return emit_repeat(expr, next);
    }
    return kReturnOp;
  }

  OpId emit_repeat(const Expr& expr, OpId next) {
    ExprId body = expr.children[0];
    std::uint32_t min = expr.min;
    // An iteration that takes nothing changes nothing: iterations that take something, in any number, say the same.
    if (nullability_.nullable(body)) {
      body = nullability_.without_empty(body);
      min = 0;
    }
    if (expr.max == 1) return split({emit(body, next), next});
    if (expr.max == Expr::kUnbounded && min <= 1) {
      const OpId again = add({.kind = Op::Kind::kSplit});
      const OpId first = emit(body, again);
      set_alternatives(again, {first, next});
      return min == 0 ? again : first;
    }
    const OpId first = emit(body, kReturnOp);
    return add({.kind = Op::Kind::kRepeat, .a = first, .next = next, .min = min, .max = expr.max});
  }

  Grammar& grammar_;
  Program& program_;
  Nullability nullability_;
  std::vector<OpId> entries_;
  std::vector<RuleId> pending_;
};

/// Bytes fall into one class when no set in use separates them.
void classify(Program& program) {
  std::vector<std::uint8_t> in_use(program.byte_sets.size(), 0);
  for (const Op& op : program.ops)
    if (op.kind == Op::Kind::kBytes) in_use[op.a] = 1;
  std::size_t n_classes = 1;
  for (std::size_t set = 0; set < in_use.size() && n_classes < 256; ++set) {
    if (!in_use[set]) continue;
    std::vector<int> split_into(n_classes, -1);
    std::vector<int> inside(n_classes, -1);
    std::size_t n_new = 0;
    std::uint8_t next_class[256];
    for (unsigned value = 0; value < 256; ++value) {
      auto& table = program.byte_sets[set].test(value) ? inside : split_into;
      int& slot = table[program.class_of[value]];
      if (slot < 0) slot = static_cast<int>(n_new++);
      next_class[value] = static_cast<std::uint8_t>(slot);
    }
    n_classes = n_new;
    std::copy(std::begin(next_class), std::end(next_class), std::begin(program.class_of));
  }
  program.byte_of_class.assign(n_classes, 0);
  for (unsigned value = 256; value-- > 0;)
    program.byte_of_class[program.class_of[value]] = static_cast<std::uint8_t>(value);
}

}  // namespace

Result<std::shared_ptr<const Program>> compile(const Grammar& source, const ByteSet& usable,
                                               std::vector<TokenSet> token_sets) {
  Grammar grammar = source;  // stripping adds rules
  auto program = std::make_shared<Program>();
  Compiler compiler(grammar, *program);
  HEARTH_CHECK(compiler.run());
  for (const ByteSet& set : grammar.byte_sets()) program->byte_sets.push_back(set & usable);
  program->token_sets = std::move(token_sets);
  compute_distances(*program);
  if (const auto op = find_left_recursion(*program)) {
    const std::string rule = compiler.rule_at(*op);
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("compiling the constraint: {} begins with itself (left recursion); write the repetition "
                            "with *, or put what repeats behind something that takes text",
                            rule.empty() ? "a rule" : fmt::format("the rule \"{}\"", rule)));
  }
  const Distance least = program->distance[program->start];
  if (least.n_bytes == Distance::kNever) {
    return fail(ErrorCode::kInvalidArgument,
                "compiling the constraint: no text can fulfil it; look for requirements that contradict each other, or "
                "a recursion without an end");
  }
  if (least.n_bytes > kMaxCompletion || least.depth > kMaxStackDepth) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("compiling the constraint: its shortest text takes {} bytes and nests {} deep, above {} "
                            "and {}; lower its least counts",
                            least.n_bytes, least.depth, kMaxCompletion, kMaxStackDepth));
  }
  classify(*program);
  return std::shared_ptr<const Program>(std::move(program));
}

}  // namespace hearth::constrain
