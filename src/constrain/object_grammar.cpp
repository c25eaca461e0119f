// A small automaton over (property, how many so far): each step writes the property or passes over it.
#include "constrain/object_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "constrain/char_expr.h"
#include "constrain/limits.h"
#include "constrain/pattern.h"
#include "text/utf8.h"

namespace hearth::constrain {

namespace {

/// Characters that stand in a JSON string as they are, so that different names have different bytes.
const text::CodeSet& unescaped() {
  static const text::CodeSet set({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x7E}, {0x80, text::kLastCode}});
  return set;
}

/// All names but these, of unescaped characters: a tree of the forbidden ones, and freedom once a name has left it.
CharNfa names_other_than(const std::vector<std::string>& names) {
  std::vector<std::map<std::uint32_t, std::uint32_t>> tree(1);
  std::vector<std::uint8_t> forbidden(1, 0);
  for (const std::string& name : names) {
    std::uint32_t at = 0;
    bool can_be_written = true;
    for (std::size_t i = 0; i < name.size() && can_be_written;) {
      const text::Utf8Char character = text::decode_utf8(name, i);
      i += character.n_bytes;
      can_be_written = unescaped().contains(character.code);
      const auto [child, added] = tree[at].emplace(character.code, static_cast<std::uint32_t>(tree.size()));
      at = child->second;
      if (added) {
        tree.emplace_back();
        forbidden.push_back(0);
      }
    }
    if (can_be_written) forbidden[at] = 1;
  }
  CharNfa nfa;
  const auto free = static_cast<std::uint32_t>(tree.size());
  nfa.sets.push_back(unescaped());
  nfa.states.resize(tree.size() + 1);
  nfa.states[free] = {.edges = {{0, free}}, .accepts = true};
  for (std::uint32_t i = 0; i < tree.size(); ++i) {
    CharNfa::State& state = nfa.states[i];
    state.accepts = !forbidden[i];
    std::vector<text::CodeSet::Range> taken;
    for (const auto& [code, child] : tree[i]) {
      taken.push_back({code, code});
      state.edges.push_back({static_cast<std::uint32_t>(nfa.sets.size()), child});
      nfa.sets.push_back(text::CodeSet::single(code).intersected(unescaped()));
    }
    state.edges.push_back({static_cast<std::uint32_t>(nfa.sets.size()), free});
    nfa.sets.push_back(unescaped().intersected(text::CodeSet(std::move(taken)).complement()));
  }
  return nfa;
}

/// Texts whose number of characters leaves `rest` when divided by `n`.
CharNfa length_modulo(std::uint32_t n, std::uint32_t rest) {
  CharNfa nfa;
  nfa.sets = {text::CodeSet({{0, text::kLastCode}})};
  for (std::uint32_t i = 0; i < n; ++i) nfa.states.push_back({.edges = {{0, (i + 1) % n}}, .accepts = i == rest});
  return nfa;
}

class ObjectCompiler {
 public:
  ObjectCompiler(SchemaRules& rules, const SchemaSet& members)
      : rules_(rules),
        grammar_(rules.grammar()),
        members_(members),
        range_(count_range(rules.schema(), members, Counted::kProperties)) {}

