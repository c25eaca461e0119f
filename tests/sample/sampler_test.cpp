// The chain as a whole: choices, order, randomness, refusals.
#include "sample/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <ctime>
#include <numeric>

#include "sample/candidates.h"
#include "sample/mass.h"
#include "sample/oracle.h"
#include "sample/repetition.h"
#include "sample/steps.h"

namespace hearth::sample {
namespace {

SamplerOptions plain() {
  SamplerOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  return options;
}

Sampler make(const SamplerOptions& options, std::size_t vocab_size) {
  auto sampler = Sampler::make(options, static_cast<std::int32_t>(vocab_size));
  EXPECT_TRUE(sampler) << sampler.error().message;
  return std::move(*sampler);
}

std::vector<float> random_logits(std::size_t n, std::uint64_t seed, double spread = 3) {
  return oracle::random_candidates(n, seed, spread, 0).logits;
}

TEST(Sampler, GreedyTakesTheBestLowestIdOnTies) {
  SamplerOptions options;
  options.temperature = 0;
  const std::vector<float> logits = {1, 5, 2, 5, NAN, -INFINITY};
  EXPECT_EQ(make(options, 6).sample({.logits = logits})->id, 1);
  options.logit_bias = {{3, 0.5f}};
  EXPECT_EQ(make(options, 6).sample({.logits = logits})->id, 3);
  options.logit_bias = {{1, -INFINITY}, {3, -INFINITY}};
  EXPECT_EQ(make(options, 6).sample({.logits = logits})->id, 2);
}

TEST(Sampler, GreedyIsNotDivertedByTruncation) {
  SamplerOptions options;
  options.temperature = 0;
  options.xtc = {.probability = 1, .threshold = 0.01f};
  options.typical_p = 0.1f;
  const std::vector<float> logits = {5, 4, 3, 2};
  EXPECT_EQ(make(options, 4).sample({.logits = logits})->id, 0);
}

TEST(Sampler, SameSeedSameChoiceOtherSeedOther) {
  const std::vector<float> logits = random_logits(1000, 1);
  SamplerOptions options;
  options.seed = 42;
  const Sampler a = make(options, 1000);
  const Sampler b = make(options, 1000);
  options.seed = 43;
  const Sampler other_seed = make(options, 1000);
  options.seed = 42;
  options.choice = 1;
  const Sampler other_choice = make(options, 1000);
  int n_same_seed = 0;
  int n_same_choice = 0;
  for (std::uint64_t position = 0; position < 200; ++position) {
    const SampleInput input{.logits = logits, .position = position};
    const std::int32_t id = a.sample(input)->id;
    EXPECT_EQ(b.sample(input)->id, id);
    EXPECT_EQ(a.sample(input)->id, id);
    n_same_seed += other_seed.sample(input)->id == id ? 1 : 0;
    n_same_choice += other_choice.sample(input)->id == id ? 1 : 0;
  }
  EXPECT_LT(n_same_seed, 100);
  EXPECT_LT(n_same_choice, 100);
}

/// Chi-square of n draws at positions 0..n-1 against the expected shares; degrees of freedom: shares - 1.
double chi_square(const Sampler& sampler, std::span<const float> logits, const std::vector<double>& shares, int n) {
  std::vector<int> counts(shares.size());
  for (int i = 0; i < n; ++i) {
    ++counts[static_cast<std::size_t>(
        sampler.sample({.logits = logits, .position = static_cast<std::uint64_t>(i)})->id)];
  }
  double sum = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double expected = shares[i] * n;
    if (expected == 0) {
      EXPECT_EQ(counts[i], 0) << i;
    } else {
      sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
  }
  return sum;
}

std::vector<double> softmax(std::span<const float> logits, double temperature) {
  std::vector<double> p;
  for (const float logit : logits) p.push_back(std::exp(logit / temperature));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  const std::vector<float> logits = random_logits(16, 3, 1);
  for (const float temperature : {0.5f, 1.0f, 2.0f}) {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      SamplerOptions options = plain();
      options.temperature = temperature;
      options.seed = seed;
      // 15 degrees of freedom: 44.3 is exceeded once in ten thousand times; the seeds are fixed.
      EXPECT_LT(chi_square(make(options, 16), logits, softmax(logits, temperature), 40000), 44.3);
    }
  }
}

TEST(Sampler, TruncatedDrawsAreRenormalised) {
  const std::vector<float> logits = random_logits(16, 3, 1);
  SamplerOptions options = plain();
  options.top_k = 4;
  std::vector<double> shares = softmax(logits, 1);
  std::vector<double> sorted = shares;
  std::sort(sorted.rbegin(), sorted.rend());
  const double kept = sorted[0] + sorted[1] + sorted[2] + sorted[3];
  for (double& share : shares) share = share >= sorted[3] ? share / kept : 0;
  EXPECT_LT(chi_square(make(options, 16), logits, shares, 40000), 21.1);  // 3 degrees of freedom
}

/// What the chain keeps, seen through a custom step put last.
std::vector<std::int32_t> survivors(SamplerOptions options, std::span<const float> logits) {
  std::vector<std::int32_t> ids;
  options.custom.apply = [&](Candidates& candidates, std::span<const std::int32_t>, std::uint64_t) -> Status {
    ids = candidates.ids;
    return {};
  };
  std::erase(options.order, SampleStep::kCustom);
  options.order.push_back(SampleStep::kCustom);
  EXPECT_TRUE(make(options, logits.size()).sample({.logits = logits}));
  return ids;
}

TEST(Sampler, DefaultChainMatchesTheOracle) {
  const SamplerOptions options;
  int n_compared = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const std::vector<float> logits = random_logits(2000, seed, 0.2 * static_cast<double>(seed));
    oracle::Entries want;
    for (std::size_t i = 0; i < logits.size(); ++i) want.push_back({static_cast<std::int32_t>(i), logits[i], 0});
    oracle::sort_best_first(want);
    bool borderline = false;
    oracle::top_k(want, 40);
    oracle::top_p(want, options.top_p, &borderline);
    oracle::min_p(want, options.min_p);
    if (borderline) continue;
    EXPECT_EQ(survivors(options, logits), oracle::sorted_ids(want));
    ++n_compared;
  }
  EXPECT_GT(n_compared, 35);
}

