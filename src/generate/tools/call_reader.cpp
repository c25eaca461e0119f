// One function per syntax; all of them leave what they have read so far in the result.
#include "generate/tools/call_reader.h"

#include <algorithm>
#include <utility>

#include "constrain/json_value.h"

#include <fmt/format.h>

namespace hearth::generate {

namespace {

constexpr std::string_view kNotInNames = " \t\r\n<>{}[]()\"'`=,|;";
constexpr std::string_view kShortSpaces = " \t\r\n";

class CallReader {
 public:
  CallReader(const CallFormat& format, const ToolSet& tools, std::string_view text, TextEnd end)
      : format_(format), tools_(tools), at_{.text = text}, end_(end) {}

  ReadCall first(CallBlock& block) {
    block = {};
    Reading reading = take(format_.block_open);
    if (reading == Reading::kYes && !format_.list_open.empty()) {
      reading = at_.take(format_.list_open);
      block.in_list = reading == Reading::kYes;
      // Some write a single call without its list.
      if (reading == Reading::kNo && !format_.block_open.empty()) reading = Reading::kYes;
    }
    if (reading == Reading::kYes) reading = call();
    return result(reading);
  }

  ReadCall next(const CallBlock& block) {
    const std::string_view separator = trimmed_separator();
    if (block.in_list) {
      const Reading closed = at_.take(format_.list_close);
      if (closed == Reading::kMore) return end_ == TextEnd::kFinal ? result(Reading::kYes) : result(closed);
      if (closed == Reading::kYes) return close_block();
      Reading reading = at_.take(separator);
      if (reading == Reading::kYes) reading = call();
      return result(reading);
    }
    if (!separator.empty()) {
      const CallCursor before = at_;
      const Reading reading = at_.take(separator);
      if (reading == Reading::kMore) return end_ == TextEnd::kFinal ? close_block() : result(reading);
      if (reading == Reading::kYes) {
        const Reading another = call();
        if (another != Reading::kNo && !(another == Reading::kMore && end_ == TextEnd::kFinal)) return result(another);
        at_ = before;
        read_ = {};
        return result(Reading::kYes);
      }
    }
    if (format_.block_open.empty() || format_.call_open.empty()) return close_block();
    CallCursor ahead = at_;
    const Reading opened = ahead.take(format_.call_open);
    if (opened == Reading::kYes) return result(call());
    if (opened == Reading::kMore && end_ == TextEnd::kGrows) return result(opened);
    return close_block();
  }

 private:
  /// A separator of white space alone separates nothing.
  [[nodiscard]] std::string_view trimmed_separator() const {
    const std::size_t begin = format_.separator.find_first_not_of(kShortSpaces);
    return begin == std::string_view::npos ? std::string_view() : format_.separator.substr(begin, 1);
  }

  Reading take(std::string_view literal) { return literal.empty() ? Reading::kYes : at_.take(literal); }

  ReadCall close_block() {
    if (format_.block_close.empty()) return result(Reading::kYes);
    const Reading closed = at_.take(format_.block_close);
    return result(closed == Reading::kMore && end_ == TextEnd::kGrows ? closed : Reading::kYes);
  }

  ReadCall result(Reading reading) {
    if (reading == Reading::kMore && end_ == TextEnd::kFinal) {
      reading = Reading::kNo;
      read_.why = "the reply ended in it";
    }
    if (reading == Reading::kNo && read_.why.empty())
      read_.why = fmt::format("byte {} of it is not what the format asks for", at_.pos);
    read_.reading = reading;
    read_.n_bytes = at_.pos;
    return std::move(read_);
  }

  Reading no(std::string why) {
    read_.why = std::move(why);
    return Reading::kNo;
  }

