// The slow, obvious sampler: sorts everything, in double, with the C library. Specification of the fast steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "hearth/sampling.h"

namespace hearth::sample::oracle {

struct Entry {
  std::int32_t id;
  double logit;
  double p;
};
using Entries = std::vector<Entry>;

inline void normalise(Entries& entries) {
  double max = -INFINITY;
  for (const Entry& e : entries) max = std::max(max, e.logit);
  double sum = 0;
  for (const Entry& e : entries) sum += std::exp(e.logit - max);
  for (Entry& e : entries) e.p = std::exp(e.logit - max) / sum;
}

inline void sort_best_first(Entries& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; });
}

inline Entries entries_of(const Candidates& candidates) {
  Entries entries;
  for (std::size_t i = 0; i < candidates.size(); ++i) entries.push_back({candidates.ids[i], candidates.logits[i], 0});
  normalise(entries);
  sort_best_first(entries);
  return entries;
}

/// Cuts after the entry with which the running probability reaches p. Sums that come closer to p than rounding can
/// tell are reported in `borderline`.
inline void cut_at_mass(Entries& entries, double p, bool* borderline) {
  double sum = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    sum += entries[i].p;
    if (std::fabs(sum - p) < 1e-7) *borderline = true;
    if (sum >= p) {
      entries.resize(i + 1);
      return;
    }
  }
}

inline void top_k(Entries& entries, std::size_t k) {
  if (k < entries.size()) entries.resize(k);
}

inline void top_p(Entries& entries, double p, bool* borderline) {
  if (p >= 1) return;
  normalise(entries);
  sort_best_first(entries);
  cut_at_mass(entries, p, borderline);
}

inline void min_p(Entries& entries, double p) {
  normalise(entries);
  const double best = entries[0].p;
  std::erase_if(entries, [&](const Entry& e) { return e.p < p * best * (1 - 1e-12); });
}

inline void typical(Entries& entries, double p, bool* borderline) {
  normalise(entries);
  double entropy = 0;
  for (const Entry& e : entries) entropy -= e.p > 0 ? e.p * std::log(e.p) : 0;
  const auto deviance = [&](const Entry& e) { return std::fabs(-std::log(e.p) - entropy); };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    const double da = deviance(a);
    const double db = deviance(b);
    return std::fabs(da - db) > 1e-12 ? da < db : a.id < b.id;
  });
  cut_at_mass(entries, p, borderline);
  sort_best_first(entries);
}

inline std::vector<std::int32_t> sorted_ids(const Entries& entries) {
  std::vector<std::int32_t> ids;
  for (const Entry& e : entries) ids.push_back(e.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

/// Logits as models give them: a few high, many low; with ties when `steps` quantises them.
inline Candidates random_candidates(std::size_t n, std::uint64_t seed, double spread, double step) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, spread);
  Candidates candidates;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = normal(random);
    candidates.ids.push_back(static_cast<std::int32_t>(2 * i));
    candidates.logits.push_back(static_cast<float>(step > 0 ? std::round(x / step) * step : x));
  }
  return candidates;
}

}  // namespace hearth::sample::oracle
