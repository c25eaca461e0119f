// One call as a family writes it: its opening, the name, the arguments held to the tool's schema, its end.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "constrain/free_text.h"
#include "constrain/json_grammar.h"
#include "generate/tools/call_grammar.h"

namespace hearth::generate {

/// Expressions of one grammar; schemas that the format cannot hold calls to are refused
/// (ErrorCode::kUnsupportedConstraint). Everything must outlive it.
class CallExpressions {
 public:
  CallExpressions(constrain::Grammar& grammar, const CallGrammarOptions& options)
      : options_(options), format_(*options.format), grammar_(grammar), json_(grammar) {}

  /// A text of the format, in which control tokens stand for themselves.
  constrain::ExprId text(std::string_view wanted);
  /// What ends free text: the first control token of `opener`, or its first word. `rest` follows it.
  constrain::Trigger trigger(std::string_view opener, std::string_view& rest);
  constrain::ExprId as_rule(constrain::ExprId expr);

  Result<constrain::ExprId> call(const KnownTool& tool);
  Result<constrain::ExprId> inside_call(const KnownTool& tool);
  /// {"name": "f", "arguments": ..}: its first member as models write it that begin an answer with it, and what
  /// follows.
  [[nodiscard]] std::string name_member(const KnownTool& tool) const;
  Result<constrain::ExprId> object_after_name(const KnownTool& tool);
  /// Arguments as JSON.
  Result<constrain::ExprId> arguments(const KnownTool& tool);
  /// Arguments one by one, in the order of the schema; a schema that says more about its root is refused.
  Result<constrain::ExprId> keyed(const KnownTool& tool);

 private:
  struct Member {
    constrain::ExprId expr = 0;
    bool required = false;
  };

  constrain::ExprId letters_and_digits(std::uint32_t min, std::uint32_t max);
  Result<constrain::ExprId> json_value(const std::string& schema);
  Result<constrain::ExprId> bare_text(const std::string& schema, std::string_view stop);
  constrain::ExprId named(const KnownTool& tool);
  Result<constrain::ExprId> object(const KnownTool& tool);
  Result<constrain::ExprId> member(const KnownTool& tool, const std::string& name, const std::string& schema);
  constrain::ExprId in_order(const std::vector<Member>& members);

  const CallGrammarOptions& options_;
  const CallFormat& format_;
  constrain::Grammar& grammar_;
  constrain::JsonGrammar json_;
  std::map<std::string, constrain::ExprId> arguments_;  // by tool: several places may want them
};

}  // namespace hearth::generate
