// Probabilities as integers: exp(logit - max) in units of 2^-40. Integer sums are exact in any order, so selecting,
// truncating and drawing need no sorted order to be reproducible.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace hearth::sample {

inline constexpr double kMassUnit = 0x1p40;  // the mass of the best token; below 2^-41 of it a token is never drawn
inline constexpr float kLargestLogit = std::numeric_limits<float>::max();

/// The largest logit, at most kLargestLogit; -infinity when there is none. NaN is not seen.
float max_logit(std::span<const float> logits);

/// Logits are walked in chunks, so that no array as long as a vocabulary is needed.
inline constexpr std::size_t kChunk = 256;
using MassChunk = std::array<std::uint64_t, kChunk>;

/// Masses of up to kChunk logits below `max`. NaN and -infinity have none; +infinity counts as kLargestLogit.
void masses_of(std::span<const float> chunk, float max, MassChunk& out);

/// The sums, per chunk and over all.
struct MassSums {
  float max = 0;
  std::vector<std::uint64_t> chunks;  // [ceil(n / kChunk)]
  std::uint64_t total = 0;            // below 2^63 for any vocabulary under 2^23 tokens
};
MassSums mass_sums_of(std::span<const float> logits);

/// log(sum of exp(logit)).
double log_sum_exp(const MassSums& sums);
/// The mass that is at least the share `p` of the total, never 0.
std::uint64_t share_of(std::uint64_t total, double p);
/// The first logit at which the running mass exceeds `offset`, which is below the total.
std::size_t find_mass(std::span<const float> logits, const MassSums& sums, std::uint64_t offset);

}  // namespace hearth::sample