TEST(Sampler, ShortcutBeforeTopKChangesNothing) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> logits = oracle::random_candidates(300, static_cast<std::uint64_t>(round), 2, 0.25).logits;
    logits[random() % 300] = NAN;
    std::vector<std::uint32_t> allowed((300 + 31) / 32);
    for (auto& word : allowed) word = static_cast<std::uint32_t>(random() | random());
    std::vector<std::int32_t> recent(random() % 80);
    for (auto& id : recent) id = static_cast<std::int32_t>(random() % 320) - 10;
    SamplerOptions options;
    options.top_k = 1 + static_cast<std::int32_t>(random() % 20);
    options.repetition_penalty = 1.5f;
    options.frequency_penalty = -0.3f;  // lifts tokens from far below
    options.dry = {.multiplier = 1, .allowed_length = 0};
    for (int i = 0; i < 5; ++i) {
      options.logit_bias.push_back({static_cast<std::int32_t>(random() % 300), static_cast<float>(random() % 9) - 4});
    }
    Candidates brief = candidates_for(options, logits, allowed, recent);
    Candidates full = all_candidates(logits, allowed);
    EXPECT_LT(brief.size(), full.size());
    for (Candidates* candidates : {&brief, &full}) {
      apply_logit_bias(*candidates, options.logit_bias);
      apply_penalties(*candidates, last_tokens(recent, options.penalty_window), {1.5f, 0, -0.3f});
      apply_dry(*candidates, recent, options.dry);
      apply_top_k(*candidates, static_cast<std::size_t>(options.top_k));
    }
    ASSERT_EQ(brief.ids, full.ids);
    ASSERT_EQ(brief.logits, full.logits);
  }
}

TEST(Sampler, OrderIsObeyed) {
  // probabilities 0.5 0.3 0.2: top_p 0.55 of all keeps two, top_p of the best two renormalised keeps one.
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  SamplerOptions options = plain();
  options.top_k = 2;
  options.top_p = 0.55f;
  options.order = {SampleStep::kTopK, SampleStep::kTopP};
  EXPECT_EQ(survivors(options, logits).size(), 1u);
  options.order = {SampleStep::kTopP, SampleStep::kTopK};
  EXPECT_EQ(survivors(options, logits).size(), 2u);
  options.order = {};
  EXPECT_EQ(survivors(options, logits).size(), 3u);
}

