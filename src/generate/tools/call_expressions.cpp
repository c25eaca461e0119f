// One expression per syntax of calls.
#include "generate/tools/call_expressions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "constrain/char_expr.h"
#include "constrain/schema_grammar.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using constrain::ExprId;
using SchemaJson = nlohmann::ordered_json;

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

/// A property as a document of its own.
std::string part_of(const SchemaJson& root, const SchemaJson& property) {
  SchemaJson part = property;
  if (!part.is_object()) return part.dump();
  for (const char* key : {"$defs", "definitions"}) {
    if (root.contains(key)) part[key] = root[key];
  }
  return part.dump();
}

}  // namespace

ExprId CallExpressions::text(std::string_view wanted) {
  std::vector<std::string> names =
      options_.control_tokens && !wanted.empty() ? options_.control_tokens(wanted) : std::vector<std::string>();
  std::vector<ExprId> parts;
  while (!wanted.empty()) {
    std::size_t at = wanted.size();
    std::string_view name;
    for (const std::string& one : names) {
      const std::size_t found = wanted.find(one);
      if (found < at) at = found, name = one;
    }
    parts.push_back(grammar_.literal(wanted.substr(0, at)));
    wanted.remove_prefix(at);
    if (name.empty()) continue;
    parts.push_back(
        grammar_.tokens({.ids = {}, .names = {std::string(name)}, .negated = false, .special_only = false}));
    wanted.remove_prefix(name.size());
  }
  return grammar_.seq(std::move(parts));
}

ExprId CallExpressions::letters_and_digits(std::uint32_t min, std::uint32_t max) {
  const ExprId one =
      grammar_.alt({grammar_.byte_range('0', '9'), grammar_.byte_range('A', 'Z'), grammar_.byte_range('a', 'z')});
  return grammar_.repeat(one, min, max);
}

constrain::Trigger CallExpressions::trigger(std::string_view opener, std::string_view& rest) {
  opener = opener.substr(opener.find_first_not_of(" \n"));
  const std::string_view word = opener.substr(0, opener.find_first_of(" \n"));
  for (const std::string& name :
       options_.control_tokens ? options_.control_tokens(opener) : std::vector<std::string>()) {
    if (!opener.starts_with(name)) continue;
    rest = opener.substr(name.size());
    return {.special_names = {name}, .text = {}};
  }
  rest = opener.substr(word.size());
  return {.special_names = {}, .text = std::string(word)};
}

Result<ExprId> CallExpressions::json_value(const std::string& schema) {
  HEARTH_TRY(const auto parsed, constrain::JsonSchema::parse(schema));
  HEARTH_TRY(const constrain::Grammar values, constrain::grammar_of_schema(*parsed));
  return grammar_.embed(values);
}

Result<ExprId> CallExpressions::bare_text(const std::string& schema, std::string_view stop) {
  HEARTH_TRY(const auto parsed, constrain::JsonSchema::parse(schema));
  HEARTH_TRY(const constrain::Grammar texts, constrain::grammar_of_bare_text(*parsed, stop));
  return grammar_.embed(texts);
}

Result<ExprId> CallExpressions::arguments(const KnownTool& tool) {
  if (const auto known = arguments_.find(tool.name); known != arguments_.end()) return known->second;
  auto made = json_value(tool.parameters);
  if (!made) return std::unexpected(std::move(made.error()).within("the parameters of the tool " + tool.name));
  arguments_.emplace(tool.name, *made);
  return made;
}

Result<ExprId> CallExpressions::call(const KnownTool& tool) {
  HEARTH_TRY(const ExprId inside, inside_call(tool));
  return grammar_.seq({text(format_.call_open), inside, text(format_.call_close)});
}

Result<ExprId> CallExpressions::inside_call(const KnownTool& tool) {
  switch (format_.syntax) {
    case CallSyntax::kObject: {
      HEARTH_TRY(const ExprId whole, object(tool));
      return grammar_.seq({json_.space(), whole, json_.space()});
    }
    case CallSyntax::kSoleMember: {
      HEARTH_TRY(const ExprId value, arguments(tool));
      return grammar_.seq({grammar_.literal("{" + constrain::json_quoted(tool.name)), json_.colon(), value,
                           json_.space(), grammar_.byte('}')});
    }
    case CallSyntax::kNameJson: {
      HEARTH_TRY(const ExprId value, arguments(tool));
      return grammar_.seq({named(tool), value});
    }
    case CallSyntax::kNameTags: {
      HEARTH_TRY(const ExprId members, keyed(tool));
      return grammar_.seq({named(tool), members});
    }
    case CallSyntax::kNameBraces: {
      HEARTH_TRY(const ExprId members, keyed(tool));
      return grammar_.seq({named(tool), grammar_.byte('{'), members, grammar_.byte('}')});
    }
    case CallSyntax::kPython: {
      HEARTH_TRY(const ExprId members, keyed(tool));
      return grammar_.seq({grammar_.literal(tool.name + "("), members, grammar_.byte(')')});
    }
    case CallSyntax::kRecipient: break;
  }
  return fail(ErrorCode::kInternal, "a call of a format of messages was asked for alone");
}

ExprId CallExpressions::named(const KnownTool& tool) {
  ExprId id = grammar_.empty();
  if (format_.id_mark == ":") {
    id = grammar_.seq({grammar_.byte(':'), grammar_.repeat(grammar_.byte_range('0', '9'), 1, 4)});
  } else if (!format_.id_mark.empty()) {
    id = grammar_.optional(grammar_.seq({text(format_.id_mark), letters_and_digits(9, 9)}));
  }
  return grammar_.seq({text(format_.name_prefix), grammar_.literal(tool.name), id, text(format_.name_close)});
}

