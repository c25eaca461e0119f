// Top-k with mask and bias by partial sorting.
#include "engine/top_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace hearth {

void deliver_top_tokens(const Want& want, std::size_t want_idx, std::span<const float> logits, OutputSink& sink) {
  std::vector<TopToken> allowed;
  for (std::size_t t = 0; t < logits.size(); ++t) {
    if (!want.mask.empty() && (want.mask[t / 32] >> (t % 32) & 1u) == 0) continue;
    const float logit = want.bias.empty() ? logits[t] : logits[t] + want.bias[t];
    if (!std::isnan(logit)) allowed.push_back({static_cast<Token>(t), logit});
  }
  if (allowed.empty()) return sink.top(want_idx, {}, -std::numeric_limits<float>::infinity());
  const double max = std::ranges::max_element(allowed, {}, &TopToken::logit)->logit;
  double sum = 0;
  for (const TopToken& token : allowed) sum += std::exp(token.logit - max);
  const auto k = static_cast<std::ptrdiff_t>(std::min(want.k, allowed.size()));
  std::partial_sort(allowed.begin(), allowed.begin() + k, allowed.end(), [](const TopToken& a, const TopToken& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  });
  sink.top(want_idx, std::span(allowed).first(static_cast<std::size_t>(k)), static_cast<float>(max + std::log(sum)));
}

}  // namespace hearth