  Reading call() {
    Reading reading = take(format_.call_open);
    if (reading == Reading::kYes) reading = inside();
    if (reading == Reading::kYes && !settle_arguments(read_.arguments))
      reading = no("its arguments are no JSON object");
    if (reading != Reading::kYes) return reading;
    const Reading closed = take(format_.call_close);
    return closed == Reading::kMore && end_ == TextEnd::kFinal ? Reading::kYes : closed;
  }

  Reading inside() {
    switch (format_.syntax) {
      case CallSyntax::kObject: return object(format_.name_key, format_.arguments_key);
      case CallSyntax::kSoleMember: return sole_member();
      case CallSyntax::kPython: return python();
      case CallSyntax::kNameJson:
      case CallSyntax::kNameTags:
      case CallSyntax::kNameBraces: break;
      case CallSyntax::kRecipient: return Reading::kNo;  // read by RecipientReader
    }
    if (const Reading named = name_and_id(); named != Reading::kYes) return named;
    if (format_.syntax == CallSyntax::kNameTags) return tags();
    if (format_.syntax == CallSyntax::kNameBraces) return take_literal(at_, format_.quote, read_.arguments);
    at_.skip_space();
    if (at_.at_end()) return Reading::kMore;
    return at_.peek() == '{' ? take_json(at_, read_.arguments) : Reading::kNo;
  }

  // ---- names

  Reading name() {
    at_.skip_space();
    const std::size_t begin = at_.pos;
    at_.pos = std::min(at_.text.find_first_of(kNotInNames, begin), at_.text.size());
    if (at_.at_end()) return Reading::kMore;
    read_.name = at_.text.substr(begin, at_.pos - begin);
    return read_.name.empty() ? Reading::kNo : Reading::kYes;
  }

  /// Without a marker only the name of a tool makes a call of what stands here.
  Reading check_name() {
    if (format_.marked() || tools_.find(read_.name) != nullptr) return Reading::kYes;
    return no("it names no tool");
  }

  Reading name_and_id() {
    std::string said;
    if (const Reading named = name(); named != Reading::kYes) return named;
    if (!format_.name_prefix.empty() && read_.name.starts_with(format_.name_prefix) &&
        read_.name.size() > format_.name_prefix.size()) {
      said = read_.name;
      read_.name.erase(0, format_.name_prefix.size());
    }
    if (format_.id_mark == ":") {  // within the name: "functions.f:0" is the id of a call of f
      const std::size_t colon = read_.name.rfind(':');
      if (colon != std::string::npos && colon > 0) {
        read_.id = said.empty() ? read_.name : said;
        read_.name.erase(colon);
      }
    } else if (!format_.id_mark.empty()) {
      const Reading marked = at_.take(format_.id_mark);
      if (marked == Reading::kMore) return marked;
      if (marked == Reading::kYes) {
        at_.skip_space();
        const std::size_t begin = at_.pos;
        at_.pos = std::min(at_.text.find_first_of(kNotInNames, begin), at_.text.size());
        if (at_.at_end()) return Reading::kMore;
        read_.id = at_.text.substr(begin, at_.pos - begin);
      }
    }
    if (const Reading closed = take(format_.name_close); closed != Reading::kYes) return closed;
    return check_name();
  }

  // ---- {"name": .., "arguments": ..}

  Reading object(std::string_view name_key, std::string_view arguments_key) {
    if (const Reading opened = at_.take("{"); opened != Reading::kYes) return opened;
    std::string pending;  // arguments that came before the name
    for (bool first = true;; first = false) {
      const Reading closed = at_.take("}");
      if (closed == Reading::kMore) return closed;
      if (closed == Reading::kYes) {
        if (read_.name.empty()) return no("it names no function");
        if (!pending.empty()) read_.arguments = std::move(pending);
        return check_name();
      }
      if (!first) {
        if (const Reading comma = at_.take(","); comma != Reading::kYes) return comma;
      }
      if (const Reading read = member(name_key, arguments_key, pending); read != Reading::kYes) return read;
    }
  }