/// {"name": "f", "arguments": ..}, with the id where the family puts it.
Result<ExprId> CallExpressions::object(const KnownTool& tool) {
  HEARTH_TRY(const ExprId rest, object_after_name(tool));
  ExprId id = grammar_.empty();
  if (format_.id_key == "tool_call_id") {
    id = grammar_.optional(
        grammar_.seq({grammar_.literal("\"tool_call_id\""), json_.colon(), grammar_.byte('"'),
                      grammar_.repeat(grammar_.byte_range('0', '9'), 1, 4), grammar_.byte('"'), json_.comma()}));
  }
  return grammar_.seq({grammar_.byte('{'), json_.space(), id, grammar_.literal(fmt::format("\"{}\"", format_.name_key)),
                       json_.colon(), grammar_.literal(constrain::json_quoted(tool.name)), rest});
}

std::string CallExpressions::name_member(const KnownTool& tool) const {
  return fmt::format("\"{}\": {}", format_.name_key, constrain::json_quoted(tool.name));
}

Result<ExprId> CallExpressions::object_after_name(const KnownTool& tool) {
  HEARTH_TRY(const ExprId value, arguments(tool));
  return grammar_.seq({json_.comma(), grammar_.literal(fmt::format("\"{}\"", format_.arguments_key)), json_.colon(),
                       value, json_.space(), grammar_.byte('}')});
}

Result<ExprId> CallExpressions::keyed(const KnownTool& tool) {
  const SchemaJson schema = SchemaJson::parse(tool.parameters, nullptr, false);
  static constexpr std::array<std::string_view, 12> kUnderstood = {
      "type",    "properties",  "required", "additionalProperties",
      "title",   "description", "$defs",    "definitions",
      "$schema", "$comment",    "default",  "examples"};
  for (const auto& [keyword, value] : schema.items()) {
    if (std::ranges::find(kUnderstood, keyword) != kUnderstood.end()) continue;
    return fail(ErrorCode::kUnsupportedConstraint,
                fmt::format("the parameters of the tool {}: \"{}\" beside the properties cannot be held to in this "
                            "model's format of calls",
                            tool.name, keyword));
  }
  const SchemaJson properties = schema.value("properties", SchemaJson::object());
  const SchemaJson required = schema.value("required", SchemaJson::array());
  for (const auto& name : required) {
    if (name.is_string() && properties.contains(name.get<std::string>())) continue;
    return fail(ErrorCode::kUnsupportedConstraint,
                fmt::format("the parameters of the tool {}: a property is required that is not described", tool.name));
  }
  std::vector<Member> members;
  for (const auto& [name, property] : properties.items()) {
    auto value = member(tool, name, part_of(schema, property));
    if (!value) return std::unexpected(std::move(value.error()).within("the parameters of the tool " + tool.name));
    members.push_back({*value, std::ranges::find(required, SchemaJson(name)) != required.end()});
  }
  return in_order(members);
}

Result<ExprId> CallExpressions::member(const KnownTool& tool, const std::string& name, const std::string& schema) {
  const auto known = tool.kinds.find(name);
  const bool is_text = known != tool.kinds.end() && known->second == ParameterKind::kText;
  switch (format_.syntax) {
    case CallSyntax::kNameTags: {
      HEARTH_TRY(const ExprId value,
                 is_text ? bare_text(schema, without_space(format_.value_close)) : json_value(schema));
      const std::string_view mark = is_text ? format_.string_mark : format_.other_mark;
      return grammar_.seq({text(format_.key_open), grammar_.literal(name), text(format_.key_close), text(mark),
                           text(format_.value_open), value, text(format_.value_close)});
    }
    case CallSyntax::kNameBraces: {
      if (!is_text) {
        HEARTH_TRY(const ExprId value, json_value(schema));
        return grammar_.seq({grammar_.literal(name + ":"), value});
      }
      HEARTH_TRY(const ExprId value, bare_text(schema, format_.quote));
      return grammar_.seq({grammar_.literal(name + ":"), text(format_.quote), value, text(format_.quote)});
    }
    default: break;
  }
  const SchemaJson parsed = SchemaJson::parse(schema, nullptr, false);
  ExprId value = 0;
  if (parsed.is_object() && parsed.value("type", SchemaJson()) == "boolean" && parsed.size() <= 2) {
    value = grammar_.alt({grammar_.literal("True"), grammar_.literal("False")});
  } else {
    HEARTH_TRY(value, json_value(schema));
  }
  return grammar_.seq({grammar_.literal(name + "="), value});
}

/// Members one after another, those that are not required also left out, with commas between those that are there.
ExprId CallExpressions::in_order(const std::vector<Member>& members) {
  const std::string_view comma = format_.syntax == CallSyntax::kPython       ? ", "
                                 : format_.syntax == CallSyntax::kNameBraces ? ","
                                                                             : "";
  ExprId after_one = grammar_.empty(), at_first = grammar_.empty();
  for (std::size_t i = members.size(); i-- > 0;) {
    const ExprId with_comma = grammar_.seq({grammar_.literal(comma), members[i].expr, after_one});
    const ExprId first = grammar_.seq({members[i].expr, after_one});
    at_first = members[i].required ? first : grammar_.alt({first, at_first});
    after_one = members[i].required ? with_comma : grammar_.alt({with_comma, after_one});
    after_one = as_rule(after_one);
    at_first = as_rule(at_first);
  }
  return at_first;
}

ExprId CallExpressions::as_rule(ExprId expr) {
  const constrain::RuleId rule = grammar_.add_rule("arguments");
  grammar_.define(rule, expr);
  return grammar_.call(rule);
}

}  // namespace hearth::generate
