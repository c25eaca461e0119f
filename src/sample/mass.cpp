// Logits to integer masses, in loops a compiler can vectorise.
#include "sample/mass.h"

#include <algorithm>
#include <bit>

#include "sample/exact_math.h"

namespace hearth::sample {

float max_logit(std::span<const float> logits) {
  float lanes[8];
  std::fill_n(lanes, 8, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + 8 <= logits.size(); i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] = std::max(lanes[lane], logits[i + lane]);
  }
  for (; i < logits.size(); ++i) lanes[0] = std::max(lanes[0], logits[i]);
  return std::min(*std::max_element(lanes, lanes + 8), kLargestLogit);
}

void masses_of(std::span<const float> chunk, float max, MassChunk& out) {
  constexpr double kNothing = -40;  // e^-40 is far below half a unit
  const double origin = max;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    const double below = std::min(chunk[i], kLargestLogit) - origin;
    // Adding 2^52 rounds to an integer, which then stands in the mantissa bits.
    const double shifted = exact_exp_in_range(below > kNothing ? below : kNothing) * kMassUnit + 0x1p52;
    out[i] = std::bit_cast<std::uint64_t>(shifted) & ((std::uint64_t{1} << 52) - 1);
  }
}

MassSums mass_sums_of(std::span<const float> logits) {
  MassSums sums;
  sums.max = max_logit(logits);
  sums.chunks.reserve((logits.size() + kChunk - 1) / kChunk);
  MassChunk masses;
  for (std::size_t begin = 0; begin < logits.size(); begin += kChunk) {
    const std::span<const float> chunk = logits.subspan(begin, std::min(kChunk, logits.size() - begin));
    masses_of(chunk, sums.max, masses);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < chunk.size(); ++i) sum += masses[i];
    sums.chunks.push_back(sum);
    sums.total += sum;
  }
  return sums;
}

double log_sum_exp(const MassSums& sums) {
  return sums.max + exact_log(static_cast<double>(sums.total) / kMassUnit);
}

std::uint64_t share_of(std::uint64_t total, double p) {
  const double share = p * static_cast<double>(total);
  const auto floor = static_cast<std::uint64_t>(share);
  return std::clamp<std::uint64_t>(floor + (static_cast<double>(floor) < share ? 1 : 0), 1, total);
}

std::size_t find_mass(std::span<const float> logits, const MassSums& sums, std::uint64_t offset) {
  std::size_t chunk = 0;
  while (offset >= sums.chunks[chunk]) offset -= sums.chunks[chunk++];
  MassChunk masses;
  const std::size_t begin = chunk * kChunk;
  masses_of(logits.subspan(begin, std::min(kChunk, logits.size() - begin)), sums.max, masses);
  std::size_t i = 0;
  while (offset >= masses[i]) offset -= masses[i++];
  return begin + i;
}

}  // namespace hearth::sample
