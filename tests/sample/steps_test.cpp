// Every filter and map against the slow sorted version, on spread and on tied logits of many sizes.
#include "sample/steps.h"

#include <gtest/gtest.h>

#include <numeric>

#include "sample/mass.h"
#include "sample/mirostat.h"
#include "sample/oracle.h"
#include "sample/select.h"

namespace hearth::sample {
namespace {

const std::vector<std::size_t> kSizes = {1, 2, 3, 7, 40, 255, 256, 257, 1000, 5000};

template <typename Body>
void for_random_candidates(Body body) {
  std::uint64_t seed = 1;
  for (const std::size_t n : kSizes) {
    for (const double spread : {0.01, 1.0, 6.0}) {
      for (const double step : {0.0, 0.5}) body(oracle::random_candidates(n, seed++, spread, step));
    }
  }
}

TEST(Select, LargestMatchesASort) {
  for_random_candidates([](const Candidates& candidates) {
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{40}, std::size_t{128},
                                std::size_t{999}, candidates.size(), candidates.size() + 5}) {
      std::vector<std::size_t> want(candidates.size());
      for (std::size_t i = 0; i < want.size(); ++i) want[i] = i;
      std::sort(want.begin(), want.end(), [&](std::size_t a, std::size_t b) {
        return std::pair(-candidates.logits[a], a) < std::pair(-candidates.logits[b], b);
      });
      want.resize(std::min(k, want.size()));
      std::sort(want.begin(), want.end());
      ASSERT_EQ(largest(candidates.logits, k), want);
    }
  });
}

TEST(Select, LargestLeavesOutWhatCannotBeDrawn) {
  const float inf = INFINITY;
  const std::vector<float> values = {NAN, 1, -inf, inf, 3e38f, NAN, inf, 2, -inf, 0};
  using Indexes = std::vector<std::size_t>;
  EXPECT_EQ(largest(values, 10), (Indexes{1, 3, 4, 6, 7, 9}));
  EXPECT_EQ(largest(values, 1), (Indexes{3}));
  EXPECT_EQ(largest(values, 4), (Indexes{3, 4, 6, 7}));
  const std::vector<std::uint32_t> allowed = {1u << 1 | 1u << 2 | 1u << 9};
  EXPECT_EQ(largest(values, 1, allowed), (Indexes{1}));
  EXPECT_EQ(largest(values, 9, allowed), (Indexes{1, 9}));
}

std::vector<std::uint64_t> all_masses(std::span<const float> logits) {
  std::vector<std::uint64_t> masses;
  MassChunk one;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    masses_of(logits.subspan(i, 1), max_logit(logits), one);
    masses.push_back(one[0]);
  }
  return masses;
}

TEST(Select, LeadingMassMatchesASort) {
  for_random_candidates([](const Candidates& candidates) {
    const std::vector<float>& logits = candidates.logits;
    const std::vector<std::uint64_t> masses = all_masses(logits);
    const std::uint64_t total = mass_sums_of(logits).total;
    for (const double centre : {static_cast<double>(max_logit(logits)), 0.3, -100.0}) {
      const DistanceFrom distance{centre};
      for (const double p : {1e-9, 0.1, 0.5, 0.9, 0.999, 1.0}) {
        const std::uint64_t target = share_of(total, p);
        std::vector<std::size_t> order(logits.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
          return std::pair(distance(logits[a]), a) < std::pair(distance(logits[b]), b);
        });
        std::uint64_t sum = 0;
        std::size_t n = 0;
        while (sum < target) sum += masses[order[n++]];
        order.resize(n);
        std::sort(order.begin(), order.end());
        ASSERT_EQ(leading_mass(logits, distance, target), order);
      }
    }
  });
}

