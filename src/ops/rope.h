// Rotary position embedding: which pairs of elements turn, how fast, and how the known scalings change that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hearth::ops {

/// Element pairs (x[a], x[b]) of a head turn by angle = position * frequency:
/// x[a]' = x[a] cos - x[b] sin, x[b]' = x[a] sin + x[b] cos.
struct Rope {
  enum class Pairs : std::uint8_t {
    kInterleaved,  // (0,1), (2,3), ...: llama's "norm"
    kHalves,       // (0, n/2), (1, n/2+1), ...: "neox"
  } pairs = Pairs::kInterleaved;
  std::size_t n_rot = 0;            // leading elements of a head that turn; the rest pass through
  std::vector<double> frequencies;  // [n_rot / 2] radians per position
  float magnitude = 1.0f;           // factor on cos and sin (yarn, longrope)
};

struct RopeOptions {
  Rope::Pairs pairs = Rope::Pairs::kInterleaved;
  std::size_t n_rot = 0;
  double base = 10000.0;
  double linear_factor = 1.0;      // angles divided by this
  std::span<const float> factors;  // [n_rot / 2] each frequency divided by its factor; empty: none
  struct Yarn {                    // applied when n_ctx_original > 0
    double factor = 1.0;
    std::size_t n_ctx_original = 0;
    double extrapolation = 1.0, attention = 1.0, beta_fast = 32.0, beta_slow = 1.0;
  } yarn;
  float magnitude = 1.0f;
};

/// frequency_i = base^(-2i / n_rot), then the scalings. Yarn (arXiv 2309.00071): a ramp between interpolated and plain
/// frequencies by wavelength, and magnitude = attention * (1 + 0.1 ln factor).
Rope make_rope(const RopeOptions& options);

}  // namespace hearth::ops
