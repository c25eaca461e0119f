// One expression per way in which calls stand in an answer.
#include "generate/tools/call_grammar.h"

#include <map>
#include <utility>

#include "constrain/free_text.h"
#include "constrain/json_grammar.h"
#include "generate/tools/call_expressions.h"

namespace hearth::generate {

namespace {

using constrain::Expr;
using constrain::ExprId;
using constrain::Grammar;
using constrain::RuleId;

class CallGrammar {
 public:
  explicit CallGrammar(const CallGrammarOptions& options)
      : options_(options),
        format_(*options.format),
        json_(grammar_),
        parts_(grammar_, options),
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
  // ---- several calls

  [[nodiscard]] bool callable(const KnownTool& tool) const {
    return options_.only.empty() || tool.name == options_.only;
  }

  Result<ExprId> any_call() {
    std::vector<ExprId> ways;
    for (const KnownTool& tool : options_.tools->tools()) {
      if (!callable(tool)) continue;
      HEARTH_TRY(const ExprId way, parts_.call(tool));
      ways.push_back(way);
    }
    return parts_.as_rule(grammar_.alt(std::move(ways)));
  }

  [[nodiscard]] std::uint32_t more_calls() const {
    if (!options_.only.empty() && must_) return 0;  // a named tool is called once
    return options_.max_calls == 0 ? Expr::kUnbounded : static_cast<std::uint32_t>(options_.max_calls - 1);
  }

  ExprId further(ExprId one) {
    const ExprId between = format_.separator.empty() ? json_.space() : parts_.text(format_.separator);
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
    return grammar_.seq({parts_.text(opener), parts_.text(format_.list_open), space, first, further(one), space,
                         parts_.text(format_.list_close), parts_.text(format_.block_close)});
  }

  Result<ExprId> any_call_after(std::string_view opener) {
    std::vector<ExprId> ways;
    for (const KnownTool& tool : options_.tools->tools()) {
      if (!callable(tool)) continue;
      HEARTH_TRY(const ExprId inside, parts_.inside_call(tool));
      ways.push_back(grammar_.seq({parts_.text(opener), inside, parts_.text(format_.call_close)}));
    }
    return parts_.as_rule(grammar_.alt(std::move(ways)));
  }

  // ---- answers

  Result<ExprId> block_or_instead() {
    HEARTH_TRY(const ExprId calls, block(format_.opener()));
    if (must_ || options_.instead == nullptr) return calls;
    return grammar_.alt({calls, grammar_.embed(*options_.instead)});
  }

  Result<ExprId> free_text_with_blocks() {
    std::string_view rest;
    const constrain::Trigger begins = parts_.trigger(format_.opener(), rest);
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
      HEARTH_TRY(const ExprId rest, python ? parts_.keyed(tool) : parts_.object_after_name(tool));
      const std::string begins =
          python ? std::string(format_.list_open) + tool.name + "(" : "{" + parts_.name_member(tool);
      beginnings[begins] = grammar_.seq(
          {rest, grammar_.literal(python ? ")" : ""), further(one), parts_.text(format_.list_close), json_.space()});
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
      HEARTH_TRY(const ExprId value, parts_.arguments(tool));
      ways.push_back(grammar_.seq(
          {parts_.text(format_.name_prefix), grammar_.literal(tool.name), parts_.text(format_.name_close), value}));
    }
    return parts_.as_rule(grammar_.alt(std::move(ways)));
  }

  Result<ExprId> messages() {
    HEARTH_TRY(const ExprId one, message_call());
    const bool harmony = format_.name_close.contains("<|message|>");
    if (must_ || options_.instead != nullptr) {
      const ExprId calls =
          harmony ? grammar_.seq({parts_.text(format_.call_open), one})
                  : grammar_.seq(
                        {one, grammar_.repeat(grammar_.seq({parts_.text(format_.call_open), one}), 0, more_calls())});
      if (must_) return calls;
      const ExprId header = harmony ? parts_.text("<|channel|>final<|message|>") : parts_.text("all\n");
      return grammar_.alt({calls, grammar_.seq({header, grammar_.embed(*options_.instead)})});
    }
    return harmony ? harmony_messages(one) : functionary_messages(one);
  }

  /// A header of harmony is free up to the channel; a message to a function ends the answer.
  ExprId harmony_messages(ExprId one) {
    std::string_view rest;
    constexpr std::string_view kChannel = "<|channel|>";
    const constrain::Trigger channel = parts_.trigger(kChannel, rest);
    const RuleId start = grammar_.add_rule("messages");
    const ExprId kind =
        grammar_.alt({grammar_.literal("analysis"), grammar_.literal("final"), grammar_.literal("commentary"),
                      grammar_.literal("commentary json"), parts_.text("commentary <|constrain|>json")});
    const ExprId plain = grammar_.seq({kind, parts_.text("<|message|>"), grammar_.call(start)});
    constrain::define_free_text(
        grammar_, start, channel,
        grammar_.alt({plain, grammar_.seq({parts_.text(format_.call_open.substr(kChannel.size())), one})}),
        grammar_.empty());
    return grammar_.call(start);
  }

  ExprId functionary_messages(ExprId one) {
    const RuleId start = grammar_.add_rule("text for all"), calls = grammar_.add_rule("calls");
    const ExprId next = parts_.text(format_.call_open);
    const ExprId to_all = grammar_.seq({parts_.text("all\n"), grammar_.call(start)});
    grammar_.define(
        calls,
        grammar_.seq({one, grammar_.optional(grammar_.seq({next, grammar_.alt({grammar_.call(calls), to_all})}))}));
    std::string_view rest;
    const constrain::Trigger mark = parts_.trigger(format_.call_open, rest);
    constrain::define_free_text(grammar_, start, mark, grammar_.seq({parts_.text(rest), grammar_.call(calls)}),
                                grammar_.empty());
    return grammar_.alt({to_all, grammar_.call(calls)});
  }

  const CallGrammarOptions& options_;
  const CallFormat& format_;
  Grammar grammar_;
  constrain::JsonGrammar json_;
  CallExpressions parts_;
  bool must_;
};

}  // namespace

Result<Grammar> call_grammar(const CallGrammarOptions& options) {
  return CallGrammar(options).run();
}

}  // namespace hearth::generate
