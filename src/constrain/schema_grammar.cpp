// One rule per set of schemas that must hold together; recursion in a schema is recursion in the grammar.
#include "constrain/schema_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "constrain/char_expr.h"
#include "constrain/conjunction.h"
#include "constrain/json_grammar.h"
#include "constrain/limits.h"
#include "constrain/number_grammar.h"
#include "constrain/object_grammar.h"
#include "constrain/pattern.h"

namespace hearth::constrain {

namespace {

class SchemaCompiler final : public SchemaRules {
 public:
  explicit SchemaCompiler(const JsonSchema& schema) : schema_(schema), json_(grammar_) {}

  Result<Grammar> run() {
    HEARTH_TRY(const ExprId root, value_of({schema_.root()}));
    const RuleId rule = grammar_.add_rule("root");
    grammar_.define(rule, root);
    grammar_.set_root(rule);
    while (!pending_.empty()) {
      const auto [id, set] = std::move(pending_.back());
      pending_.pop_back();
      HEARTH_TRY(const ExprId expr, define(set));
      grammar_.define(id, expr);
      HEARTH_CHECK(grammar_.check());
    }
    return std::move(grammar_);
  }

  Result<Grammar> run_bare(std::string_view stop) {
    HEARTH_TRY(const auto conjunctions, expand(schema_, {schema_.root()}));
    std::vector<ExprId> ways;
    for (const Conjunction& one : conjunctions) {
      HEARTH_TRY(const ExprId way, bare_text_of(one, stop));
      ways.push_back(way);
    }
    const RuleId rule = grammar_.add_rule("root");
    grammar_.define(rule, grammar_.alt(std::move(ways)));
    grammar_.set_root(rule);
    HEARTH_CHECK(grammar_.check());
    return std::move(grammar_);
  }

  Grammar& grammar() override { return grammar_; }
  JsonGrammar& json() override { return json_; }
  const JsonSchema& schema() override { return schema_; }

  Result<ExprId> value_of(SchemaSet set) override {
    // Schemas that say nothing change nothing.
    std::erase_if(set, [&](SchemaId id) { return says_nothing(schema_.node(id)); });
    if (set.empty()) return json_.any_value();
    if (std::ranges::any_of(set, [&](SchemaId id) { return schema_.node(id).never; })) return grammar_.never();
    SchemaSet key = set;
    std::ranges::sort(key);
    key.erase(std::ranges::unique(key).begin(), key.end());
    if (const auto known = rules_.find(key); known != rules_.end()) return grammar_.call(known->second);
    if (rules_.size() >= kMaxNamedRules) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("compiling the JSON Schema: it combines to more than {} different subschemas", kMaxNamedRules));
    }
    const std::string& pointer = schema_.node(set[0]).pointer;
    const RuleId rule = grammar_.add_rule(pointer.empty() ? "the root" : pointer);
    rules_.emplace(std::move(key), rule);
    pending_.emplace_back(rule, std::move(set));
    return grammar_.call(rule);
  }

 private:
  static bool says_nothing(const SchemaNode& node) {
    return !node.never && node.types == kAllTypes && !node.values && !node.constant && !node.minimum && !node.maximum &&
           !node.above && !node.below && !node.multiple_of && !node.min_length && !node.max_length && !node.min_items &&
           !node.max_items && !node.min_properties && !node.max_properties && !node.pattern && !node.format &&
           node.prefix_items.empty() && !node.items && !node.additional && node.properties.empty() &&
           node.required.empty() && node.all_of.empty() && node.any_of.empty() && node.one_of.empty();
  }

  Result<ExprId> define(const SchemaSet& set) {
    HEARTH_TRY(const auto conjunctions, expand(schema_, set));
    std::vector<ExprId> ways;
    for (const Conjunction& one : conjunctions) {
      HEARTH_TRY(const ExprId way, conjunction(one));
      ways.push_back(way);
    }
    return grammar_.alt(std::move(ways));
  }

  Result<ExprId> conjunction(const Conjunction& at) {
    if (const auto values = listed_values(schema_, at.members, FormatCheck::kAssertion)) {
      std::vector<ExprId> ways;
      for (const JsonValue& value : *values) ways.push_back(grammar_.literal(json_text(value)));
      return grammar_.alt(std::move(ways));
    }
    std::vector<ExprId> ways;
    if (at.types & kObjectType) {
      HEARTH_TRY(const ExprId object, object_expression(*this, at.members));
      ways.push_back(object);
    }
    if (at.types & kArrayType) {
      HEARTH_TRY(const ExprId array, array_of(at.members));
      ways.push_back(array);
    }
    if (at.types & kStringType) {
      HEARTH_TRY(const ExprId string, string_of(at.members));
      ways.push_back(string);
    }
    if (at.types & (kNumberType | kIntegerType)) {
      HEARTH_TRY(const ExprId number, number_of(at));
      ways.push_back(number);
    }
    if (at.types & kBooleanType) ways.push_back(grammar_.alt({grammar_.literal("true"), grammar_.literal("false")}));
    if (at.types & kNullType) ways.push_back(grammar_.literal("null"));
    return grammar_.alt(std::move(ways));
  }

