// What typed replies and described structs need of a JSON parser, out of sight of their users.
#include "hearth/typed.h"

#include <charconv>
#include <cmath>
#include <memory>
#include <utility>

#include "constrain/char_expr.h"
#include "constrain/json_value.h"

#include <fmt/format.h>

namespace hearth {

namespace detail {

namespace {

constexpr std::string_view kBetweenFields = " \t\r\n";

}  // namespace

struct ParsedJson::State {
  std::shared_ptr<const constrain::JsonValue> root;
  const constrain::JsonValue* at = nullptr;
};

ParsedJson::ParsedJson(State* state) : state_(state) {}
ParsedJson::ParsedJson(ParsedJson&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
ParsedJson& ParsedJson::operator=(ParsedJson&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
ParsedJson::~ParsedJson() {
  delete state_;
}

Result<ParsedJson> ParsedJson::parse(std::string_view json) {
  HEARTH_TRY(constrain::JsonValue value, constrain::parse_json(json, 256));
  auto root = std::make_shared<const constrain::JsonValue>(std::move(value));
  const constrain::JsonValue* at = root.get();
  return ParsedJson(new State{std::move(root), at});
}

ParsedJson::Kind ParsedJson::kind() const {
  switch (state_->at->kind) {
    case constrain::JsonValue::Kind::kNull: return Kind::kNull;
    case constrain::JsonValue::Kind::kFalse:
    case constrain::JsonValue::Kind::kTrue: return Kind::kBool;
    case constrain::JsonValue::Kind::kNumber: return Kind::kNumber;
    case constrain::JsonValue::Kind::kString: return Kind::kString;
    case constrain::JsonValue::Kind::kArray: return Kind::kArray;
    case constrain::JsonValue::Kind::kObject: return Kind::kObject;
  }
  return Kind::kNull;
}

bool ParsedJson::truth() const {
  return state_->at->is(constrain::JsonValue::Kind::kTrue);
}
const std::string& ParsedJson::text() const {
  return state_->at->text;
}
std::size_t ParsedJson::size() const {
  return state_->at->items.size();
}
ParsedJson ParsedJson::item(std::size_t idx) const {
  return ParsedJson(new State{state_->root, &state_->at->items[idx]});
}
std::optional<ParsedJson> ParsedJson::member(std::string_view name) const {
  const constrain::JsonValue* found = state_->at->find(name);
  if (found == nullptr) return std::nullopt;
  return ParsedJson(new State{state_->root, found});
}

Error wrong_kind(std::string_view expected, const ParsedJson& found) {
  static constexpr std::array<std::string_view, 6> kNames = {"null",     "true or false", "a number",
                                                             "a string", "a list",        "an object"};
  return {ErrorCode::kInvalidArgument,
          fmt::format("expected {}, found {}", expected, kNames[static_cast<std::size_t>(found.kind())])};
}

Result<double> read_double(const ParsedJson& json) {
  if (json.kind() != ParsedJson::Kind::kNumber) return std::unexpected(wrong_kind("a number", json));
  double value = 0;
  const std::string& text = json.text();
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

namespace {

/// The number as an integer: "3", and also "3.0" and "3e2".
template <typename T>
Result<T> whole_number(const ParsedJson& json, T lowest, T highest) {
  HEARTH_TRY(const double rounded, read_double(json));
  const std::string& text = json.text();
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end != text.data() + text.size() && rounded == std::trunc(rounded) &&
      std::abs(rounded) < 9e15 && (rounded >= 0 || std::is_signed_v<T>)) {
    value = static_cast<T>(rounded);
  } else if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("expected an integer, found {}", text));
  }
  if (value < lowest || value > highest)
    return fail(ErrorCode::kInvalidArgument, fmt::format("expected {} to {}, found {}", lowest, highest, text));
  return value;
}

}  // namespace

Result<std::int64_t> read_integer(const ParsedJson& json, std::int64_t lowest, std::int64_t highest) {
  return whole_number<std::int64_t>(json, lowest, highest);
}
Result<std::uint64_t> read_unsigned(const ParsedJson& json, std::uint64_t highest) {
  return whole_number<std::uint64_t>(json, 0, highest);
}

std::string quoted_text(std::string_view text) {
  return constrain::json_quoted(text);
}
std::string number_text(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

bool FieldScanner::feed(std::string_view piece) {
  for (const char c : piece) {
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
      member_ += c;
      continue;
    }
    if (c == '}' || c == ']') --depth_;
    const bool ends = (c == ',' && depth_ == 1) || (c == '}' && depth_ == 0);
    if (ends && !end_member()) return false;
    const bool frame = ends || (c == '{' && depth_ == 0);
    if (c == '{' || c == '[') ++depth_;
    in_string_ = c == '"';
    if (!frame) member_ += c;
  }
  return true;
}

bool FieldScanner::end_member() {
  const std::string member = std::exchange(member_, {});
  const std::size_t open = member.find('"');
  std::size_t close = open == std::string::npos ? open : open + 1;
  while (close < member.size() && member[close] != '"') close += member[close] == '\\' ? 2 : 1;
  const std::size_t colon = close < member.size() ? member.find(':', close) : std::string::npos;
  if (colon == std::string::npos || !*sink_) return true;
  const auto name = ParsedJson::parse(std::string_view(member).substr(open, close + 1 - open));
  const std::size_t begin = member.find_first_not_of(kBetweenFields, colon + 1);
  if (!name || begin == std::string::npos) return true;
  const std::size_t end = member.find_last_not_of(kBetweenFields) + 1;
  return (*sink_)(name->text(), std::string_view(member).substr(begin, end - begin));
}

Result<Reply> generate_fields(Generator& generator, const Request& request, const FieldSink& sink,
                              const CancelCheck& cancelled) {
  FieldScanner scanner(sink);
  const EventSink events = [&](const Event& event) {
    const auto* text = std::get_if<TextDelta>(&event.what);
    return text == nullptr || event.answer_idx > 0 || scanner.feed(text->text);
  };
  return generator.generate(request, sink ? events : EventSink{}, cancelled);
}

}  // namespace detail

}  // namespace hearth
