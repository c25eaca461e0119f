// Walks the JSON once; strings stay where they are and are only pointed at.
#include "text/jinja/from_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace hearth::text::jinja {

namespace {

using Json = nlohmann::ordered_json;

/// Templates build special tokens out of roles ('<|' + role + '|>'), so these words count as the template's own. No
/// special token is made of such a word unless the template writes the rest of it.
constexpr std::array<std::string_view, 12> kRoles = {"assistant", "critic",  "developer",     "documents",
                                                     "function",  "ipython", "model",         "observation",
                                                     "system",    "tool",    "tool_response", "user"};

class Converter {
 public:
  Converter(Arena& arena, std::string_view media_marker) : arena_(arena), media_marker_(media_marker) {}

  Value convert(const Json& json, int depth) {
    if (depth > kMaxValueDepth) throw_fuel(fmt::format("the values are nested deeper than {}", kMaxValueDepth));
    arena_.spend(1);
    switch (json.type()) {
      case Json::value_t::boolean: return Value::of(json.get<bool>());
      case Json::value_t::number_integer: return Value::of(json.get<std::int64_t>());
      case Json::value_t::number_unsigned: return unsigned_number(json.get<std::uint64_t>());
      case Json::value_t::number_float: return Value::of(json.get<double>());
      case Json::value_t::string: return Value::of(string(json.get_ref<const std::string&>()));
      case Json::value_t::array: return list(json, depth);
      case Json::value_t::object: return dict(json, depth);
      default: return Value::none();
    }
  }

  /// A list of messages: their roles are words of the template.
  Value messages(const Json& json) {
    const std::span<Value> items = arena_.make_array<Value>(json.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      items[i] = json[i].is_object() ? message(json[i]) : convert(json[i], 1);
    }
    return make_seq(arena_, SeqType::kList, items);
  }

 private:
  Value unsigned_number(std::uint64_t number) {
    if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return Value::of(static_cast<std::int64_t>(number));
    }
    return Value::huge(copy_str(arena_, fmt::format("{}", number), Origin::kTemplate));
  }

  const Str* string(std::string_view text) {
    constexpr std::size_t kLongest = std::size_t{1} << 30;
    if (text.size() > kLongest) throw_fuel(fmt::format("a text of {} bytes is too long", text.size()));
    arena_.spend_bytes(text.size());
    if (media_marker_.empty() || text.find(media_marker_) == std::string_view::npos) {
      return view_str(arena_, text, Origin::kData);
    }
    StrBuilder marked(arena_);
    while (!text.empty()) {
      const std::size_t at = std::min(text.find(media_marker_), text.size());
      marked.append(text.substr(0, at), Origin::kData);
      text.remove_prefix(at);
      if (text.empty()) break;
      marked.append(media_marker_, Origin::kMedia);
      text.remove_prefix(media_marker_.size());
    }
    return marked.finish();
  }

  Value list(const Json& json, int depth) {
    const std::span<Value> items = arena_.make_array<Value>(json.size());
    for (std::size_t i = 0; i < items.size(); ++i) items[i] = convert(json[i], depth + 1);
    return make_seq(arena_, SeqType::kList, items);
  }

  Value dict(const Json& json, int depth) {
    const std::span<Entry> entries = arena_.make_array<Entry>(json.size());
    std::size_t n = 0;
    for (const auto& [key, value] : json.get_ref<const Json::object_t&>()) {
      entries[n++] = {Value::of(string(key)), convert(value, depth + 1)};
    }
    return Value::of(static_cast<const Dict*>(arena_.make(Dict{entries, {}})));
  }

  Value message(const Json& json) {
    const std::span<Entry> entries = arena_.make_array<Entry>(json.size());
    std::size_t n = 0;
    for (const auto& [key, value] : json.get_ref<const Json::object_t&>()) {
      const bool is_role = key == "role" && value.is_string() &&
                           std::ranges::find(kRoles, value.get_ref<const std::string&>()) != kRoles.end();
      entries[n++] = {Value::of(string(key)),
                      is_role ? Value::of(view_str(arena_, value.get_ref<const std::string&>(), Origin::kTemplate))
                              : convert(value, 2)};
    }
    return Value::of(static_cast<const Dict*>(arena_.make(Dict{entries, {}})));
  }

  Arena& arena_;
  std::string_view media_marker_;
};

}  // namespace

void set_variables(Evaluator& evaluator, const Json& values, std::string_view media_marker) {
  Converter converter(evaluator.arena(), media_marker);
  for (const auto& [name, value] : values.get_ref<const Json::object_t&>()) {
    if (!evaluator.names(name)) continue;
    evaluator.set_variable(
        name, name == "messages" && value.is_array() ? converter.messages(value) : converter.convert(value, 0));
  }
}

}  // namespace hearth::text::jinja