TEST(Sampler, OrderHasNames) {
  const auto order = parse_sample_order("top_p,temperature");
  ASSERT_TRUE(order);
  EXPECT_EQ(*order, (std::vector<SampleStep>{SampleStep::kTopP, SampleStep::kTemperature}));
  std::string all;
  for (const SampleStep step : default_sample_order())
    all += (all.empty() ? "" : ",") + std::string(sample_step_name(step));
  EXPECT_EQ(*parse_sample_order(all), default_sample_order());
  EXPECT_TRUE(parse_sample_order("")->empty());
  EXPECT_NE(parse_sample_order("top_q").error().message.find("top_k, typical, top_p"), std::string::npos);
  EXPECT_FALSE(parse_sample_order("top_k,top_k"));
}

TEST(Sampler, MaskHolds) {
  const std::vector<float> logits = random_logits(70, 5, 0.5);
  std::vector<std::uint32_t> allowed(3);
  allowed[0] = 1u << 31;
  allowed[2] = 1u << 1;  // ids 31 and 65
  SamplerOptions options = plain();
  const Sampler sampler = make(options, 70);
  std::set<std::int32_t> seen;
  for (std::uint64_t position = 0; position < 300; ++position) {
    seen.insert(sampler.sample({.logits = logits, .position = position, .allowed = allowed})->id);
  }
  EXPECT_EQ(seen, (std::set<std::int32_t>{31, 65}));
}

TEST(Sampler, NoTokenLeftIsAnError) {
  const Sampler sampler = make({}, 3);
  const std::vector<float> none = {-INFINITY, NAN, -INFINITY};
  const auto refused = sampler.sample({.logits = none});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDecodeFailed) << "nothing forbids the tokens: the model failed";
  const std::vector<float> logits = {1, 2, 3};
  const std::vector<std::uint32_t> closed = {0};
  EXPECT_EQ(sampler.sample({.logits = logits, .allowed = closed}).error().code, ErrorCode::kInvalidArgument);
  SamplerOptions options;
  options.logit_bias = {{0, -INFINITY}, {1, -INFINITY}, {2, -INFINITY}};
  const auto banned = make(options, 3).sample({.logits = logits});
  ASSERT_FALSE(banned);
  EXPECT_NE(banned.error().message.find("after logit_bias"), std::string::npos) << banned.error().message;
}

TEST(Sampler, InfinityIsTheLargestFloat) {
  const std::vector<float> logits = {1, INFINITY, 3, INFINITY};
  const Sampler sampler = make(plain(), 4);
  std::set<std::int32_t> seen;
  for (std::uint64_t position = 0; position < 100; ++position) {
    seen.insert(sampler.sample({.logits = logits, .position = position})->id);
  }
  EXPECT_EQ(seen, (std::set<std::int32_t>{1, 3}));
}

TEST(Sampler, WrongSpansAreErrors) {
  const Sampler sampler = make({}, 33);
  const std::vector<float> short_logits(32);
  EXPECT_FALSE(sampler.sample({.logits = short_logits}));
  const std::vector<float> logits(33);
  const std::vector<std::uint32_t> short_mask(1);
  EXPECT_FALSE(sampler.sample({.logits = logits, .allowed = short_mask}));
}

TEST(Sampler, LogprobsAreTheModels) {
  const std::vector<float> logits = random_logits(500, 9);
  SamplerOptions options;
  options.n_logprobs = 7;
  options.logit_bias = {{3, 50}};
  const auto choice = make(options, 500).sample({.logits = logits});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->id, 3);
  const std::vector<double> p = softmax(logits, 1);
  EXPECT_NEAR(*choice->logprob, std::log(p[3]), 1e-5);
  ASSERT_EQ(choice->top.size(), 7u);
  std::vector<float> sorted = logits;
  std::sort(sorted.rbegin(), sorted.rend());
  for (std::size_t i = 0; i < 7; ++i) {
    const auto id = static_cast<std::size_t>(choice->top[i].id);
    EXPECT_EQ(logits[id], sorted[i]);
    EXPECT_NEAR(choice->top[i].logprob, std::log(p[id]), 1e-5);
  }
  EXPECT_FALSE(make({}, 500).sample({.logits = logits})->logprob.has_value());
}

