// Smoothed times and rates.
#include "generate/draft_pace.h"

#include <algorithm>
#include <cmath>

namespace hearth::generate {

namespace {

constexpr double kExpectationWeight = 3;  // tokens
constexpr double kFadeSeen = 0.96;        // per judged token: about the last 25 count
constexpr double kFadePassed = 0.98;      // per step: tried again after about a hundred
constexpr double kGuessedSlope = 0.2;     // of one row's time, for each further row, until it is measured
constexpr double kSmooth = 0.2;
constexpr double kOutlier = 3;  // times the smoothed value; the machine was busy with something else
constexpr std::size_t kMostRows = 64;
constexpr double kWorthIt = 1.02;  // a gain below is noise

double guess(std::size_t n_rows) {
  return 1 + kGuessedSlope * static_cast<double>(n_rows - 1);
}

}  // namespace

void Acceptance::fade(double by) {
  n_right_ *= by;
  n_seen_ *= by;
}

void Acceptance::judged(std::size_t n_right, Ending ending) {
  const auto n_seen = static_cast<double>(n_right + (ending == Ending::kWrong));
  fade(std::pow(kFadeSeen, n_seen));
  n_right_ += static_cast<double>(n_right);
  n_seen_ += n_seen;
}

void Acceptance::passed() {
  fade(kFadePassed);
}

double Acceptance::rate() const {
  return (n_right_ + expected_ * kExpectationWeight) / (n_seen_ + kExpectationWeight);
}

double expected_right(double rate, std::size_t n) {
  double all = 0, chain = 1;
  for (std::size_t i = 0; i < n; ++i) all += chain *= rate;
  return all;
}

void DraftPace::step_took(std::size_t n_rows, double seconds) {
  if (n_rows == 0 || n_rows > kMostRows) return;
  if (seconds_.size() <= n_rows) seconds_.resize(n_rows + 1);
  double& known = seconds_[n_rows];
  known = known == 0 ? seconds : known + kSmooth * (std::min(seconds, known * kOutlier) - known);
}

void DraftPace::draft_took(double seconds_per_token) {
  draft_seconds_ =
      draft_seconds_ == 0
          ? seconds_per_token
          : draft_seconds_ + kSmooth * (std::min(seconds_per_token, draft_seconds_ * kOutlier) - draft_seconds_);
}

double DraftPace::seconds(std::size_t n_rows) const {
  std::size_t nearest = 0;
  for (std::size_t seen = 1; seen < seconds_.size(); ++seen) {
    if (seconds_[seen] == 0) continue;
    const auto distance = [&](std::size_t rows) { return rows > n_rows ? rows - n_rows : n_rows - rows; };
    if (nearest == 0 || distance(seen) <= distance(nearest)) nearest = seen;
  }
  return nearest == 0 ? guess(n_rows) : seconds_[nearest] * guess(n_rows) / guess(nearest);
}

std::size_t DraftPace::best(const Chance& chance) const {
  std::size_t best = 0;
  double best_speed = chance.n_expected / seconds(chance.n_rows) * kWorthIt;
  for (std::size_t n = 1; n <= chance.n_most; ++n) {
    const double time =
        seconds(chance.n_rows + n) + (chance.model_drafts ? draft_seconds_ * static_cast<double>(n) : 0);
    const double speed = (chance.n_expected + expected_right(chance.rate, n)) / time;
    if (speed <= best_speed) continue;
    best = n;
    best_speed = speed;
  }
  return best;
}

}  // namespace hearth::generate
