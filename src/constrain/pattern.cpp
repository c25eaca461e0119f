// From pattern trees to automata (Thompson's construction, then empty moves removed), matching, products, grammars.
#include "constrain/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "constrain/limits.h"
#include "constrain/pattern_syntax.h"
#include "text/utf8.h"

namespace hearth::constrain {

namespace {

using text::CodeSet;

std::unexpected<Error> too_large() {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("compiling a pattern: it needs more than {} states or {} moves; use smaller counts or fewer "
                          "patterns for one string",
                          kMaxNfaStates, kMaxNfaEdges));
}

std::uint32_t intern(std::vector<CodeSet>& sets, const CodeSet& set) {
  const auto known = std::ranges::find(sets, set);
  if (known != sets.end()) return static_cast<std::uint32_t>(known - sets.begin());
  sets.push_back(set);
  return static_cast<std::uint32_t>(sets.size() - 1);
}

/// Thompson's automaton: a node takes a character of a set, or leads on without one, perhaps only at an end of the
/// text.
struct Node {
  enum class Kind : std::uint8_t { kChar, kSplit, kBegin, kEnd, kAccept } kind = Kind::kSplit;
  std::uint32_t set = 0;
  std::vector<std::uint32_t> next;
};

class Builder {
 public:
  Result<CharNfa> run(const PatternNode& tree, PatternScope scope) {
    const std::uint32_t accept = add({.kind = Node::Kind::kAccept});
    std::uint32_t start = 0;
    if (scope == PatternScope::kWhole) {
      start = build(tree, accept);
    } else {
      const std::uint32_t any = intern(nfa_.sets, CodeSet({{0, text::kLastCode}}));
      const std::uint32_t after = add({.kind = Node::Kind::kSplit});
      nodes_[after].next = {accept, add({.kind = Node::Kind::kChar, .set = any, .next = {after}})};
      start = add({.kind = Node::Kind::kSplit});
      const std::uint32_t first = build(tree, after);
      nodes_[start].next = {first, add({.kind = Node::Kind::kChar, .set = any, .next = {start}})};
    }
    if (full()) return too_large();
    return without_empty_moves(start);
  }

 private:
  [[nodiscard]] bool full() const { return nodes_.size() > 4 * kMaxNfaStates; }

  std::uint32_t add(Node node) {
    nodes_.push_back(std::move(node));
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }

  /// The node from which `tree` is matched and then `next`.
  std::uint32_t build(const PatternNode& tree, std::uint32_t next) {
    if (full()) return next;
    switch (tree.kind) {
      case PatternNode::Kind::kEmpty: return next;
      case PatternNode::Kind::kSet:
        return add({.kind = Node::Kind::kChar, .set = intern(nfa_.sets, tree.set), .next = {next}});
      case PatternNode::Kind::kBegin: return add({.kind = Node::Kind::kBegin, .next = {next}});
      case PatternNode::Kind::kEnd: return add({.kind = Node::Kind::kEnd, .next = {next}});
      case PatternNode::Kind::kConcat:
        for (std::size_t i = tree.children.size(); i-- > 0;) next = build(tree.children[i], next);
        return next;
      case PatternNode::Kind::kAlternate: {
        std::vector<std::uint32_t> ways;
        for (const PatternNode& child : tree.children) ways.push_back(build(child, next));
        return add({.kind = Node::Kind::kSplit, .next = std::move(ways)});
      }
      case PatternNode::Kind::kRepeat: break;
    }
    const PatternNode& body = tree.children[0];
    if (tree.max == Expr::kUnbounded) {
      const std::uint32_t loop = add({.kind = Node::Kind::kSplit});
      nodes_[loop].next = {build(body, loop), next};
      next = loop;
    } else {
      const std::uint32_t exit = next;
      for (std::uint32_t i = tree.min; i < tree.max && !full(); ++i) {
        const std::uint32_t first = build(body, next);
        next = add({.kind = Node::Kind::kSplit, .next = {first, exit}});
      }
    }
    for (std::uint32_t i = 0; i < tree.min && !full(); ++i) next = build(body, next);
    return next;
  }

