// Expanding sets of schemas, and proofs that none can be fulfilled.
#include "constrain/conjunction.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "constrain/limits.h"

namespace hearth::constrain {

namespace {

constexpr std::size_t kMostWays = 1024;
constexpr int kProofDepth = 6;
constexpr std::size_t kMostPairs = 4096;

enum class OneOf : std::uint8_t { kMustExclude, kAsAnyOf };

class Expander {
 public:
  Expander(const JsonSchema& schema, OneOf one_of) : schema_(schema), one_of_(one_of) {}

  Result<std::vector<Conjunction>> run(const SchemaSet& set) {
    std::vector<Partial> work = {{{}, kAllTypes, {}}};
    if (!close(work[0], set)) return std::vector<Conjunction>{};
    std::vector<Conjunction> found;
    while (!work.empty()) {
      Partial at = std::move(work.back());
      work.pop_back();
      if (at.choices.empty()) {
        found.push_back({std::move(at.members), at.types});
      } else {
        HEARTH_CHECK(branch(std::move(at), work));
      }
      if (found.size() + work.size() > kMostWays) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("compiling the JSON Schema: anyOf, oneOf and allOf at {} combine to more than {} ways",
                                place(set.empty() ? 0 : set[0]), kMostWays));
      }
    }
    return found;
  }

 private:
  struct Choice {
    SchemaId id = 0;
    bool one_of = false;
  };
  struct Partial {
    SchemaSet members;
    TypeSet types = kAllTypes;
    std::vector<Choice> choices;
  };

  [[nodiscard]] std::string place(SchemaId id) const {
    const std::string& pointer = schema_.node(id).pointer;
    return pointer.empty() ? "the root" : pointer;
  }

  /// Adds schemas and all that they refer to. False where nothing can fulfil them.
  bool close(Partial& to, const SchemaSet& more) {
    std::vector<SchemaId> open(more.rbegin(), more.rend());
    std::unordered_set<SchemaId> have(to.members.begin(), to.members.end());
    while (!open.empty()) {
      const SchemaId id = open.back();
      open.pop_back();
      if (!have.insert(id).second) continue;
      const SchemaNode& node = schema_.node(id);
      to.members.push_back(id);
      to.types &= node.types;
      if (node.never || to.types == 0) return false;
      open.insert(open.end(), node.all_of.rbegin(), node.all_of.rend());
      if (!node.any_of.empty()) to.choices.push_back({id, false});
      if (!node.one_of.empty()) to.choices.push_back({id, true});
    }
    return true;
  }

  Status branch(Partial at, std::vector<Partial>& work) {
    const Choice choice = at.choices.back();
    at.choices.pop_back();
    const SchemaNode& node = schema_.node(choice.id);
    const auto& branches = choice.one_of ? node.one_of : node.any_of;
    if (choice.one_of && one_of_ == OneOf::kMustExclude) HEARTH_CHECK(check_exclusion(at, choice.id));
    // Backwards, so that the first branch is expanded first.
    for (std::size_t i = branches.size(); i-- > 0;) {
      Partial way = at;
      if (close(way, {branches[i]})) work.push_back(std::move(way));
    }
    return {};
  }

  Status check_exclusion(const Partial& context, SchemaId id) {
    const auto& branches = schema_.node(id).one_of;
    if (branches.size() * branches.size() > kMostPairs) {
      return fail(ErrorCode::kUnsupportedConstraint,
                  fmt::format("compiling the JSON Schema: \"oneOf\" at {}: it has too many branches ({}) to prove that "
                              "they exclude each other; write anyOf",
                              place(id), branches.size()));
    }
    SchemaSet both(context.members);
    std::erase(both, id);  // its other branches are what is being looked at
    for (std::size_t i = 0; i < branches.size(); ++i) {
      for (std::size_t j = i + 1; j < branches.size(); ++j) {
        SchemaSet pair = both;
        pair.push_back(branches[i]);
        pair.push_back(branches[j]);
        if (proven_empty(schema_, plain_only(pair), kProofDepth)) continue;
        return fail(
            ErrorCode::kUnsupportedConstraint,
            fmt::format("compiling the JSON Schema: \"oneOf\" at {}: branches {} and {} are not proven to exclude "
                        "each other; make them differ in type, in a required property or in a value, or write "
                        "anyOf",
                        place(id), i, j));
      }
    }
    return {};
  }

