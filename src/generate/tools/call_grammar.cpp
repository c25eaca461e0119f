// One expression per syntax, and one per way in which calls stand in an answer.
#include "generate/tools/call_grammar.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "constrain/char_expr.h"
#include "constrain/free_text.h"
#include "constrain/json_grammar.h"
#include "constrain/schema_grammar.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using constrain::Expr;
using constrain::ExprId;
using constrain::Grammar;
using constrain::RuleId;
using GrammarJson = nlohmann::ordered_json;

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

class CallGrammar {
 public:
  explicit CallGrammar(const CallGrammarOptions& options)
      : options_(options),
        format_(*options.format),
        json_(grammar_),
        must_(options.need == CallGrammarOptions::Need::kMust) {}

  Result<Grammar> run() {
    const RuleId root = grammar_.add_rule("answer");
    HEARTH_TRY(const ExprId answer, format_.syntax == CallSyntax::kRecipient ? messages()
                                    : must_ || options_.instead != nullptr   ? block_or_instead()
                                    : format_.marked()                       ? free_text_with_blocks()
                                                                             : block_or_other_text());
    grammar_.define(root, answer);
    grammar_.set_root(root);
    HEARTH_CHECK(grammar_.check());
    return std::move(grammar_);
  }

 private:
  // ---- texts of the format

