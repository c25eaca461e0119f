// Answers that call tools as a grammar: what the family's format says around, the tools' schemas within.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "constrain/grammar.h"
#include "generate/tools/call_format.h"
#include "generate/tools/tool_set.h"

namespace hearth::generate {

struct CallGrammarOptions {
  const CallFormat* format = nullptr;
  const ToolSet* tools = nullptr;
  /// kMay: free text, in which every call that is begun is held to the format from its opening on.
  enum class Need : std::uint8_t { kMay, kMust } need = Need::kMay;
  std::string only;                             // the one tool that may be called; empty: all
  std::size_t max_calls = 0;                    // 0: no limit
  const constrain::Grammar* instead = nullptr;  // kMay: instead of free text, what an answer without calls must be
  /// The names of control tokens that a text of the format spells.
  std::function<std::vector<std::string>(std::string_view text)> control_tokens;
};

/// Refused where a schema or its place in the format is not supported (ErrorCode::kUnsupportedConstraint).
Result<constrain::Grammar> call_grammar(const CallGrammarOptions& options);

}  // namespace hearth::generate