  static SchemaSet plain_only(SchemaSet set) {
    SchemaSet unique;
    for (const SchemaId id : set)
      if (std::ranges::find(unique, id) == unique.end()) unique.push_back(id);
    return unique;
  }

  const JsonSchema& schema_;
  OneOf one_of_;
};

bool conjunction_empty(const JsonSchema& schema, const Conjunction& at, int depth);

bool numbers_empty(const JsonSchema& schema, const Conjunction& at) {
  auto low = lower_bound(schema, at.members), high = upper_bound(schema, at.members);
  if (!low || !high) return false;
  if (low->value > high->value || (low->value == high->value && (low->exclusive || high->exclusive))) return true;
  if (at.types & kNumberType) return false;
  Decimal first = floor_of(low->value);
  if (first != low->value || low->exclusive) first = plus_one(first);
  const Decimal last = floor_of(high->value);
  return first > last || (first == last && high->exclusive && last == high->value);
}

bool strings_empty(const JsonSchema& schema, const Conjunction& at) {
  const CountRange range = count_range(schema, at.members, Counted::kCharacters);
  if (range.min > range.max) return true;
  std::optional<CharNfa> all;
  for (const SchemaId id : at.members) {
    const auto& pattern = schema.node(id).pattern;
    if (!pattern) continue;
    if (!all) {
      all = *pattern;
      continue;
    }
    auto product = both(*all, *pattern);
    if (!product) return false;
    all = std::move(*product);
  }
  return all && all->matches_nothing();
}

bool arrays_empty(const JsonSchema& schema, const Conjunction& at, int depth) {
  const CountRange range = count_range(schema, at.members, Counted::kItems);
  if (range.min > range.max) return true;
  const std::size_t prefix = longest_prefix(schema, at.members);
  for (std::size_t i = 0; i < range.min && i <= prefix; ++i)
    if (proven_empty(schema, item_schemas(schema, at.members, i), depth - 1)) return true;
  return false;
}

bool objects_empty(const JsonSchema& schema, const Conjunction& at, int depth) {
  const CountRange range = count_range(schema, at.members, Counted::kProperties);
  if (range.min > range.max) return true;
  std::unordered_set<std::string> required;
  for (const SchemaId id : at.members)
    required.insert(schema.node(id).required.begin(), schema.node(id).required.end());
  if (required.size() > range.max) return true;
  return std::ranges::any_of(required, [&](const std::string& name) {
    return proven_empty(schema, property_schemas(schema, at.members, name), depth - 1);
  });
}

bool conjunction_empty(const JsonSchema& schema, const Conjunction& at, int depth) {
  // Formats are annotations to the judge, so they exclude nothing here.
  if (const auto values = listed_values(schema, at.members, FormatCheck::kAnnotation)) return values->empty();
  if (at.types & (kNullType | kBooleanType)) return false;
  if ((at.types & (kNumberType | kIntegerType)) && !numbers_empty(schema, at)) return false;
  if ((at.types & kStringType) && !strings_empty(schema, at)) return false;
  if ((at.types & kArrayType) && !arrays_empty(schema, at, depth)) return false;
  return !(at.types & kObjectType) || objects_empty(schema, at, depth);
}

std::string incremented(std::string digits) {
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return "1" + digits;
}

std::string decremented(std::string digits) {  // above zero
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '0') {
      --digits[i];
      return digits;
    }
    digits[i] = '9';
  }
  return digits;
}

std::string whole_digits(const Decimal& integer) {
  return integer.digits() + std::string(static_cast<std::size_t>(integer.exponent()), '0');
}

constexpr std::int64_t kMostExactDigits = 4096;

}  // namespace

Result<std::vector<Conjunction>> expand(const JsonSchema& schema, const SchemaSet& set) {
  return Expander(schema, OneOf::kMustExclude).run(set);
}

bool proven_empty(const JsonSchema& schema, const SchemaSet& set, int depth) {
  if (depth <= 0 || set.empty()) return false;
  const auto ways = Expander(schema, OneOf::kAsAnyOf).run(set);
  return ways &&
         std::ranges::all_of(*ways, [&](const Conjunction& way) { return conjunction_empty(schema, way, depth); });
}

