// Shortest ways through a grammar (Knuth 1977: Dijkstra's algorithm where a step may join several ways).
#include "constrain/program_distance.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace hearth::constrain {

namespace {

constexpr std::uint32_t kFarthest = Distance::kNever - 1;

std::uint32_t saturated(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, kFarthest));
}

/// What a position's distance follows from.
template <typename Visit>
void visit_inputs(const Program& program, const Op& op, Visit visit) {
  switch (op.kind) {
    case Op::Kind::kBytes:
    case Op::Kind::kTokens: visit(op.next); break;
    case Op::Kind::kSplit:
      for (std::uint32_t i = 0; i < op.b; ++i) visit(program.alternatives[op.a + i]);
      break;
    case Op::Kind::kJump: visit(op.a); break;
    case Op::Kind::kCall:
      visit(op.a);
      visit(op.next);
      break;
    case Op::Kind::kRepeat:
      if (op.min > 0) visit(op.a);
      visit(op.next);
      break;
    case Op::Kind::kReturn: break;
  }
}

Distance through(const Program& program, const Op& op) {
  const auto& at = program.distance;
  const auto sum = [&](std::uint64_t times) -> Distance {
    if (at[op.a].n_bytes == Distance::kNever || at[op.next].n_bytes == Distance::kNever) return {};
    return {saturated(times * at[op.a].n_bytes + at[op.next].n_bytes), std::max(at[op.a].depth + 1, at[op.next].depth)};
  };
  switch (op.kind) {
    case Op::Kind::kReturn: return {0, 0};
    case Op::Kind::kBytes:
      if (program.byte_sets[op.a].none() || at[op.next].n_bytes == Distance::kNever) return {};
      return {saturated(std::uint64_t{at[op.next].n_bytes} + 1), at[op.next].depth};
    case Op::Kind::kTokens: {
      const TokenSet& set = program.token_sets[op.a];
      if ((!set.negated && set.ids.empty() && set.names.empty()) || at[op.next].n_bytes == Distance::kNever) return {};
      return {saturated(std::uint64_t{at[op.next].n_bytes} + 1), at[op.next].depth};
    }
    case Op::Kind::kSplit: {
      Distance best;
      for (std::uint32_t i = 0; i < op.b; ++i) {
        const Distance& way = at[program.alternatives[op.a + i]];
        if (std::tie(way.n_bytes, way.depth) < std::tie(best.n_bytes, best.depth)) best = way;
      }
      return best;
    }
    case Op::Kind::kJump: return at[op.a];
    case Op::Kind::kCall: return sum(1);
    case Op::Kind::kRepeat: return op.min == 0 ? at[op.next] : sum(op.min);
  }
  return {};
}

}  // namespace

void compute_distances(Program& program) {
  const std::size_t n = program.ops.size();
  program.distance.assign(n, Distance{});
  std::vector<std::uint32_t> first_user(n + 1, 0);
  for (const Op& op : program.ops) visit_inputs(program, op, [&](OpId input) { ++first_user[input + 1]; });
  for (std::size_t i = 0; i < n; ++i) first_user[i + 1] += first_user[i];
  std::vector<OpId> users(first_user[n]);
  std::vector<std::uint32_t> filled = first_user;
  for (OpId id = 0; id < n; ++id)
    visit_inputs(program, program.ops[id], [&](OpId input) { users[filled[input]++] = id; });

  using Entry = std::tuple<std::uint32_t, std::uint32_t, OpId>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  std::vector<std::uint8_t> done(n, 0);
  for (OpId id = 0; id < n; ++id)
    if (program.ops[id].kind == Op::Kind::kReturn) queue.emplace(0, 0, id);
  while (!queue.empty()) {
    const auto [n_bytes, depth, id] = queue.top();
    queue.pop();
    if (done[id]) continue;
    done[id] = 1;
    program.distance[id] = {n_bytes, depth};
    for (std::uint32_t i = first_user[id]; i < first_user[id + 1]; ++i) {
      if (done[users[i]]) continue;
      const Distance way = through(program, program.ops[users[i]]);
      if (way.n_bytes != Distance::kNever) queue.emplace(way.n_bytes, way.depth, users[i]);
    }
  }
}

std::optional<OpId> find_left_recursion(const Program& program) {
  const auto steps = [&](OpId id, std::vector<OpId>& out) {
    const Op& op = program.ops[id];
    out.clear();
    switch (op.kind) {
      case Op::Kind::kSplit:
        out.assign(program.alternatives.begin() + op.a, program.alternatives.begin() + op.a + op.b);
        break;
      case Op::Kind::kJump: out = {op.a}; break;
      case Op::Kind::kCall:
        out = {op.a};
        if (program.distance[op.a].n_bytes == 0) out.push_back(op.next);
        break;
      case Op::Kind::kRepeat:
        out = {op.a};
        if (op.min == 0) out.push_back(op.next);
        break;
      default: break;
    }
    std::erase_if(out, [&](OpId next) { return program.distance[next].n_bytes == Distance::kNever; });
  };
  enum : std::uint8_t { kNew, kOpen, kClosed };
  std::vector<std::uint8_t> colour(program.ops.size(), kNew);
  std::vector<std::pair<OpId, std::vector<OpId>>> path;
  for (OpId root = 0; root < program.ops.size(); ++root) {
    if (colour[root] != kNew || program.distance[root].n_bytes == Distance::kNever) continue;
    path.emplace_back(root, std::vector<OpId>{});
    steps(root, path.back().second);
    colour[root] = kOpen;
    while (!path.empty()) {
      auto& [id, left] = path.back();
      if (left.empty()) {
        colour[id] = kClosed;
        path.pop_back();
        continue;
      }
      const OpId next = left.back();
      left.pop_back();
      if (colour[next] == kOpen) {
        // Name the rule: its entry is a jump that lies on the cycle.
        for (std::size_t i = path.size(); i-- > 0;) {
          if (program.ops[path[i].first].kind == Op::Kind::kJump) return path[i].first;
          if (path[i].first == next) break;
        }
        return next;
      }
      if (colour[next] != kNew) continue;
      colour[next] = kOpen;
      path.emplace_back(next, std::vector<OpId>{});
      steps(next, path.back().second);
    }
  }
  return std::nullopt;
}

}  // namespace hearth::constrain