  /// The characters' nodes reachable from `from`, and whether the text may end.
  void close(std::uint32_t from, bool at_begin, CharNfa::State& state) {
    // Twice: what lies behind a $ counts only for the end.
    for (const bool behind_end : {false, true}) {
      seen_.assign(nodes_.size(), 0);
      work_.assign(1, {from, false});
      while (!work_.empty()) {
        const auto [id, passed_end] = work_.back();
        work_.pop_back();
        const std::uint8_t mark = passed_end ? 2 : 1;
        if (seen_[id] & mark) continue;
        seen_[id] |= mark;
        const Node& node = nodes_[id];
        if (node.kind == Node::Kind::kAccept) {
          state.accepts = true;
        } else if (node.kind == Node::Kind::kChar) {
          if (!behind_end && !passed_end) state.edges.push_back({node.set, node.next[0]});
        } else if (node.kind != Node::Kind::kBegin || at_begin) {
          const bool passes = passed_end || node.kind == Node::Kind::kEnd;
          if (passes && !behind_end) continue;
          for (const std::uint32_t next : node.next) work_.emplace_back(next, passes);
        }
      }
    }
  }

  Result<CharNfa> without_empty_moves(std::uint32_t start) {
    std::unordered_map<std::uint32_t, std::uint32_t> state_of;  // of nodes that follow a character
    std::vector<std::uint32_t> waiting;
    std::size_t n_edges = 0, n_steps = 0;
    nfa_.states.emplace_back();
    close(start, true, nfa_.states[0]);
    for (std::size_t i = 0; i < nfa_.states.size(); ++i) {
      if (i > 0) {
        CharNfa::State state;
        close(waiting[i - 1], false, state);
        nfa_.states[i] = std::move(state);
      }
      n_edges += nfa_.states[i].edges.size();
      n_steps += nodes_.size();
      if (n_edges > kMaxNfaEdges || nfa_.states.size() > kMaxNfaStates || n_steps > (1u << 29)) return too_large();
      for (CharNfa::Edge& edge : nfa_.states[i].edges) {
        const auto [known, added] = state_of.emplace(edge.target, static_cast<std::uint32_t>(waiting.size() + 1));
        if (added) waiting.push_back(edge.target);
        edge.target = known->second;
      }
      nfa_.states.resize(waiting.size() + 1);
    }
    return std::move(nfa_);
  }

  std::vector<Node> nodes_;
  std::vector<std::uint8_t> seen_;
  std::vector<std::pair<std::uint32_t, bool>> work_;
  CharNfa nfa_;
};

}  // namespace

bool CharNfa::matches(std::string_view utf8) const {
  std::vector<std::uint32_t> now = {0}, next;
  std::vector<std::uint8_t> in_next(states.size(), 0);
  std::vector<std::int8_t> holds(sets.size());
  for (std::size_t at = 0; at < utf8.size() && !now.empty();) {
    const text::Utf8Char character = text::decode_utf8(utf8, at);
    at += character.n_bytes;
    std::ranges::fill(holds, -1);
    next.clear();
    for (const std::uint32_t state : now) {
      for (const Edge& edge : states[state].edges) {
        if (holds[edge.set] < 0) holds[edge.set] = sets[edge.set].contains(character.code) ? 1 : 0;
        if (!holds[edge.set] || in_next[edge.target]) continue;
        in_next[edge.target] = 1;
        next.push_back(edge.target);
      }
    }
    for (const std::uint32_t state : next) in_next[state] = 0;
    std::swap(now, next);
  }
  return std::ranges::any_of(now, [&](std::uint32_t state) { return states[state].accepts; });
}

bool CharNfa::matches_nothing() const {
  std::vector<std::uint8_t> seen(states.size(), 0);
  std::vector<std::uint32_t> work = {0};
  seen[0] = 1;
  while (!work.empty()) {
    const State& state = states[work.back()];
    work.pop_back();
    if (state.accepts) return false;
    for (const Edge& edge : state.edges) {
      if (seen[edge.target] || sets[edge.set].empty()) continue;
      seen[edge.target] = 1;
      work.push_back(edge.target);
    }
  }
  return true;
}

Result<CharNfa> parse_pattern(std::string_view pattern, PatternScope scope) {
  if (pattern.size() > kMaxSourceBytes) return fail(ErrorCode::kInvalidArgument, "reading a pattern: it is too long");
  HEARTH_TRY(const PatternNode tree, parse_pattern_syntax(pattern));
  return Builder().run(tree, scope);
}