TEST(Sampler, CustomStepIsCheckedAndHeard) {
  const std::vector<float> logits = {1, 2, 3};
  SamplerOptions options = plain();
  options.custom.apply = [](Candidates& candidates, std::span<const std::int32_t> recent,
                            std::uint64_t position) -> Status {
    EXPECT_EQ(recent.size(), 2u);
    EXPECT_EQ(position, 5u);
    candidates = {{1}, {0}};
    return {};
  };
  const std::vector<std::int32_t> recent = {0, 1};
  Sampler sampler = make(options, 3);
  EXPECT_FALSE(sampler.replayable());
  EXPECT_EQ(sampler.sample({.logits = logits, .recent = recent, .position = 5})->id, 1);
  using Apply = std::function<void(Candidates&)>;
  for (const Apply& breakage :
       {Apply([](Candidates& c) { c.ids = {2, 1, 0}; }), Apply([](Candidates& c) { c.ids[2] = 3; }),
        Apply([](Candidates& c) { c.ids.pop_back(); }), Apply([](Candidates& c) { c.logits[0] = NAN; }),
        Apply([](Candidates& c) { c = {}; })}) {
    options.custom.apply = [&](Candidates& c, std::span<const std::int32_t>, std::uint64_t) -> Status {
      breakage(c);
      return {};
    };
    EXPECT_FALSE(make(options, 3).sample({.logits = logits}));
  }
  options.custom.apply = [](Candidates&, std::span<const std::int32_t>, std::uint64_t) -> Status {
    return fail(ErrorCode::kCancelled, "stop");
  };
  options.custom.replayable = true;
  sampler = make(options, 3);
  EXPECT_TRUE(sampler.replayable());
  EXPECT_EQ(sampler.sample({.logits = logits}).error().code, ErrorCode::kCancelled);
}

TEST(Sampler, PenaltiesReachTheChoice) {
  const std::vector<float> logits = {3, 2.5f, 1};
  const std::vector<std::int32_t> recent = {0, 0, 1, 0};
  SamplerOptions options;
  options.temperature = 0;
  options.frequency_penalty = 0.5f;
  EXPECT_EQ(make(options, 3).sample({.logits = logits, .recent = recent})->id, 1);
  options.penalty_window = 0;
  EXPECT_EQ(make(options, 3).sample({.logits = logits, .recent = recent})->id, 0);
  options.frequency_penalty = 0;
  options.dry = {.multiplier = 5, .allowed_length = 1};
  const std::vector<std::int32_t> loop = {2, 0, 2};
  EXPECT_EQ(make(options, 3).sample({.logits = logits, .recent = loop})->id, 1);
}

TEST(Sampler, XtcHappensAsOftenAsAsked) {
  const std::vector<float> logits = {5, 4, -20};
  SamplerOptions options = plain();
  options.xtc = {.probability = 0.25f, .threshold = 0.05f};
  options.logit_bias = {};
  const Sampler sampler = make(options, 3);
  int n_second = 0;
  const int n = 20000;
  for (int i = 0; i < n; ++i) {
    n_second += sampler.sample({.logits = logits, .position = static_cast<std::uint64_t>(i)})->id == 1 ? 1 : 0;
  }
  const double p_second = 1 / (1 + std::exp(1.0));
  const double expected = 0.25 + 0.75 * p_second;
  EXPECT_NEAR(static_cast<double>(n_second) / n, expected, 4 * std::sqrt(expected * (1 - expected) / n));
}

TEST(Sampler, MirostatHoldsTheSurprise) {
  const std::vector<float> logits = random_logits(4000, 11, 2.5);
  const std::vector<double> p = softmax(logits, 1);
  for (const std::int32_t version : {1, 2}) {
    SamplerOptions options;
    options.temperature = 1;
    options.mirostat = {.version = version, .tau = 4, .eta = 0.1f};
    const Sampler sampler = make(options, 4000);
    MirostatState state = sampler.start();
    double surprise = 0;
    const int n = 3000;
    for (int i = 0; i < n; ++i) {
      const auto choice =
          sampler.sample({.logits = logits, .position = static_cast<std::uint64_t>(i), .mirostat = state});
      ASSERT_TRUE(choice);
      state = choice->mirostat;
      if (i >= 500) surprise -= std::log2(p[static_cast<std::size_t>(choice->id)]);
    }
    EXPECT_NEAR(surprise / (n - 500), 4.0, 0.15) << version;
  }
}