TEST(Mass, IsTheProbability) {
  for_random_candidates([](const Candidates& candidates) {
    const std::vector<std::uint64_t> masses = all_masses(candidates.logits);
    const MassSums sums = mass_sums_of(candidates.logits);
    EXPECT_EQ(std::accumulate(masses.begin(), masses.end(), std::uint64_t{0}), sums.total);
    const double rounding = static_cast<double>(candidates.size()) * 0x1p-41 + 1e-12;  // half a unit per candidate
    for (const oracle::Entry& entry : oracle::entries_of(candidates)) {
      const auto at = static_cast<std::size_t>(entry.id / 2);
      EXPECT_NEAR(static_cast<double>(masses[at]) / static_cast<double>(sums.total), entry.p, rounding);
    }
    double sum = 0;
    for (const float logit : candidates.logits) sum += std::exp(static_cast<double>(logit));
    EXPECT_NEAR(log_sum_exp(sums), std::log(sum), 1e-7);
  });
}

TEST(Mass, FindMassIsTheRunningSum) {
  for_random_candidates([](const Candidates& candidates) {
    const std::vector<std::uint64_t> masses = all_masses(candidates.logits);
    const MassSums sums = mass_sums_of(candidates.logits);
    for (std::uint64_t i = 0; i < 50; ++i) {
      const std::uint64_t offset = i == 49 ? sums.total - 1 : sums.total / 49 * i;
      std::uint64_t left = offset;
      std::size_t want = 0;
      while (left >= masses[want]) left -= masses[want++];
      ASSERT_EQ(find_mass(candidates.logits, sums, offset), want);
    }
  });
}

TEST(Steps, TopKMatchesTheOracle) {
  for_random_candidates([](const Candidates& candidates) {
    for (const std::size_t k : {1u, 5u, 40u, 300u}) {
      Candidates got = candidates;
      apply_top_k(got, k);
      oracle::Entries want = oracle::entries_of(candidates);
      oracle::top_k(want, k);
      ASSERT_EQ(got.ids, oracle::sorted_ids(want));
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got.logits[i], candidates.logits[static_cast<std::size_t>(got.ids[i] / 2)]);
      }
    }
  });
}

TEST(Steps, TopPMatchesTheOracle) {
  int n_compared = 0;
  for_random_candidates([&](const Candidates& candidates) {
    for (const double p : {0.001, 0.3, 0.5, 0.9, 0.95, 0.99, 1.0}) {
      Candidates got = candidates;
      apply_top_p(got, p);
      oracle::Entries want = oracle::entries_of(candidates);
      bool borderline = false;
      oracle::top_p(want, p, &borderline);
      if (borderline) continue;
      ASSERT_EQ(got.ids, oracle::sorted_ids(want)) << p;
      ++n_compared;
    }
  });
  EXPECT_GT(n_compared, 350);
}

TEST(Steps, MinPMatchesTheOracle) {
  for_random_candidates([](const Candidates& candidates) {
    for (const double p : {0.0, 0.001, 0.05, 0.5, 1.0}) {
      Candidates got = candidates;
      apply_min_p(got, p);
      oracle::Entries want = oracle::entries_of(candidates);
      oracle::min_p(want, p);
      ASSERT_EQ(got.ids, oracle::sorted_ids(want)) << p;
    }
  });
}

TEST(Steps, TypicalMatchesTheOracle) {
  int n_compared = 0;
  for_random_candidates([&](const Candidates& candidates) {
    for (const double p : {0.1, 0.5, 0.9, 0.95}) {
      Candidates got = candidates;
      apply_typical(got, p);
      oracle::Entries want = oracle::entries_of(candidates);
      bool borderline = false;
      oracle::typical(want, p, &borderline);
      if (borderline) continue;
      ASSERT_EQ(got.ids, oracle::sorted_ids(want)) << p << " of " << candidates.size();
      ++n_compared;
    }
  });
  EXPECT_GT(n_compared, 200);
}