  Reading key(std::string& key) {
    at_.skip_space();
    if (at_.at_end()) return Reading::kMore;
    if (at_.peek() != '"') return Reading::kNo;
    std::string json;
    if (const Reading read = take_json(at_, json); read != Reading::kYes) return read;
    key = unquoted_json(json);
    return at_.take(":");
  }

  Reading member(std::string_view name_key, std::string_view arguments_key, std::string& pending) {
    std::string member_key, value;
    if (const Reading read = key(member_key); read != Reading::kYes) return read;
    at_.skip_space();
    if (at_.at_end()) return Reading::kMore;
    if (member_key == name_key || (member_key == "name" && at_.peek() == '"')) {
      if (const Reading read = take_json(at_, value); read != Reading::kYes) return read;
      read_.name = unquoted_json(value);
      return check_name();
    }
    if (member_key == "function" && at_.peek() == '{') return object("name", "arguments");
    const bool arguments = member_key == arguments_key || member_key == "arguments" || member_key == "parameters";
    const bool id = member_key == format_.id_key || member_key == "id";
    if (!format_.marked() && !arguments && !id && member_key != "type") return no("it is no call");
    if (arguments && (!read_.arguments.empty() || !pending.empty())) return no("it has arguments twice");
    if (arguments && !read_.name.empty()) return take_json(at_, read_.arguments);
    if (const Reading read = take_json(at_, value); read != Reading::kYes) return read;
    if (arguments) {
      pending = std::move(value);
      return Reading::kYes;
    }
    if (id) read_.id_comes_late = !read_.arguments.empty() || !pending.empty();
    if (id) read_.id = value.starts_with('"') ? unquoted_json(value) : value;
    return Reading::kYes;
  }

  /// {"f": {..}}
  Reading sole_member() {
    if (const Reading opened = at_.take("{"); opened != Reading::kYes) return opened;
    if (const Reading read = key(read_.name); read != Reading::kYes) return read;
    if (read_.name.empty()) return no("it names no function");
    at_.skip_space();
    if (const Reading read = take_json(at_, read_.arguments); read != Reading::kYes) return read;
    return at_.take("}");
  }

  // ---- f(k=1)

  Reading python() {
    if (const Reading named = name(); named != Reading::kYes) return named;
    if (const Reading known = check_name(); known != Reading::kYes) return known;
    if (const Reading opened = at_.take("("); opened != Reading::kYes) return opened;
    std::string arguments = "{";
    for (bool first = true;; first = false) {
      const Reading closed = at_.take(")");
      if (closed == Reading::kMore) return closed;
      if (closed == Reading::kYes) break;
      if (!first) {
        if (const Reading comma = at_.take(","); comma != Reading::kYes) return comma;
        arguments += ',';
      }
      at_.skip_space();
      const std::size_t begin = at_.pos;
      at_.pos = std::min(at_.text.find_first_of(kNotInNames, begin), at_.text.size());
      if (at_.at_end()) return Reading::kMore;
      if (at_.pos == begin) return Reading::kNo;
      arguments += quoted_json(at_.text.substr(begin, at_.pos - begin)) + ":";
      if (const Reading equals = at_.take("="); equals != Reading::kYes) return equals;
      if (const Reading value = take_literal(at_, {}, arguments); value != Reading::kYes) return value;
    }
    read_.arguments = arguments + "}";
    return Reading::kYes;
  }

  // ---- <key>k</key><value>v</value>

  /// The text up to `mark`, whose white space counts here, unlike in other literals: it is taken if it is there.
  Reading raw_until(std::string_view mark, std::string& out) {
    const std::size_t begin = mark.find_first_not_of(kShortSpaces);
    const std::size_t length = mark.find_last_not_of(kShortSpaces) + 1 - begin;
    const std::size_t found = at_.text.find(mark.substr(begin, length), at_.pos);
    if (found == std::string_view::npos) return Reading::kMore;
    out = at_.text.substr(at_.pos, found - at_.pos);
    if (begin > 0 && out.ends_with(mark.substr(0, begin))) out.resize(out.size() - begin);
    at_.pos = found + length;
    return Reading::kYes;
  }