  /// A text in which control tokens stand for themselves.
  ExprId text(std::string_view wanted) {
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

  ExprId letters_and_digits(std::uint32_t min, std::uint32_t max) {
    const ExprId one =
        grammar_.alt({grammar_.byte_range('0', '9'), grammar_.byte_range('A', 'Z'), grammar_.byte_range('a', 'z')});
    return grammar_.repeat(one, min, max);
  }

  /// What begins free text's end: the first control token of `opener`, or its first word. `rest` follows it.
  constrain::Trigger trigger(std::string_view opener, std::string_view& rest) {
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

  // ---- values

  Result<ExprId> json_value(const std::string& schema) {
    HEARTH_TRY(const auto parsed, constrain::JsonSchema::parse(schema));
    HEARTH_TRY(const Grammar values, constrain::grammar_of_schema(*parsed));
    return grammar_.embed(values);
  }

  Result<ExprId> bare_text(const std::string& schema, std::string_view stop) {
    HEARTH_TRY(const auto parsed, constrain::JsonSchema::parse(schema));
    HEARTH_TRY(const Grammar texts, constrain::grammar_of_bare_text(*parsed, stop));
    return grammar_.embed(texts);
  }

  /// Arguments as JSON: one expression per tool, since several places may want it.
  Result<ExprId> arguments(const KnownTool& tool) {
    if (const auto known = arguments_.find(tool.name); known != arguments_.end()) return known->second;
    auto made = json_value(tool.parameters);
    if (!made) return std::unexpected(std::move(made.error()).within("the parameters of the tool " + tool.name));
    arguments_.emplace(tool.name, *made);
    return made;
  }

  // ---- one call

  Result<ExprId> call(const KnownTool& tool) {
    HEARTH_TRY(const ExprId inside, inside_call(tool));
    return grammar_.seq({text(format_.call_open), inside, text(format_.call_close)});
  }

  Result<ExprId> inside_call(const KnownTool& tool) {
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

  ExprId named(const KnownTool& tool) {
    ExprId id = grammar_.empty();
    if (format_.id_mark == ":") {
      id = grammar_.seq({grammar_.byte(':'), grammar_.repeat(grammar_.byte_range('0', '9'), 1, 4)});
    } else if (!format_.id_mark.empty()) {
      id = grammar_.optional(grammar_.seq({text(format_.id_mark), letters_and_digits(9, 9)}));
    }
    return grammar_.seq({text(format_.name_prefix), grammar_.literal(tool.name), id, text(format_.name_close)});
  }

  /// {"name": "f", "arguments": ..}, with the id where the family puts it.
  Result<ExprId> object(const KnownTool& tool) {
    HEARTH_TRY(const ExprId rest, object_after_name(tool));
    ExprId id = grammar_.empty();
    if (format_.id_key == "tool_call_id") {
      id = grammar_.optional(
          grammar_.seq({grammar_.literal("\"tool_call_id\""), json_.colon(), grammar_.byte('"'),
                        grammar_.repeat(grammar_.byte_range('0', '9'), 1, 4), grammar_.byte('"'), json_.comma()}));
    }
    return grammar_.seq({grammar_.byte('{'), json_.space(), id,
                         grammar_.literal(fmt::format("\"{}\"", format_.name_key)), json_.colon(),
                         grammar_.literal(constrain::json_quoted(tool.name)), rest});
  }
  /// As models write it that begin an answer with it.
  [[nodiscard]] std::string name_member(const KnownTool& tool) const {
    return fmt::format("\"{}\": {}", format_.name_key, constrain::json_quoted(tool.name));
  }
  Result<ExprId> object_after_name(const KnownTool& tool) {
    HEARTH_TRY(const ExprId value, arguments(tool));
    return grammar_.seq({json_.comma(), grammar_.literal(fmt::format("\"{}\"", format_.arguments_key)), json_.colon(),
                         value, json_.space(), grammar_.byte('}')});
  }

  // ---- arguments by key

  struct Member {
    ExprId expr = 0;
    bool required = false;
  };

  /// Properties in the order in which they are written; a schema that says more about its root is refused.
  Result<ExprId> keyed(const KnownTool& tool) {
    const GrammarJson schema = GrammarJson::parse(tool.parameters, nullptr, false);
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
    const GrammarJson properties = schema.value("properties", GrammarJson::object());
    const GrammarJson required = schema.value("required", GrammarJson::array());
    for (const auto& name : required) {
      if (name.is_string() && properties.contains(name.get<std::string>())) continue;
      return fail(
          ErrorCode::kUnsupportedConstraint,
          fmt::format("the parameters of the tool {}: a property is required that is not described", tool.name));
    }
    std::vector<Member> members;
    for (const auto& [name, property] : properties.items()) {
      auto value = member(tool, name, part_of(schema, property));
      if (!value) return std::unexpected(std::move(value.error()).within("the parameters of the tool " + tool.name));
      members.push_back({*value, std::ranges::find(required, GrammarJson(name)) != required.end()});
    }
    return in_order(members);
  }

  /// A property as a document of its own.
  static std::string part_of(const GrammarJson& root, const GrammarJson& property) {
    GrammarJson part = property;
    if (!part.is_object()) return part.dump();
    for (const char* key : {"$defs", "definitions"}) {
      if (root.contains(key)) part[key] = root[key];
    }
    return part.dump();
  }

  Result<ExprId> member(const KnownTool& tool, const std::string& name, const std::string& schema) {
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
    const GrammarJson parsed = GrammarJson::parse(schema, nullptr, false);
    ExprId value = 0;
    if (parsed.is_object() && parsed.value("type", GrammarJson()) == "boolean" && parsed.size() <= 2) {
      value = grammar_.alt({grammar_.literal("True"), grammar_.literal("False")});
    } else {
      HEARTH_TRY(value, json_value(schema));
    }
    return grammar_.seq({grammar_.literal(name + "="), value});
  }

  /// Members one after another, those that are not required also left out, with commas between those that are there.
  ExprId in_order(const std::vector<Member>& members) {
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

  ExprId as_rule(ExprId expr) {
    const RuleId rule = grammar_.add_rule("arguments");
    grammar_.define(rule, expr);
    return grammar_.call(rule);
  }

  // ---- several calls

  [[nodiscard]] bool callable(const KnownTool& tool) const {
    return options_.only.empty() || tool.name == options_.only;
  }

  Result<ExprId> any_call() {
    std::vector<ExprId> ways;
    for (const KnownTool& tool : options_.tools->tools()) {
      if (!callable(tool)) continue;
      HEARTH_TRY(const ExprId way, call(tool));
      ways.push_back(way);
    }
    return as_rule(grammar_.alt(std::move(ways)));
  }

  [[nodiscard]] std::uint32_t more_calls() const {
    if (!options_.only.empty() && must_) return 0;  // a named tool is called once
    return options_.max_calls == 0 ? Expr::kUnbounded : static_cast<std::uint32_t>(options_.max_calls - 1);
  }

  ExprId further(ExprId one) {
    const ExprId between = format_.separator.empty() ? json_.space() : text(format_.separator);
    return grammar_.repeat(grammar_.seq({between, one}), 0, more_calls());
  }

  /// The whole block; `opener` is what has not been said of its beginning yet.
  Result<ExprId> block(std::string_view opener) {
    HEARTH_TRY(const ExprId one, any_call());
    const bool in_block = !format_.block_open.empty();
    // Where calls open themselves, the trigger has taken a part of the first one's opening.
    ExprId first = one;
    if (!in_block && format_.list_open.empty() && opener.size() < format_.call_open.size()) {
      HEARTH_TRY(first, any_call_after(opener));
      opener = {};
    } else if (!in_block) {
      opener = {};
    }
    const ExprId space = in_block ? json_.space() : grammar_.empty();
    return grammar_.seq({text(opener), text(format_.list_open), space, first, further(one), space,
                         text(format_.list_close), text(format_.block_close)});
  }

  Result<ExprId> any_call_after(std::string_view opener) {
    std::vector<ExprId> ways;
    for (const KnownTool& tool : options_.tools->tools()) {
      if (!callable(tool)) continue;
      HEARTH_TRY(const ExprId inside, inside_call(tool));
      ways.push_back(grammar_.seq({text(opener), inside, text(format_.call_close)}));
    }
    return as_rule(grammar_.alt(std::move(ways)));
  }

  // ---- answers

  Result<ExprId> block_or_instead() {
    HEARTH_TRY(const ExprId calls, block(format_.opener()));
    if (must_ || options_.instead == nullptr) return calls;
    return grammar_.alt({calls, grammar_.embed(*options_.instead)});
  }

  Result<ExprId> free_text_with_blocks() {
    std::string_view rest;
    const constrain::Trigger begins = trigger(format_.opener(), rest);
    HEARTH_TRY(const ExprId calls, block(rest));
    const RuleId start = grammar_.add_rule("free text");
    // With a limit the calls are the end.
    const ExprId after = options_.max_calls > 0 ? json_.space() : grammar_.call(start);
    constrain::define_free_text(grammar_, start, begins, grammar_.seq({calls, after}), grammar_.empty());
    return grammar_.call(start);
  }

  /// Without a mark, a text becomes a call when it begins like one, to the name.
  Result<ExprId> block_or_other_text() {
    std::map<std::string, ExprId> beginnings;
    HEARTH_TRY(const ExprId one, any_call());
    for (const KnownTool& tool : options_.tools->tools()) {
      const bool python = format_.syntax == CallSyntax::kPython;
      HEARTH_TRY(const ExprId rest, python ? keyed(tool) : object_after_name(tool));
      const std::string begins = python ? std::string(format_.list_open) + tool.name + "(" : "{" + name_member(tool);
      beginnings[begins] = grammar_.seq(
          {rest, grammar_.literal(python ? ")" : ""), further(one), text(format_.list_close), json_.space()});
    }
    return text_unless(beginnings);
  }

  ExprId any_text() {
    const RuleId free = grammar_.add_rule("free text");
    constrain::define_free_text(grammar_, free, {}, grammar_.never(), grammar_.empty());
    return grammar_.call(free);
  }

  /// Free text, but what begins with one of these texts goes on as they say. One rule per beginning of them.
  ExprId text_unless(const std::map<std::string, ExprId>& beginnings) {
    const ExprId free = any_text();
    const ExprId special =
        grammar_.seq({grammar_.tokens({.ids = {}, .names = {}, .negated = true, .special_only = true}), free});
    std::map<std::string, RuleId> rules;
    for (const auto& [whole, then] : beginnings) {
      for (std::size_t n = 0; n < whole.size(); ++n) {
        if (!rules.contains(whole.substr(0, n))) rules[whole.substr(0, n)] = grammar_.add_rule("beginning");
      }
    }
    for (const auto& [prefix, rule] : rules) {
      std::vector<ExprId> ways = {grammar_.empty(), special};
      constrain::ByteSet others;
      others.set();
      for (unsigned byte = 0; byte < 256; ++byte) {
        const std::string next = prefix + static_cast<char>(byte);
        const auto whole = beginnings.find(next);
        const auto part = rules.find(next);
        if (whole == beginnings.end() && part == rules.end()) continue;
        others.reset(byte);
        ways.push_back(grammar_.seq({grammar_.byte(static_cast<unsigned char>(byte)),
                                     whole != beginnings.end() ? whole->second : grammar_.call(part->second)}));
      }
      if (prefix.empty()) {  // white space first changes nothing
        for (const char space : {' ', '\n'}) {
          others.reset(static_cast<unsigned char>(space));
          ways.push_back(grammar_.seq({grammar_.byte(static_cast<unsigned char>(space)), grammar_.call(rule)}));
        }
      }
      ways.push_back(grammar_.seq({grammar_.bytes(others), free}));
      grammar_.define(rule, grammar_.alt(std::move(ways)));
    }
    return grammar_.call(rules.at(""));
  }

  // ---- messages with recipients

  /// The arguments behind each name, as the header says it.
  Result<ExprId> message_call() {
    std::vector<ExprId> ways;
    for (const KnownTool& tool : options_.tools->tools()) {
      if (!callable(tool)) continue;
      HEARTH_TRY(const ExprId value, arguments(tool));
      ways.push_back(
          grammar_.seq({text(format_.name_prefix), grammar_.literal(tool.name), text(format_.name_close), value}));
    }
    return as_rule(grammar_.alt(std::move(ways)));
  }

  Result<ExprId> messages() {
    HEARTH_TRY(const ExprId one, message_call());
    const bool harmony = format_.name_close.contains("<|message|>");
    if (must_ || options_.instead != nullptr) {
      const ExprId calls =
          harmony ? grammar_.seq({text(format_.call_open), one})
                  : grammar_.seq({one, grammar_.repeat(grammar_.seq({text(format_.call_open), one}), 0, more_calls())});
      if (must_) return calls;
      const ExprId header = harmony ? text("<|channel|>final<|message|>") : text("all\n");
      return grammar_.alt({calls, grammar_.seq({header, grammar_.embed(*options_.instead)})});
    }
    return harmony ? harmony_messages(one) : functionary_messages(one);
  }

  /// A header of harmony is free up to the channel; a message to a function ends the answer.
  ExprId harmony_messages(ExprId one) {
    std::string_view rest;
    constexpr std::string_view kChannel = "<|channel|>";
    const constrain::Trigger channel = trigger(kChannel, rest);
    const RuleId start = grammar_.add_rule("messages");
    const ExprId kind =
        grammar_.alt({grammar_.literal("analysis"), grammar_.literal("final"), grammar_.literal("commentary"),
                      grammar_.literal("commentary json"), text("commentary <|constrain|>json")});
    const ExprId plain = grammar_.seq({kind, text("<|message|>"), grammar_.call(start)});
    constrain::define_free_text(
        grammar_, start, channel,
        grammar_.alt({plain, grammar_.seq({text(format_.call_open.substr(kChannel.size())), one})}), grammar_.empty());
    return grammar_.call(start);
  }

  ExprId functionary_messages(ExprId one) {
    const RuleId start = grammar_.add_rule("text for all"), calls = grammar_.add_rule("calls");
    const ExprId next = text(format_.call_open);
    const ExprId to_all = grammar_.seq({text("all\n"), grammar_.call(start)});
    grammar_.define(
        calls,
        grammar_.seq({one, grammar_.optional(grammar_.seq({next, grammar_.alt({grammar_.call(calls), to_all})}))}));
    std::string_view rest;
    const constrain::Trigger mark = trigger(format_.call_open, rest);
    constrain::define_free_text(grammar_, start, mark, grammar_.seq({text(rest), grammar_.call(calls)}),
                                grammar_.empty());
    return grammar_.alt({to_all, grammar_.call(calls)});
  }

  const CallGrammarOptions& options_;
  const CallFormat& format_;
  Grammar grammar_;
  constrain::JsonGrammar json_;
  bool must_;
  std::map<std::string, ExprId> arguments_;
};

}  // namespace

Result<Grammar> call_grammar(const CallGrammarOptions& options) {
  return CallGrammar(options).run();
}

}  // namespace hearth::generate
