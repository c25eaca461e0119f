// Counting by a sorted copy of the window; DRY by the Z-function of the reversed window.
#include "sample/repetition.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace hearth::sample {

namespace {

float* logit_of(Candidates& candidates, std::int32_t id) {
  const auto it = std::lower_bound(candidates.ids.begin(), candidates.ids.end(), id);
  if (it == candidates.ids.end() || *it != id) return nullptr;
  return &candidates.logits[static_cast<std::size_t>(it - candidates.ids.begin())];
}

float finite(float x) {
  return std::clamp(x, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
}

/// z[i] = length of the longest common prefix of s and s[i..]; z[0] = 0.
std::vector<std::size_t> z_function(std::span<const std::int32_t> s) {
  std::vector<std::size_t> z(s.size());
  std::size_t left = 0;
  std::size_t right = 0;
  for (std::size_t i = 1; i < s.size(); ++i) {
    if (i < right) z[i] = std::min(right - i, z[i - left]);
    while (i + z[i] < s.size() && s[z[i]] == s[i + z[i]]) ++z[i];
    if (i + z[i] > right) {
      left = i;
      right = i + z[i];
    }
  }
  return z;
}

/// multiplier * base^exponent, at most the largest float.
float dry_penalty(const DryOptions& options, std::size_t exponent) {
  double penalty = options.multiplier;
  for (std::size_t i = 0; i < exponent && penalty < std::numeric_limits<float>::max(); ++i) {
    const double before = penalty;
    penalty *= options.base;
    if (penalty == before) break;  // base 1
  }
  return static_cast<float>(std::min<double>(penalty, std::numeric_limits<float>::max()));
}

}  // namespace

std::span<const std::int32_t> last_tokens(std::span<const std::int32_t> recent, std::int32_t window) {
  if (window < 0 || static_cast<std::size_t>(window) >= recent.size()) return recent;
  return recent.last(static_cast<std::size_t>(window));
}

bool penalises(const SamplerOptions& options) {
  return options.repetition_penalty != 1 || options.presence_penalty != 0 || options.frequency_penalty != 0;
}

void apply_penalties(Candidates& candidates, std::span<const std::int32_t> window, const PenaltyOptions& penalties) {
  std::vector<std::int32_t> sorted(window.begin(), window.end());
  std::sort(sorted.begin(), sorted.end());
  for (auto it = sorted.begin(); it != sorted.end();) {
    const auto next = std::upper_bound(it, sorted.end(), *it);
    if (float* logit = logit_of(candidates, *it)) {
      const float repeated = *logit > 0 ? *logit / penalties.repetition : *logit * penalties.repetition;
      *logit = finite(repeated - (static_cast<float>(next - it) * penalties.frequency + penalties.presence));
    }
    it = next;
  }
}

void apply_dry(Candidates& candidates, std::span<const std::int32_t> window, const DryOptions& options) {
  // Nothing reaches across a breaker: only what follows the last one can repeat.
  std::vector<std::int32_t> breakers = options.breakers;
  std::sort(breakers.begin(), breakers.end());
  const auto breaks = [&](std::int32_t id) { return std::binary_search(breakers.begin(), breakers.end(), id); };
  std::vector<std::int32_t> reversed(window.rbegin(), window.rend());
  const std::size_t tail =
      static_cast<std::size_t>(std::find_if(reversed.begin(), reversed.end(), breaks) - reversed.begin());
  const std::vector<std::size_t> z = z_function(reversed);

  // reversed[i..] begins like the end of the text for z[i] tokens, and reversed[i - 1] came after that stretch.
  struct Match {
    std::int32_t id;
    std::size_t length;
  };
  std::vector<Match> matches;
  const auto allowed = static_cast<std::size_t>(options.allowed_length);
  for (std::size_t i = 1; i < reversed.size(); ++i) {
    const std::size_t length = std::min(z[i], tail);
    if (length >= allowed && length > 0 && !breaks(reversed[i - 1])) matches.push_back({reversed[i - 1], length});
  }
  std::sort(matches.begin(), matches.end(),
            [](const Match& a, const Match& b) { return a.id != b.id ? a.id < b.id : a.length > b.length; });
  for (std::size_t i = 0; i < matches.size(); ++i) {
    if (i > 0 && matches[i].id == matches[i - 1].id) continue;
    if (float* logit = logit_of(candidates, matches[i].id)) {
      *logit = finite(*logit - dry_penalty(options, matches[i].length - allowed));
    }
  }
}

}  // namespace hearth::sample