  Reading tags() {
    const KnownTool* tool = tools_.find(read_.name);
    std::string arguments = "{";
    while (true) {
      CallCursor ahead = at_;
      const Reading closed = ahead.take(format_.call_close);
      if (closed == Reading::kYes || (closed == Reading::kMore && end_ == TextEnd::kFinal)) break;
      const Reading opened = at_.take(format_.key_open);
      if (opened != Reading::kYes) return closed == Reading::kMore ? closed : opened;
      std::string key_text, value;
      if (const Reading read = tag(key_text, value, tool); read != Reading::kYes) return read;
      arguments += (arguments.size() > 1 ? "," : "") + quoted_json(key_text) + ":" + value;
    }
    read_.arguments = arguments + "}";
    return Reading::kYes;
  }

  Reading tag(std::string& key_text, std::string& json, const KnownTool* tool) {
    if (const Reading read = raw_until(format_.key_close, key_text); read != Reading::kYes) return read;
    ParameterKind kind = ParameterKind::kUnknown;
    if (tool != nullptr) {
      if (const auto known = tool->kinds.find(key_text); known != tool->kinds.end()) kind = known->second;
    }
    if (!format_.string_mark.empty()) {
      std::string mark;
      if (const Reading read = raw_until(format_.value_open, mark); read != Reading::kYes) return read;
      if (mark == format_.string_mark) kind = ParameterKind::kText;
      if (mark == format_.other_mark) kind = ParameterKind::kJson;
    } else if (const Reading opened = take(format_.value_open); opened != Reading::kYes) {
      return opened;
    }
    if (format_.value_open.empty() && format_.key_close.ends_with('\n')) {  // a value on lines of its own
      if (at_.at_end()) return Reading::kMore;
      if (at_.peek() == '\n') ++at_.pos;
    }
    std::string raw;
    if (const Reading read = raw_until(format_.value_close, raw); read != Reading::kYes) return read;
    json = json_of(raw, kind);
    return Reading::kYes;
  }

  /// A text is taken as it stands; anything else that is no JSON is a text too, and breaks the schema where there is
  /// one.
  static std::string json_of(const std::string& raw, ParameterKind kind) {
    if (kind == ParameterKind::kText) return quoted_json(raw);
    CallCursor at{.text = raw};
    std::string json, rest = raw + "\n";  // a number must not be at the end of the text
    at.text = rest;
    if (take_json(at, json) == Reading::kYes) {
      at.skip_space();
      if (at.at_end()) return json;
    }
    at.pos = 0;
    json.clear();
    if (take_literal(at, {}, json) == Reading::kYes) {
      at.skip_space();
      if (at.at_end()) return json;
    }
    return quoted_json(raw);
  }

  const CallFormat& format_;
  const ToolSet& tools_;
  CallCursor at_;
  TextEnd end_;
  ReadCall read_;
};

}  // namespace

ReadCall read_first_call(const CallFormat& format, const ToolSet& tools, std::string_view text, TextEnd end,
                         CallBlock& block) {
  return CallReader(format, tools, text, end).first(block);
}

ReadCall read_next_call(const CallFormat& format, const ToolSet& tools, std::string_view text, TextEnd end,
                        const CallBlock& block) {
  return CallReader(format, tools, text, end).next(block);
}

bool settle_arguments(std::string& arguments) {
  if (arguments.empty() || arguments == "null") arguments = "{}";
  if (arguments.starts_with('"')) arguments = unquoted_json(arguments);
  const auto parsed = constrain::parse_json(arguments, 256);
  return parsed && parsed->is(constrain::JsonValue::Kind::kObject);
}

}  // namespace hearth::generate