Result<CharNfa> any_of_length(std::uint32_t min, std::uint32_t max) {
  const std::uint32_t last = max == Expr::kUnbounded ? min : max;
  if (last >= kMaxNfaStates) return too_large();
  CharNfa nfa;
  nfa.sets = {CodeSet({{0, text::kLastCode}})};
  nfa.states.resize(last + 1);
  for (std::uint32_t i = 0; i <= last; ++i) {
    nfa.states[i].accepts = i >= min;
    if (i < last) nfa.states[i].edges = {{0, i + 1}};
  }
  if (max == Expr::kUnbounded) nfa.states[last].edges = {{0, last}};
  return nfa;
}

CharNfa any_without(std::string_view stop) {
  CharNfa nfa;
  nfa.states.resize(std::max<std::size_t>(stop.size(), 1));
  const std::string text(stop);
  for (std::size_t i = 0; i < stop.size(); ++i) {
    // After text[0, i): every character of the stop may lead somewhere else than back to the beginning.
    std::string letters = text;
    std::ranges::sort(letters);
    letters.erase(std::ranges::unique(letters).begin(), letters.end());
    CodeSet others;
    for (const char letter : letters) others = others.united(CodeSet::single(static_cast<unsigned char>(letter)));
    nfa.states[i].accepts = true;
    const auto add = [&](CodeSet set, std::size_t target) {
      nfa.sets.push_back(std::move(set));
      nfa.states[i].edges.push_back(
          {static_cast<std::uint32_t>(nfa.sets.size() - 1), static_cast<std::uint32_t>(target)});
    };
    add(others.complement(), 0);
    for (const char letter : letters) {
      const std::string so_far = text.substr(0, i) + letter;
      std::size_t longest = std::min(so_far.size(), text.size());
      while (longest > 0 && !so_far.ends_with(stop.substr(0, longest))) --longest;
      if (longest < text.size()) add(CodeSet::single(static_cast<unsigned char>(letter)), longest);
    }
  }
  return nfa;
}

Result<CharNfa> both(const CharNfa& a, const CharNfa& b) {
  CharNfa nfa;
  std::unordered_map<std::uint64_t, std::uint32_t> state_of = {{0, 0}};
  std::unordered_map<std::uint64_t, std::uint32_t> set_of;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs = {{0, 0}};
  std::size_t n_edges = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto [in_a, in_b] = pairs[i];
    CharNfa::State state{.accepts = a.states[in_a].accepts && b.states[in_b].accepts};
    for (const CharNfa::Edge& of_a : a.states[in_a].edges) {
      for (const CharNfa::Edge& of_b : b.states[in_b].edges) {
        const auto [set, is_new] = set_of.emplace(std::uint64_t{of_a.set} << 32 | of_b.set, 0);
        if (is_new) set->second = intern(nfa.sets, a.sets[of_a.set].intersected(b.sets[of_b.set]));
        if (nfa.sets[set->second].empty()) continue;
        const auto [known, added] = state_of.emplace(std::uint64_t{of_a.target} << 32 | of_b.target, pairs.size());
        if (added) pairs.emplace_back(of_a.target, of_b.target);
        state.edges.push_back({set->second, known->second});
        if (++n_edges > kMaxNfaEdges || pairs.size() > kMaxNfaStates) return too_large();
      }
    }
    nfa.states.push_back(std::move(state));
  }
  return nfa;
}

ExprId expression_of(Grammar& grammar, const CharNfa& nfa, Spelling spelling) {
  std::vector<ExprId> of_set;
  for (const CodeSet& set : nfa.sets) of_set.push_back(one_char(grammar, set, spelling));
  std::vector<RuleId> rule_of;
  for (std::size_t i = 0; i < nfa.states.size(); ++i) rule_of.push_back(grammar.add_rule("pattern"));
  for (std::size_t i = 0; i < nfa.states.size(); ++i) {
    std::vector<ExprId> ways;
    for (const CharNfa::Edge& edge : nfa.states[i].edges)
      ways.push_back(grammar.seq({of_set[edge.set], grammar.call(rule_of[edge.target])}));
    if (nfa.states[i].accepts) ways.push_back(grammar.empty());
    grammar.define(rule_of[i], grammar.alt(std::move(ways)));
  }
  return grammar.call(rule_of[0]);
}

}  // namespace hearth::constrain