  Result<ExprId> run() {
    if (range_.min > range_.max) return grammar_.never();
    HEARTH_CHECK(collect());
    if (plain()) return rules_.json().any_object();
    // Counts beyond this make no difference.
    const std::uint64_t n_most = names_.size() + 1;
    count_limit_ = std::max<std::uint64_t>(1, std::min(n_most, range_.min));
    if (range_.max != CountRange::kUnlimited) count_limit_ = std::max(count_limit_, std::min(n_most, range_.max));
    uncounted_ =
        range_.min <= n_required_ && range_.max >= names_.size() && (!extra_ || range_.max == CountRange::kUnlimited);
    if (uncounted_) count_limit_ = 1;
    if ((names_.size() + 1) * (count_limit_ + 1) > kMaxOps) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("compiling the JSON Schema: an object of {} properties with minProperties or maxProperties "
                      "is too large",
                      names_.size()));
    }
    rules_of_.assign((names_.size() + 1) * (count_limit_ + 1), kNone);
    const RuleId first = rule(0, 0);
    while (!pending_.empty()) {
      const auto [i, count] = pending_.back();
      pending_.pop_back();
      HEARTH_TRY(const ExprId expr, from(i, count));
      grammar_.define(rule(i, count), expr);
    }
    return grammar_.seq({grammar_.byte('{'), rules_.json().space(), grammar_.call(first), grammar_.byte('}')});
  }

 private:
  static constexpr RuleId kNone = 0xFFFFFFFF;

  struct Property {
    std::string name;
    ExprId member = 0;  // "name": value
    bool required = false;
  };

  Status collect() {
    const JsonSchema& schema = rules_.schema();
    std::unordered_set<std::string> required;
    bool described = false, additional_written = false;
    SchemaSet extra;
    for (const SchemaId id : members_) {
      const SchemaNode& node = schema.node(id);
      required.insert(node.required.begin(), node.required.end());
      described |= !node.properties.empty();
      if (node.additional) {
        additional_written = true;
        extra.push_back(*node.additional);
      }
    }
    n_required_ = required.size();
    for (std::string& name : property_names(schema, members_)) {
      HEARTH_TRY(const ExprId value, rules_.value_of(property_schemas(schema, members_, name)));
      Property property{.name = name, .required = required.contains(name)};
      property.member = grammar_.seq({grammar_.literal(json_quoted(name)), rules_.json().colon(), value});
      forbidden_.push_back(std::move(name));
      // One that cannot be written is only left out.
      if (value != grammar_.never() || property.required) names_.push_back(std::move(property));
    }
    HEARTH_TRY(extra_value_, rules_.value_of(std::move(extra)));
    const bool wanted = additional_written || !described || range_.min > names_.size();
    extra_ = wanted && extra_value_ != grammar_.never();
    return {};
  }

  /// Nothing is said about the object.
  [[nodiscard]] bool plain() const {
    return names_.empty() && forbidden_.empty() && range_.min == 0 && range_.max == CountRange::kUnlimited && extra_ &&
           extra_value_ == rules_.json().any_value();
  }

  RuleId rule(std::size_t i, std::uint64_t count) {
    RuleId& id = rules_of_[i * (count_limit_ + 1) + std::min(count, count_limit_)];
    if (id == kNone) {
      id = grammar_.add_rule("properties");
      pending_.emplace_back(i, std::min(count, count_limit_));
    }
    return id;
  }

  ExprId separated(std::uint64_t count, ExprId member) {
    return count == 0 ? member : grammar_.seq({rules_.json().comma(), member});
  }

  /// What follows when `count` properties are written and the next candidate is `i`.
  Result<ExprId> from(std::size_t i, std::uint64_t count) {
    if (i == names_.size()) return extras(count);
    const Property& property = names_[i];
    std::vector<ExprId> ways;
    if (count < range_.max || uncounted_)
      ways.push_back(grammar_.seq({separated(count, property.member), grammar_.call(rule(i + 1, count + 1))}));
    if (!property.required) ways.push_back(grammar_.call(rule(i + 1, count)));
    return grammar_.alt(std::move(ways));
  }

  /// Properties that the schema does not name, then the space before the end.
  Result<ExprId> extras(std::uint64_t count) {
    const ExprId end = count == 0 ? grammar_.empty() : rules_.json().space();
    const std::uint64_t missing = uncounted_ || range_.min <= count ? 0 : range_.min - count;
    if (!extra_) return missing == 0 ? end : grammar_.never();
    const std::uint64_t more =
        range_.max == CountRange::kUnlimited
            ? Expr::kUnbounded
            : std::min<std::uint64_t>(range_.max - std::min(range_.max, count), Expr::kUnbounded - 1);
    if (missing > more) return grammar_.never();
    const ExprId member = grammar_.seq({extra_name(), rules_.json().colon(), extra_value_});
    const ExprId next = grammar_.seq({rules_.json().comma(), member});
    std::vector<ExprId> parts;
    std::uint64_t written = 0;
    // Two extra names might be equal and count once, so the names that are counted on have different lengths.
    for (; missing > 1 && written < missing; ++written) {
      HEARTH_TRY(const CharNfa name,
                 both(names_other_than(forbidden_),
                      length_modulo(static_cast<std::uint32_t>(missing), static_cast<std::uint32_t>(written))));
      const ExprId one = grammar_.seq({grammar_.byte('"'), expression_of(grammar_, name, Spelling::kPlain),
                                       grammar_.byte('"'), rules_.json().colon(), extra_value_});
      parts.push_back(separated(count + written, one));
      HEARTH_CHECK(grammar_.check());
    }
    const auto left = [&](std::uint64_t taken) {
      return more == Expr::kUnbounded ? Expr::kUnbounded : static_cast<std::uint32_t>(more - taken);
    };
    if (count + written > 0) {
      parts.push_back(grammar_.repeat(next, static_cast<std::uint32_t>(missing - written), left(written)));
      parts.push_back(rules_.json().space());
      return grammar_.seq(std::move(parts));
    }
    if (more == 0) return end;
    const ExprId some = grammar_.seq({member, grammar_.repeat(next, 0, left(1)), rules_.json().space()});
    return missing == 0 ? grammar_.optional(some) : some;
  }

  ExprId extra_name() {
    if (forbidden_.empty()) return rules_.json().any_string();
    if (extra_name_ == grammar_.never()) {
      const RuleId rule = grammar_.add_rule("other name");
      const ExprId inside = expression_of(grammar_, names_other_than(forbidden_), Spelling::kPlain);
      grammar_.define(rule, grammar_.seq({grammar_.byte('"'), inside, grammar_.byte('"')}));
      extra_name_ = grammar_.call(rule);
    }
    return extra_name_;
  }

  SchemaRules& rules_;
  Grammar& grammar_;
  const SchemaSet& members_;
  CountRange range_;
  std::vector<Property> names_;
  std::vector<std::string> forbidden_;  // every name that the schema mentions
  std::size_t n_required_ = 0;
  bool extra_ = false;
  ExprId extra_value_ = 0;
  ExprId extra_name_ = 1;
  std::uint64_t count_limit_ = 1;
  bool uncounted_ = false;  // neither minProperties nor maxProperties can matter
  std::vector<RuleId> rules_of_;
  std::vector<std::pair<std::size_t, std::uint64_t>> pending_;
};

}  // namespace

Result<ExprId> object_expression(SchemaRules& rules, const SchemaSet& members) {
  return ObjectCompiler(rules, members).run();
}

}  // namespace hearth::constrain