TEST(Sampler, OptionsOutOfRangeAreNamed) {
  struct Case {
    const char* name;
    void (*spoil)(SamplerOptions&);
  };
  const Case cases[] = {
      {"temperature", [](SamplerOptions& o) { o.temperature = -1; }},
      {"temperature", [](SamplerOptions& o) { o.temperature = NAN; }},
      {"temperature", [](SamplerOptions& o) { o.temperature = 1e-30f; }},
      {"top_k", [](SamplerOptions& o) { o.top_k = -1; }},
      {"top_p", [](SamplerOptions& o) { o.top_p = 0; }},
      {"top_p", [](SamplerOptions& o) { o.top_p = 1.5f; }},
      {"min_p", [](SamplerOptions& o) { o.min_p = 2; }},
      {"typical_p", [](SamplerOptions& o) { o.typical_p = 0; }},
      {"repetition_penalty", [](SamplerOptions& o) { o.repetition_penalty = 0; }},
      {"presence_penalty", [](SamplerOptions& o) { o.presence_penalty = INFINITY; }},
      {"frequency_penalty", [](SamplerOptions& o) { o.frequency_penalty = NAN; }},
      {"penalty_window", [](SamplerOptions& o) { o.penalty_window = -2; }},
      {"dry.base", [](SamplerOptions& o) { o.dry.base = 0; }},
      {"dry.breakers", [](SamplerOptions& o) { o.dry.breakers = {10}; }},
      {"xtc.threshold", [](SamplerOptions& o) { o.xtc.threshold = 0; }},
      {"mirostat.version", [](SamplerOptions& o) { o.mirostat.version = 3; }},
      {"logit bias", [](SamplerOptions& o) { o.logit_bias = {{10, 0}}; }},
      {"logit bias", [](SamplerOptions& o) { o.logit_bias = {{1, NAN}}; }},
      {"n_logprobs", [](SamplerOptions& o) { o.n_logprobs = 11; }},
      {"twice", [](SamplerOptions& o) { o.order = {SampleStep::kTopK, SampleStep::kTopK}; }},
  };
  for (const Case& c : cases) {
    SamplerOptions options;
    c.spoil(options);
    const auto sampler = Sampler::make(options, 10);
    ASSERT_FALSE(sampler) << c.name;
    EXPECT_EQ(sampler.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(sampler.error().message.find(c.name), std::string::npos) << sampler.error().message;
  }
  EXPECT_FALSE(Sampler::make({}, 0));
}

/// CPU time, since other programs may use the machine.
double seconds_of(const std::function<void()>& body) {
  double best = 1e9;
  for (int i = 0; i < 15; ++i) {
    const std::clock_t start = std::clock();
    body();
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

// The unit is one pass of exponentials over the vocabulary, which a chain without truncation needs anyway. So the
// bounds hold in instrumented builds and under emulation too. Sorting would cost 13 passes on the machine of the first
// numbers.
TEST(Sampler, ALargeVocabularyIsNeverSorted) {
  const std::vector<float> logits = random_logits(150000, 1);
  const double pass = seconds_of([&] { ASSERT_GT(mass_sums_of(logits).total, 0u); });
  SamplerOptions only_top_p = plain();
  only_top_p.top_p = 0.95f;
  SamplerOptions only_typical = plain();
  only_typical.typical_p = 0.9f;
  struct Case {
    const char* name;
    SamplerOptions options;
    double most;  // passes
  };
  const Case cases[] = {{"defaults", {}, 1},
                        {"no truncation", plain(), 5},
                        {"only top_p", only_top_p, 10},
                        {"only typical", only_typical, 10}};
  for (const auto& [name, options, most] : cases) {
    const Sampler sampler = make(options, logits.size());
    std::uint64_t position = 0;
    const double seconds = seconds_of([&] { ASSERT_TRUE(sampler.sample({.logits = logits, .position = position++})); });
    EXPECT_LT(seconds, pass * most) << name;
    std::printf("[ MEASURED ] %-14s %7.0f us (one pass: %.0f us)\n", name, seconds * 1e6, pass * 1e6);
  }
}

}  // namespace
}  // namespace hearth::sample
