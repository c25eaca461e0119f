// One rule per length of the trigger's text that has just been seen (Knuth, Morris, Pratt): each takes any byte, and
// any special token that is no trigger begins again.
#include "constrain/free_text.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace hearth::constrain {

void define_free_text(Grammar& grammar, RuleId start, const Trigger& trigger, ExprId then, ExprId end) {
  const std::string& text = trigger.text;
  const std::size_t n = std::max<std::size_t>(text.size(), 1);
  std::vector<RuleId> seen = {start};
  for (std::size_t i = 1; i < n; ++i) seen.push_back(grammar.add_rule("free text"));
  ExprId trigger_token = grammar.never();
  if (!trigger.special_names.empty())
    trigger_token = grammar.seq({grammar.tokens({.names = trigger.special_names}), then});
  const ExprId other_token = grammar.seq(
      {grammar.tokens({.names = trigger.special_names, .negated = true, .special_only = true}), grammar.call(start)});
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<ByteSet> to(n + 1);
    for (unsigned byte = 0; byte < 256; ++byte) {
      const std::string so_far = text.substr(0, i) + static_cast<char>(byte);
      std::size_t longest = std::min(so_far.size(), text.size());
      while (longest > 0 && !so_far.ends_with(std::string_view(text).substr(0, longest))) --longest;
      to[longest].set(byte);
    }
    std::vector<ExprId> ways = {end, trigger_token, other_token};
    for (std::size_t next = 0; next <= n; ++next) {
      const bool complete = next == text.size() && next > 0;
      const ExprId target = complete ? then : grammar.call(seen[next < n ? next : 0]);
      ways.push_back(grammar.seq({grammar.bytes(to[next]), target}));
    }
    grammar.define(seen[i], grammar.alt(std::move(ways)));
  }
}

}  // namespace hearth::constrain
