// Whether drafting pays: what a step costs by its rows, how often drafted tokens were right, and the number of tokens
// that brings most for the time. Only speed depends on it, never what is said.
#pragma once

#include <cstddef>
#include <vector>

namespace hearth::generate {

/// How likely the next drafted token is right, from what was seen lately and an expectation before that.
class Acceptance {
 public:
  explicit Acceptance(double expected) : expected_(expected) {}
  /// `n_right` tokens in a row were right; then one was wrong, or no more were drafted.
  enum class Ending : unsigned char { kWrong, kNoMore };
  void judged(std::size_t n_right, Ending ending);
  /// A step went by without drafting: what was seen fades, so that it is tried again some day.
  void passed();
  [[nodiscard]] double rate() const;

 private:
  void fade(double by);
  double expected_;
  double n_right_ = 0, n_seen_ = 0;
};

class DraftPace {
 public:
  /// A step of this many rows, without a prompt's, took so long.
  void step_took(std::size_t n_rows, double seconds);
  /// Drafting took so long for each token.
  void draft_took(double seconds_per_token);

  struct Chance {
    double rate = 0;            // that a drafted token is right, if those before it are
    std::size_t n_rows = 1;     // of the step without this draft
    double n_expected = 1;      // tokens that the step brings without it
    std::size_t n_most = 0;     // tokens that can be drafted
    bool model_drafts = false;  // drafting takes time itself
  };
  /// How many tokens to draft; 0 when none pays.
  [[nodiscard]] std::size_t best(const Chance& chance) const;
  /// Seconds of a step; an estimate where no such step was seen.
  [[nodiscard]] double seconds(std::size_t n_rows) const;

 private:
  std::vector<double> seconds_;  // by rows, smoothed; 0: not seen
  double draft_seconds_ = 0;
};

/// Right tokens to be expected of n, each with this rate if those before it are right.
double expected_right(double rate, std::size_t n);

}  // namespace hearth::generate