  Result<ExprId> number_of(const Conjunction& at) {
    NumberRange range{.low = lower_bound(schema_, at.members), .high = upper_bound(schema_, at.members)};
    range.integers_only = (at.types & kNumberType) == 0;
    for (const SchemaId id : at.members) {
      const auto& step = schema_.node(id).multiple_of;
      if (!step) continue;
      range.step = range.step ? common_multiple(*range.step, *step) : step;
      if (!range.step) {
        return fail(
            ErrorCode::kUnsupportedConstraint,
            fmt::format("compiling the JSON Schema: \"multipleOf\" at {}: together with others it takes more than "
                        "18 digits, which is not supported",
                        schema_.node(id).pointer));
      }
    }
    if (!range.low && !range.high && !range.step) return range.integers_only ? json_.any_integer() : json_.any_number();
    return number_expression(grammar_, range);
  }

  static std::uint32_t limit(std::uint64_t n) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, Expr::kUnbounded));
  }

  /// All patterns, formats and lengths of strings; nothing where there are lengths at most.
  Result<std::optional<CharNfa>> patterns_of(const SchemaSet& members, std::optional<CharNfa> all) {
    const auto meet = [&](const CharNfa& more) -> Status {
      if (!all) {
        all = more;
        return {};
      }
      HEARTH_TRY(all, both(*all, more));
      return {};
    };
    for (const SchemaId id : members) {
      const SchemaNode& node = schema_.node(id);
      if (node.pattern) HEARTH_CHECK(meet(*node.pattern));
      if (node.format) HEARTH_CHECK(meet(node.format->generated));
    }
    const CountRange range = count_range(schema_, members, Counted::kCharacters);
    if (all && (range.min > 0 || range.max != CountRange::kUnlimited)) {
      HEARTH_TRY(const CharNfa lengths, any_of_length(limit(range.min), limit(range.max)));
      HEARTH_CHECK(meet(lengths));
    }
    return all;
  }

  Result<ExprId> bare_text_of(const Conjunction& at, std::string_view stop) {
    if (const auto values = listed_values(schema_, at.members, FormatCheck::kAssertion)) {
      std::vector<ExprId> ways;
      for (const JsonValue& value : *values) {
        if (value.is(JsonValue::Kind::kString) && !value.text.contains(stop))
          ways.push_back(grammar_.literal(value.text));
      }
      return grammar_.alt(std::move(ways));
    }
    const CountRange range = count_range(schema_, at.members, Counted::kCharacters);
    if (!(at.types & kStringType) || range.min > range.max) return grammar_.never();
    HEARTH_TRY(const auto all, patterns_of(at.members, any_without(stop)));
    return expression_of(grammar_, *all, Spelling::kPlain);
  }

  Result<ExprId> string_of(const SchemaSet& members) {
    const CountRange range = count_range(schema_, members, Counted::kCharacters);
    if (range.min > range.max) return grammar_.never();
    HEARTH_TRY(const auto all, patterns_of(members, std::nullopt));
    if (!all) {
      if (range.min == 0 && range.max == CountRange::kUnlimited) return json_.any_string();
      return json_.string(limit(range.min), limit(range.max));
    }
    return grammar_.seq({grammar_.byte('"'), expression_of(grammar_, *all, Spelling::kJsonString), grammar_.byte('"')});
  }

  /// "[" first ("," next)* "]": one rule for each place of the prefix, a counter for the rest.
  Result<ExprId> array_of(const SchemaSet& members) {
    const CountRange range = count_range(schema_, members, Counted::kItems);
    if (range.min > range.max) return grammar_.never();
    const std::size_t n_prefix = longest_prefix(schema_, members);
    HEARTH_TRY(const ExprId item, value_of(item_schemas(schema_, members, n_prefix)));
    const auto less = [&](std::uint64_t count, std::uint64_t taken) {
      return count == CountRange::kUnlimited ? Expr::kUnbounded : limit(count > taken ? count - taken : 0);
    };
    // Behind the first place that is not of the prefix.
    const std::uint64_t first_rest = std::max<std::uint64_t>(n_prefix, 1);
    ExprId tail =
        grammar_.repeat(grammar_.seq({json_.comma(), item}), less(range.min, first_rest), less(range.max, first_rest));
    if (n_prefix == 0) {
      tail = range.max == 0 ? grammar_.never() : grammar_.seq({item, tail});
    }
    for (std::size_t i = n_prefix; i-- > 0;) {
      HEARTH_TRY(const ExprId here, value_of(item_schemas(schema_, members, i)));
      const ExprId one = i < range.max ? grammar_.seq({here, tail}) : grammar_.never();
      if (i == 0) {
        tail = one;
        break;
      }
      const RuleId rule = grammar_.add_rule("items");
      grammar_.define(rule, grammar_.alt({i >= range.min ? grammar_.empty() : grammar_.never(),
                                          grammar_.seq({json_.comma(), one})}));
      tail = grammar_.call(rule);
    }
    const ExprId items = grammar_.seq({tail, json_.space()});
    const ExprId inside = range.min == 0 ? grammar_.optional(items) : items;
    return grammar_.seq({grammar_.byte('['), json_.space(), inside, grammar_.byte(']')});
  }

  const JsonSchema& schema_;
  Grammar grammar_;
  JsonGrammar json_;
  std::map<SchemaSet, RuleId> rules_;
  std::vector<std::pair<RuleId, SchemaSet>> pending_;
};

}  // namespace

Result<Grammar> grammar_of_schema(const JsonSchema& schema) {
  return SchemaCompiler(schema).run();
}

Result<Grammar> grammar_of_bare_text(const JsonSchema& schema, std::string_view stop) {
  return SchemaCompiler(schema).run_bare(stop);
}

}  // namespace hearth::constrain