std::optional<Bound> lower_bound(const JsonSchema& schema, const SchemaSet& members) {
  std::optional<Bound> bound;
  const auto add = [&](const std::optional<Decimal>& value, bool exclusive) {
    if (!value) return;
    if (!bound || *value > bound->value || (*value == bound->value && exclusive)) bound = Bound{*value, exclusive};
  };
  for (const SchemaId id : members) {
    add(schema.node(id).minimum, false);
    add(schema.node(id).above, true);
  }
  return bound;
}

std::optional<Bound> upper_bound(const JsonSchema& schema, const SchemaSet& members) {
  std::optional<Bound> bound;
  const auto add = [&](const std::optional<Decimal>& value, bool exclusive) {
    if (!value) return;
    if (!bound || *value < bound->value || (*value == bound->value && exclusive)) bound = Bound{*value, exclusive};
  };
  for (const SchemaId id : members) {
    add(schema.node(id).maximum, false);
    add(schema.node(id).below, true);
  }
  return bound;
}

CountRange count_range(const JsonSchema& schema, const SchemaSet& members, Counted what) {
  CountRange range;
  for (const SchemaId id : members) {
    const SchemaNode& node = schema.node(id);
    const auto& min = what == Counted::kCharacters ? node.min_length
                      : what == Counted::kItems    ? node.min_items
                                                   : node.min_properties;
    const auto& max = what == Counted::kCharacters ? node.max_length
                      : what == Counted::kItems    ? node.max_items
                                                   : node.max_properties;
    if (min) range.min = std::max(range.min, *min);
    if (max) range.max = std::min(range.max, *max);
  }
  return range;
}

SchemaSet item_schemas(const JsonSchema& schema, const SchemaSet& members, std::size_t index) {
  SchemaSet set;
  for (const SchemaId id : members) {
    const SchemaNode& node = schema.node(id);
    if (index < node.prefix_items.size()) {
      set.push_back(node.prefix_items[index]);
    } else if (node.items) {
      set.push_back(*node.items);
    }
  }
  return set;
}

std::size_t longest_prefix(const JsonSchema& schema, const SchemaSet& members) {
  std::size_t longest = 0;
  for (const SchemaId id : members) longest = std::max(longest, schema.node(id).prefix_items.size());
  return longest;
}

SchemaSet property_schemas(const JsonSchema& schema, const SchemaSet& members, const std::string& name) {
  SchemaSet set;
  for (const SchemaId id : members) {
    const SchemaNode& node = schema.node(id);
    if (const auto named = node.property_by_name.find(name); named != node.property_by_name.end()) {
      set.push_back(named->second);
    } else if (node.additional) {
      set.push_back(*node.additional);
    }
  }
  return set;
}

std::vector<std::string> property_names(const JsonSchema& schema, const SchemaSet& members) {
  std::vector<std::string> names;
  std::unordered_set<std::string> have;
  for (const SchemaId id : members)
    for (const auto& [name, child] : schema.node(id).properties)
      if (have.insert(name).second) names.push_back(name);
  for (const SchemaId id : members)
    for (const std::string& name : schema.node(id).required)
      if (have.insert(name).second) names.push_back(name);
  return names;
}

std::optional<std::vector<JsonValue>> listed_values(const JsonSchema& schema, const SchemaSet& members,
                                                    FormatCheck formats) {
  for (const SchemaId id : members) {
    const SchemaNode& node = schema.node(id);
    if (!node.constant && !node.values) continue;
    std::vector<JsonValue> left = node.constant ? std::vector<JsonValue>{*node.constant} : *node.values;
    std::erase_if(left, [&](const JsonValue& value) {
      return !std::ranges::all_of(members, [&](SchemaId other) { return schema.accepts(other, value, formats); });
    });
    return left;
  }
  return std::nullopt;
}

Decimal floor_of(const Decimal& value) {
  if (value.is_integer()) return value;
  const std::int64_t n = std::max<std::int64_t>(value.magnitude(), 0);
  const std::string whole = value.digits().substr(0, static_cast<std::size_t>(n));
  return value.negative() ? Decimal::make(true, incremented(whole.empty() ? "0" : whole), 0)
                          : Decimal::make(false, whole, 0);
}

Decimal plus_one(const Decimal& integer) {
  if (integer.magnitude() > kMostExactDigits) return integer;  // bounds this far out are never reached
  if (integer.is_zero()) return Decimal(1);
  const std::string digits = whole_digits(integer);
  return integer.negative() ? Decimal::make(true, decremented(digits), 0)
                            : Decimal::make(false, incremented(digits), 0);
}

}  // namespace hearth::constrain
