// largest: one scan against a rising threshold, a group of values at a time. leading_mass: a histogram of mass finds
// the bucket in which the target lies, and only that bucket is searched, by halving.
#include "sample/select.h"

#include <algorithm>
#include <array>
#include <limits>

namespace hearth::sample {

namespace {

/// Values that are passed over together when none is above the threshold, which soon is true of most.
constexpr std::size_t kGlance = 64;

/// Without a branch per value, so that it becomes vector code. NaN is not above.
bool any_above(std::span<const float> values, float threshold) {
  std::uint32_t above = 0;
  for (const float value : values) above |= static_cast<std::uint32_t>(value > threshold);
  return above != 0;
}

}  // namespace

std::vector<std::size_t> largest(std::span<const float> values, std::size_t k, std::span<const std::uint32_t> allowed) {
  k = std::min(k, values.size());
  std::vector<std::size_t> best;
  if (k == 0) return best;
  const auto value = [&](std::size_t i) { return std::min(values[i], kLargestLogit); };
  const auto better = [&](std::size_t a, std::size_t b) { return value(a) != value(b) ? value(a) > value(b) : a < b; };
  const auto keep_k = [&] {
    std::nth_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(k) - 1, best.end(), better);
    best.resize(k);
  };
  const std::size_t room = std::max<std::size_t>(2 * k, 256);
  best.reserve(room);
  // Once k are known, a later equal value loses its tie, so only greater ones matter. NaN is not greater.
  float threshold = -std::numeric_limits<float>::infinity();
  const auto look_at = [&](std::size_t i) {
    if (!(value(i) > threshold)) return;
    if (!allowed.empty() && (allowed[i / 32] >> (i % 32) & 1u) == 0) return;
    best.push_back(i);
    if (best.size() < room) return;
    keep_k();
    threshold = value(best[k - 1]);
  };
  for (std::size_t begin = 0; begin < values.size(); begin += kGlance) {
    const std::span<const float> group = values.subspan(begin, std::min(kGlance, values.size() - begin));
    if (!any_above(group, threshold)) continue;
    for (std::size_t i = begin; i < begin + group.size(); ++i) look_at(i);
  }
  if (best.size() > k) keep_k();
  std::sort(best.begin(), best.end());
  return best;
}

namespace {

constexpr std::size_t kBuckets = 1024;

/// Maps distances in [first, last] to buckets, monotonically.
struct Buckets {
  double first;
  double scale;
  [[nodiscard]] std::size_t operator()(double distance) const {
    return static_cast<std::size_t>((distance - first) * scale);
  }
};

Buckets buckets_for(std::span<const float> logits, DistanceFrom distance) {
  constexpr std::size_t kLanes = 8;  // independent running minima and maxima, for the compiler's vectors
  double first[kLanes];
  double last[kLanes];
  std::fill_n(first, kLanes, distance(logits[0]));
  std::fill_n(last, kLanes, distance(logits[0]));
  const std::size_t whole = logits.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double d = distance(logits[i + lane]);
      first[lane] = d < first[lane] ? d : first[lane];
      last[lane] = d > last[lane] ? d : last[lane];
    }
  }
  for (const float logit : logits.subspan(whole)) {
    first[0] = std::min(first[0], distance(logit));
    last[0] = std::max(last[0], distance(logit));
  }
  const double lowest = *std::min_element(first, first + kLanes);
  const double range = *std::max_element(last, last + kLanes) - lowest;
  return {lowest, range > 1e-300 ? (kBuckets - 1) / range : 0};
}

struct Entry {
  double distance;
  std::size_t index;
  std::uint64_t mass;
};

bool operator<(const Entry& a, const Entry& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.index < b.index;
}

/// The last entry needed, in order, to reach the target; `open` must hold that much.
Entry last_needed(std::span<Entry> open, std::uint64_t target) {
  while (open.size() > 1) {
    const std::size_t half = open.size() / 2;
    std::nth_element(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(half), open.end());
    std::uint64_t left = 0;
    for (const Entry& entry : open.first(half)) left += entry.mass;
    if (left >= target) {
      open = open.first(half);
    } else {
      target -= left;
      open = open.subspan(half);
    }
  }
  return open[0];
}

}  // namespace

std::vector<std::size_t> leading_mass(std::span<const float> logits, DistanceFrom distance, std::uint64_t target) {
  const float max = max_logit(logits);
  const Buckets bucket_of = buckets_for(logits, distance);
  std::array<std::uint64_t, kBuckets> histogram{};
  MassChunk masses;
  for (std::size_t begin = 0; begin < logits.size(); begin += kChunk) {
    const std::span<const float> chunk = logits.subspan(begin, std::min(kChunk, logits.size() - begin));
    masses_of(chunk, max, masses);
    for (std::size_t i = 0; i < chunk.size(); ++i) histogram[bucket_of(distance(chunk[i]))] += masses[i];
  }
  std::size_t bucket = 0;
  while (histogram[bucket] < target) target -= histogram[bucket++];

  std::vector<Entry> open;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double d = distance(logits[i]);
    if (bucket_of(d) != bucket) continue;
    masses_of(logits.subspan(i, 1), max, masses);
    open.push_back({d, i, masses[0]});
  }
  const Entry last = last_needed(open, target);
  const auto is_taken = [&](std::size_t i) {
    const double d = distance(logits[i]);
    return static_cast<std::size_t>((d < last.distance) | ((d == last.distance) & (i <= last.index)));
  };
  // Counted first, because fresh memory for a whole vocabulary costs more than a second look; written without a branch
  // that could be mispredicted, hence the one more than needed.
  std::size_t n_taken = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) n_taken += is_taken(i);
  std::vector<std::size_t> taken(n_taken + 1);
  std::size_t n = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    taken[n] = i;
    n += is_taken(i);
  }
  taken.resize(n_taken);
  return taken;
}

}  // namespace hearth::sample
