// Reading JSON to the last digit (libraries give doubles), strictly, and in one pass without recursion.
#include "constrain/json_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "constrain/char_expr.h"
#include "text/utf8.h"

namespace hearth::constrain {

namespace {

using Kind = JsonValue::Kind;

/// One pass, without recursion: `open_` is the path to the value being read.
class Reader {
 public:
  Reader(std::string_view text, int max_depth) : text_(text), max_depth_(max_depth) {}

  Result<JsonValue> run() {
    JsonValue root;
    HEARTH_CHECK(value(root));
    while (!open_.empty()) HEARTH_CHECK(open_.back()->is(Kind::kArray) ? next_item() : next_member());
    skip_space();
    if (pos_ < text_.size()) return refuse("the end was expected");
    return root;
  }

 private:
  [[nodiscard]] char peek() const { return pos_ < text_.size() ? text_[pos_] : '\0'; }
  bool take(std::string_view expected) {
    if (!text_.substr(pos_).starts_with(expected)) return false;
    pos_ += expected.size();
    return true;
  }
  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++pos_;
  }
  [[nodiscard]] std::unexpected<Error> refuse(std::string_view what) const {
    return fail(ErrorCode::kInvalidArgument, fmt::format("not valid JSON: byte {}: {}", pos_, what));
  }

  /// No mistake of the text: more than we read.
  [[nodiscard]] std::unexpected<Error> too_deep() const {
    return fail(ErrorCode::kUnsupportedFormat,
                fmt::format("byte {}: the JSON is nested deeper than {}", pos_, max_depth_));
  }

  /// A value without its items or members, which follow.
  Status value(JsonValue& out) {
    skip_space();
    const char c = peek();
    if (c == '{' || c == '[') {
      if (static_cast<int>(open_.size()) >= max_depth_) return too_deep();
      ++pos_;
      out.kind = c == '{' ? Kind::kObject : Kind::kArray;
      open_.push_back(&out);
      return {};
    }
    if (c == '"') {
      out.kind = Kind::kString;
      return string(out.text);
    }
    if (c == '-' || (c >= '0' && c <= '9')) return number(out);
    if (take("true")) {
      out.kind = Kind::kTrue;
    } else if (take("false")) {
      out.kind = Kind::kFalse;
    } else if (!take("null")) {
      return refuse("a value was expected");
    }
    return {};
  }

  /// Closes the innermost value at `end`, or takes the comma that must stand before another part.
  Result<bool> another(bool first, std::string_view end) {
    skip_space();
    if (take(end)) {
      open_.pop_back();
      return false;
    }
    if (!first && !take(",")) return refuse("',' or the end of an array or object was expected");
    return true;
  }

  Status next_item() {
    JsonValue& array = *open_.back();
    HEARTH_TRY(const bool more, another(array.items.empty(), "]"));
    return more ? value(array.items.emplace_back()) : Status();
  }

  Status next_member() {
    JsonValue& object = *open_.back();
    HEARTH_TRY(const bool more, another(object.members.empty(), "}"));
    if (!more) return {};
    skip_space();
    if (peek() != '"') return refuse("a name in quotes was expected");
    auto& [name, member] = object.members.emplace_back();
    HEARTH_CHECK(string(name));
    skip_space();
    if (!take(":")) return refuse("':' was expected");
    return value(member);
  }

  std::size_t digits() {
    const std::size_t first = pos_;
    while (peek() >= '0' && peek() <= '9') ++pos_;
    return pos_ - first;
  }

  Status number(JsonValue& out) {
    const std::size_t first = pos_;
    take("-");
    const bool zero = peek() == '0';
    const std::size_t n_whole = digits();
    if (n_whole == 0 || (zero && n_whole > 1)) return refuse("a number without zeros before it was expected");
    if (take(".") && digits() == 0) return refuse("digits were expected after the decimal point");
    if (take("e") || take("E")) {
      if (!take("+")) take("-");
      if (digits() == 0) return refuse("digits were expected in the exponent");
    }
    out.kind = Kind::kNumber;
    out.text = text_.substr(first, pos_ - first);
    const auto parsed = Decimal::parse(out.text);
    if (!parsed) return refuse("a number whose exponent is beyond 10^15");
    out.number = *parsed;
    return {};
  }

