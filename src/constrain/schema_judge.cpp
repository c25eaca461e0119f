// Judging an instance by a schema, keyword by keyword as the draft has it. Verdicts on containers are kept, so that
// alternatives which look at the same part twice cost once.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "constrain/json_schema.h"
#include "constrain/limits.h"

namespace hearth::constrain {

namespace {

using Kind = JsonValue::Kind;

constexpr std::uint64_t kMostSteps = 20'000'000;
constexpr int kMostDepth = 8'000;  // schemas applied inside each other

std::uint64_t n_characters(std::string_view utf8) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool within(std::uint64_t n, const std::optional<std::uint64_t>& min, const std::optional<std::uint64_t>& max) {
  return (!min || n >= *min) && (!max || n <= *max);
}

class Judge {
 public:
  Judge(const JsonSchema& schema, FormatCheck formats) : schema_(schema), formats_(formats) {}

  bool accepts(SchemaId id, const JsonValue& value) {
    const bool keeps = value.is(Kind::kArray) || value.is(Kind::kObject);
    const auto key = std::make_pair(id, &value);
    if (keeps) {
      if (const auto known = verdicts_.find(key); known != verdicts_.end()) return known->second;
    }
    if (++n_steps_ > kMostSteps || depth_ >= kMostDepth) {
      gave_up = true;
      return false;
    }
    ++depth_;
    const bool verdict = decide(schema_.node(id), value);
    --depth_;
    if (keeps) verdicts_.emplace(key, verdict);
    return verdict;
  }

  bool gave_up = false;

 private:
  bool decide(const SchemaNode& node, const JsonValue& value) {
    if (node.never || !has_type(node.types, value)) return false;
    if (node.constant && !(*node.constant == value)) return false;
    if (node.values && std::ranges::find(*node.values, value) == node.values->end()) return false;
    switch (value.kind) {
      case Kind::kNumber:
        if (!number(node, value.number)) return false;
        break;
      case Kind::kString:
        if (!string(node, value.text)) return false;
        break;
      case Kind::kArray:
        if (!array(node, value)) return false;
        break;
      case Kind::kObject:
        if (!object(node, value)) return false;
        break;
      default: break;
    }
    const auto holds = [&](SchemaId id) { return accepts(id, value); };
    return std::ranges::all_of(node.all_of, holds) &&
           (node.any_of.empty() || std::ranges::any_of(node.any_of, holds)) &&
           (node.one_of.empty() || std::ranges::count_if(node.one_of, holds) == 1);
  }

  static bool has_type(TypeSet types, const JsonValue& value) {
    switch (value.kind) {
      case Kind::kNull: return types & kNullType;
      case Kind::kFalse:
      case Kind::kTrue: return types & kBooleanType;
      case Kind::kNumber: return types & (value.number.is_integer() ? kIntegerType : kNumberType);
      case Kind::kString: return types & kStringType;
      case Kind::kArray: return types & kArrayType;
      case Kind::kObject: return types & kObjectType;
    }
    return false;
  }

  static bool number(const SchemaNode& node, const Decimal& value) {
    return (!node.minimum || value >= *node.minimum) && (!node.maximum || value <= *node.maximum) &&
           (!node.above || value > *node.above) && (!node.below || value < *node.below) &&
           (!node.multiple_of || value.is_multiple_of(*node.multiple_of));
  }

  bool string(const SchemaNode& node, const std::string& text) const {
    if ((node.min_length || node.max_length) && !within(n_characters(text), node.min_length, node.max_length))
      return false;
    if (node.pattern && !node.pattern->matches(text)) return false;
    return !node.format || formats_ == FormatCheck::kAnnotation || node.format->matches(text);
  }

  bool array(const SchemaNode& node, const JsonValue& value) {
    if (!within(value.items.size(), node.min_items, node.max_items)) return false;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (i < node.prefix_items.size()) {
        if (!accepts(node.prefix_items[i], value.items[i])) return false;
      } else if (node.items) {
        if (!accepts(*node.items, value.items[i])) return false;
      }
    }
    return true;
  }

  bool object(const SchemaNode& node, const JsonValue& value) {
    std::set<std::string_view> names;
    for (const auto& [name, member] : value.members) names.insert(name);
    if (!within(names.size(), node.min_properties, node.max_properties)) return false;
    if (!std::ranges::all_of(node.required, [&](const std::string& name) { return names.contains(name); }))
      return false;
    for (const auto& [name, member] : value.members) {
      const auto named = node.property_by_name.find(name);
      if (named != node.property_by_name.end()) {
        if (!accepts(named->second, member)) return false;
      } else if (node.additional && !accepts(*node.additional, member)) {
        return false;
      }
    }
    return true;
  }

  const JsonSchema& schema_;
  FormatCheck formats_;
  std::uint64_t n_steps_ = 0;
  int depth_ = 0;
  struct KeyHash {
    std::size_t operator()(const std::pair<SchemaId, const JsonValue*>& key) const {
      return std::hash<const JsonValue*>{}(key.second) * 31 + key.first;
    }
  };
  std::unordered_map<std::pair<SchemaId, const JsonValue*>, bool, KeyHash> verdicts_;
};

}  // namespace

bool JsonSchema::accepts(SchemaId id, const JsonValue& value, FormatCheck formats) const {
  return Judge(*this, formats).accepts(id, value);
}

Result<bool> JsonSchema::accepts_text(std::string_view text, FormatCheck formats) const {
  const auto value = parse_json(text, kMaxInstanceDepth);
  if (!value && value.error().code == ErrorCode::kUnsupportedFormat)
    return std::unexpected(Error(value.error()).within("judging a text by a JSON Schema"));
  if (!value) return false;
  Judge judge(*this, formats);
  const bool verdict = judge.accepts(root(), *value);
  if (judge.gave_up) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("judging a text by a JSON Schema: it takes more than {} steps or nests schemas more than {} "
                    "deep",
                    kMostSteps, kMostDepth));
  }
  return verdict;
}

}  // namespace hearth::constrain