TEST(Steps, XtcKeepsTheLeastOfTheLikely) {
  // probabilities 0.4 0.3 0.2 0.1
  const Candidates start{{3, 5, 7, 9}, {std::log(0.4f), std::log(0.3f), std::log(0.2f), std::log(0.1f)}};
  const auto after = [&](double threshold) {
    Candidates candidates = start;
    apply_xtc(candidates, threshold);
    return candidates.ids;
  };
  using Ids = std::vector<std::int32_t>;
  EXPECT_EQ(after(0.15), (Ids{7, 9}));
  EXPECT_EQ(after(0.25), (Ids{5, 7, 9}));
  EXPECT_EQ(after(0.35), (Ids{3, 5, 7, 9}));
  EXPECT_EQ(after(0.05), (Ids{9}));
  EXPECT_EQ(after(0.9), (Ids{3, 5, 7, 9}));
}

TEST(Steps, TemperatureScalesDifferences) {
  Candidates candidates{{0, 1, 2}, {1.0f, 3.0f, -1.0f}};
  apply_temperature(candidates, 0.5f);
  EXPECT_EQ(candidates.logits, (std::vector<float>{-4, 0, -8}));
  Candidates extreme{{0, 1}, {-3e38f, 3e38f}};
  apply_temperature(extreme, 1e-4f);
  EXPECT_EQ(extreme.logits[1], 0.0f);
  EXPECT_TRUE(std::isfinite(extreme.logits[0]));
}

TEST(Steps, BiasAddsAndBans) {
  Candidates candidates{{1, 4, 6}, {0, 1, 2}};
  const std::vector<LogitBias> biases = {{4, 2.5f}, {6, -INFINITY}, {5, 100}, {1, 3e38f}, {1, 3e38f}};
  apply_logit_bias(candidates, biases);
  EXPECT_EQ(candidates.ids, (std::vector<std::int32_t>{1, 4}));
  EXPECT_EQ(candidates.logits[1], 3.5f);
  EXPECT_TRUE(std::isfinite(candidates.logits[0]));
}

TEST(Steps, BestIsTheFirstOfEquals) {
  EXPECT_EQ(best_index({{2, 4, 6, 8}, {0, 3, 3, 1}}), 1u);
}

TEST(Mirostat, Version2KeepsSurpriseBelowMu) {
  // surprises in bits: 1, 2, 3, 3
  const Candidates start{{0, 1, 2, 3}, {std::log(0.5f), std::log(0.25f), std::log(0.125f), std::log(0.125f)}};
  const auto n_kept = [&](double mu) {
    Candidates candidates = start;
    apply_mirostat(candidates, {.version = 2}, {mu}, 4);
    return candidates.size();
  };
  EXPECT_EQ(n_kept(10), 4u);
  EXPECT_EQ(n_kept(2.5), 2u);
  EXPECT_EQ(n_kept(1.5), 1u);
  EXPECT_EQ(n_kept(0.1), 1u) << "the best always stays";
}

TEST(Mirostat, Version1FollowsZipf) {
  // A vocabulary that is exactly Zipf with s = 1.2 has s_hat = 1.2, from which k follows.
  Candidates candidates;
  const int n = 1000;
  for (int i = 0; i < n; ++i) {
    candidates.ids.push_back(i);
    candidates.logits.push_back(static_cast<float>(-1.2 * std::log(i + 1.0)));
  }
  const double epsilon = 0.2;
  const double k = std::pow(epsilon * std::pow(2.0, 5.0) / (1 - std::pow(n, -epsilon)), 1 / 1.2);
  apply_mirostat(candidates, {.version = 1}, {5.0}, n);
  EXPECT_NEAR(static_cast<double>(candidates.size()), k, 1.0);
}

TEST(Mirostat, StateMovesTowardTheTarget) {
  const MirostatOptions options{.version = 2, .tau = 3, .eta = 0.5f};
  EXPECT_EQ(mirostat_start(options).mu, 6.0);
  EXPECT_NEAR(mirostat_next(options, {6}, 0.125).mu, 6.0, 1e-12);
  EXPECT_NEAR(mirostat_next(options, {6}, 0.5).mu, 7.0, 1e-12) << "too little surprise allows more";
  EXPECT_NEAR(mirostat_next(options, {6}, 0.03125).mu, 5.0, 1e-12);
}

}  // namespace
}  // namespace hearth::sample