  Result<std::uint32_t> hex() {
    const std::string_view text = text_.substr(pos_, 4);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (error != std::errc() || text.size() != 4 || end != text.data() + 4)
      return refuse("four hexadecimal digits were expected");
    pos_ += 4;
    return code;
  }

  Status escape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    if (const std::size_t known = kNames.find(peek()); peek() != '\0' && known != std::string_view::npos) {
      out += kValues[known];
      ++pos_;
      return {};
    }
    if (!take("u")) return refuse("an escape that JSON does not have");
    HEARTH_TRY(std::uint32_t code, hex());
    if (code >= 0xD800 && code <= 0xDBFF && take("\\u")) {
      HEARTH_TRY(const std::uint32_t low, hex());
      if (low < 0xDC00 || low > 0xDFFF) return refuse("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code <= 0xDFFF) return refuse("half of a surrogate pair");
    text::append_utf8(out, code);
    return {};
  }

  Status string(std::string& out) {
    ++pos_;
    while (pos_ < text_.size()) {
      if (take("\"")) return {};
      if (take("\\")) {
        HEARTH_CHECK(escape(out));
        continue;
      }
      const text::Utf8Char character = text::decode_utf8(text_, pos_);
      if (!character.valid) return refuse("a byte that is not UTF-8");
      if (character.code < 0x20) return refuse("a control character in a string");
      out += text_.substr(pos_, character.n_bytes);
      pos_ += character.n_bytes;
    }
    return refuse("a string without its end");
  }

  std::string_view text_;
  int max_depth_;
  std::size_t pos_ = 0;
  std::vector<JsonValue*> open_;  // a parent's vector does not move while one of its elements is open
};

void append_text(std::string& out, const JsonValue& value) {
  switch (value.kind) {
    case Kind::kNull: out += "null"; break;
    case Kind::kFalse: out += "false"; break;
    case Kind::kTrue: out += "true"; break;
    case Kind::kNumber: out += value.text; break;
    case Kind::kString: out += json_quoted(value.text); break;
    case Kind::kArray:
      out += '[';
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out += ',';
        append_text(out, value.items[i]);
      }
      out += ']';
      break;
    case Kind::kObject:
      out += '{';
      for (std::size_t i = 0; i < value.members.size(); ++i) {
        if (i > 0) out += ',';
        out += json_quoted(value.members[i].name) + ':';
        append_text(out, value.members[i].value);
      }
      out += '}';
      break;
  }
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  for (std::size_t i = members.size(); i-- > 0;)
    if (members[i].name == name) return &members[i].value;
  return nullptr;
}

bool JsonValue::operator==(const JsonValue& other) const {
  if (kind != other.kind) return false;
  switch (kind) {
    case Kind::kNumber: return number == other.number;
    case Kind::kString: return text == other.text;
    case Kind::kArray: return items == other.items;
    case Kind::kObject: {
      const auto within = [](const JsonValue& a, const JsonValue& b) {
        return std::ranges::all_of(a.members, [&](const auto& member) {
          const JsonValue* mine = a.find(member.name);
          const JsonValue* theirs = b.find(member.name);
          return theirs != nullptr && *mine == *theirs;
        });
      };
      return within(*this, other) && within(other, *this);
    }
    default: return true;
  }
}

Result<JsonValue> parse_json(std::string_view text, int max_depth) {
  return Reader(text, max_depth).run();
}

std::string json_text(const JsonValue& value) {
  std::string out;
  append_text(out, value);
  return out;
}

std::string_view json_kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNull: return "null";
    case Kind::kFalse:
    case Kind::kTrue: return "boolean";
    case Kind::kNumber: return "number";
    case Kind::kString: return "string";
    case Kind::kArray: return "array";
    case Kind::kObject: return "object";
  }
  return "value";
}

}  // namespace hearth::constrain
