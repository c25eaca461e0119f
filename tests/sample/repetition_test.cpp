// Penalties against counting by hand, DRY against trying every earlier stretch.
#include "sample/repetition.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "sample/oracle.h"

namespace hearth::sample {
namespace {

using Ids = std::vector<std::int32_t>;

Candidates vocabulary(int n, float logit) {
  Candidates candidates;
  for (int i = 0; i < n; ++i) {
    candidates.ids.push_back(i);
    candidates.logits.push_back(logit + 0.25f * static_cast<float>(i % 5) - 0.5f);
  }
  return candidates;
}

TEST(Repetition, WindowsLookBackFromTheEnd) {
  const Ids recent = {1, 2, 3, 4};
  const auto window = [&](std::int32_t n) {
    const auto span = last_tokens(recent, n);
    return Ids(span.begin(), span.end());
  };
  EXPECT_EQ(window(-1), recent);
  EXPECT_EQ(window(0), Ids{});
  EXPECT_EQ(window(2), (Ids{3, 4}));
  EXPECT_EQ(window(9), recent);
}

TEST(Repetition, PenaltiesFollowTheirFormulas) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    Candidates candidates = vocabulary(30, 0.1f);
    const Candidates before = candidates;
    Ids window(random() % 60);
    for (auto& id : window) id = static_cast<std::int32_t>(random() % 35);  // some outside the candidates
    apply_penalties(candidates, window, {1.3f, 0.4f, 0.2f});
    std::map<std::int32_t, int> counts;
    for (const auto id : window) ++counts[id];
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const float logit = before.logits[i];
      float want = logit;
      if (const auto it = counts.find(candidates.ids[i]); it != counts.end()) {
        want = (logit > 0 ? logit / 1.3f : logit * 1.3f) - (static_cast<float>(it->second) * 0.2f + 0.4f);
      }
      EXPECT_EQ(candidates.logits[i], want);
    }
  }
}

/// The longest stretch that ends the window, stood earlier and was followed by t, reaching across no breaker.
std::size_t longest_repeat(const Ids& window, std::int32_t t, const Ids& breakers) {
  const auto breaks = [&](std::int32_t id) { return std::count(breakers.begin(), breakers.end(), id) > 0; };
  std::size_t best = 0;
  for (std::size_t next = 1; next < window.size(); ++next) {  // window[next] == t follows the earlier stretch
    if (window[next] != t || breaks(t)) continue;
    std::size_t length = 0;
    while (length < next && window[next - 1 - length] == window[window.size() - 1 - length] &&
           !breaks(window[next - 1 - length])) {
      ++length;
    }
    best = std::max(best, length);
  }
  return best;
}

TEST(Repetition, DryMatchesTryingEveryStretch) {
  std::mt19937 random(2);
  const DryOptions options{.multiplier = 0.8f, .base = 1.75f, .allowed_length = 2, .breakers = {3}};
  int n_penalised = 0;
  for (int round = 0; round < 300; ++round) {
    Candidates candidates = vocabulary(5, 10);
    const Candidates before = candidates;
    Ids window(random() % 40);
    for (auto& id : window) id = static_cast<std::int32_t>(random() % (round % 2 == 0 ? 3 : 5));
    apply_dry(candidates, window, options);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const std::size_t length = longest_repeat(window, candidates.ids[i], options.breakers);
      const double penalty = length < 2 ? 0 : 0.8f * std::pow(1.75, static_cast<double>(length - 2));
      EXPECT_NEAR(candidates.logits[i], before.logits[i] - penalty, 1e-5 * (1 + penalty));
      n_penalised += length >= 2 ? 1 : 0;
    }
  }
  EXPECT_GT(n_penalised, 200);
}

TEST(Repetition, DryIsLinear) {
  const Ids window(1 << 20, 7);  // a quadratic comparison would take an hour
  Candidates candidates = vocabulary(10, 1);
  apply_dry(candidates, window, {.multiplier = 1, .base = 2});
  EXPECT_EQ(candidates.logits[7], std::numeric_limits<float>::lowest());
  EXPECT_EQ(candidates.logits[6], vocabulary(10, 1).logits[6]);
}

}  // namespace
}  // namespace hearth::sample
