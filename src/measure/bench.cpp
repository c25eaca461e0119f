// Rounds go over all tests in turn, so that a machine that changes its pace changes it for all of them.
#include "measure/bench.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "device/cpu_state.h"
#include "device/memory.h"
#include "measure/limits.h"
#include "measure/median.h"
#include "measure/stopwatch.h"
#include "measure/subject.h"

#include <fmt/format.h>

namespace hearth::measure {

namespace {

/// The defaults that depend on the model, and a subject with room for the longest test.
Result<Subject> make_subject(std::unique_ptr<LanguageModel> model, BenchOptions& options) {
  const std::size_t most = model->info().n_ctx_train;
  if (options.prompts.empty()) options.prompts = {std::min<std::size_t>(512, std::max<std::size_t>(1, most / 2))};
  if (options.n_decode == 0) options.n_decode = std::min<std::size_t>(64, std::max<std::size_t>(1, most / 4));
  const std::size_t longest_prompt = *std::ranges::max_element(options.prompts);
  const std::size_t deepest = *std::ranges::max_element(options.depths);
  const std::size_t verified = options.verify.empty() ? 0 : *std::ranges::max_element(options.verify);
  const std::size_t n_ctx = std::max(longest_prompt, deepest + std::max(options.n_decode, verified)) + 8;
  if (n_ctx > most) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the longest test takes {} positions, and the model has {}; ask for less with --prompts "
                            "and --depths",
                            n_ctx, most));
  }
  return Subject::make(std::move(model), {.n_sequences = *std::ranges::max_element(options.streams),
                                          .n_ctx = n_ctx,
                                          .kv = options.kv,
                                          .ubatch = options.ubatch,
                                          .cancelled = options.cancelled});
}

/// One line of the report while it is being measured.
struct Test {
  enum class Kind : std::uint8_t { kPrompt, kDecode, kVerify };
  BenchRow row;
  Kind kind = Kind::kPrompt;
  std::size_t n = 1;  // tokens of one evaluation: of a prompt, of sequences decoding together, verified at once
  std::size_t depth = 0;
  std::vector<double> speeds, limits, of_one_token;
};

std::vector<Test> plan_tests(const BenchOptions& options, int threads) {
  std::vector<Test> tests;
  const auto add = [&](Test::Kind kind, std::size_t n, std::size_t depth, std::string name) {
    if (depth > 0) name += fmt::format("@{}", depth);
    tests.push_back({.row = {.test = std::move(name), .threads = threads}, .kind = kind, .n = n, .depth = depth});
  };
  for (const std::size_t n : options.prompts) add(Test::Kind::kPrompt, n, 0, fmt::format("pp{}", n));
  for (const std::size_t depth : options.depths) {
    for (const std::size_t n : options.streams) {
      add(Test::Kind::kDecode, n, depth, fmt::format("tg{}{}", options.n_decode, n == 1 ? "" : fmt::format("x{}", n)));
    }
    for (const std::size_t n : options.verify) add(Test::Kind::kVerify, n + 1, depth, fmt::format("vf{}", n + 1));
  }
  return tests;
}

/// Tokens per second of all sequences together.
Result<double> time_decoding(const Test& test, Subject& subject, std::size_t n_decode) {
  const auto start = Clock::now();
  for (std::size_t i = 0; i < n_decode; ++i) HEARTH_CHECK(subject.append_to_each(test.n));
  return static_cast<double>(test.n * n_decode) / seconds_since(start);
}

/// One token and n of them in turn, both from the same depth; returns n tokens per second.
Result<double> time_verifying(Test& test, Subject& subject, std::size_t n_decode) {
  constexpr std::size_t kTimes = 16;
  const std::size_t n_times = std::clamp<std::size_t>(n_decode / (test.n + 1), 1, kTimes);
  double one = 0, all = 0;
  for (std::size_t i = 0; i < n_times; ++i) {
    HEARTH_CHECK(subject.go_to(test.depth, 1));
    auto start = Clock::now();
    HEARTH_CHECK(subject.append(1));
    one += seconds_since(start);
    HEARTH_CHECK(subject.go_to(test.depth, 1));
    start = Clock::now();
    HEARTH_CHECK(subject.append_verified(test.n));
    all += seconds_since(start);
  }
  test.of_one_token.push_back(all / one);
  return static_cast<double>(test.n * n_times) / all;
}

Result<double> time_prompt(const Test& test, Subject& subject) {
  const auto start = Clock::now();
  HEARTH_CHECK(subject.append(test.n));
  return static_cast<double>(test.n) / seconds_since(start);
}

/// What the machine can do at best with the operands of these weights, each kind taking its part of the time.
double prompt_limit(const TokenWork& work, const LimitProbe& probe, ThreadPool& pool) {
  if (work.all_matrix_ops() <= 0) return probe.gop_s(pool, Arithmetic::kInt8);
  double seconds = 0;  // per 10^9 tokens
  for (std::size_t kind = 0; kind < kArithmeticKinds; ++kind) {
    if (work.matrix_ops[kind] > 0) seconds += work.matrix_ops[kind] / probe.gop_s(pool, static_cast<Arithmetic>(kind));
  }
  return work.all_matrix_ops() / seconds;
}

Status measure_once(Test& test, Subject& subject, const LimitProbe& probe, ThreadPool& pool, const TokenWork& work,
                    std::size_t n_decode) {
  HEARTH_CHECK(subject.go_to(test.depth, test.kind == Test::Kind::kDecode ? test.n : 1));
  test.limits.push_back(test.kind == Test::Kind::kPrompt ? prompt_limit(work, probe, pool) : probe.read_gb_s(pool));
  double speed = 0;
  switch (test.kind) {
    case Test::Kind::kPrompt: {
      HEARTH_TRY(speed, time_prompt(test, subject));
      break;
    }
    case Test::Kind::kDecode: {
      HEARTH_TRY(speed, time_decoding(test, subject, n_decode));
      break;
    }
    case Test::Kind::kVerify: {
      HEARTH_TRY(speed, time_verifying(test, subject, n_decode));
      break;
    }
  }
  test.speeds.push_back(speed);
  return {};
}

BenchRow finished(const Test& test, const TokenWork& work, const ModelInfo& info, const BenchOptions& options) {
  BenchRow row = test.row;
  row.tok_s = median(test.speeds);
  row.tok_s_min = *std::ranges::min_element(test.speeds);
  row.tok_s_max = *std::ranges::max_element(test.speeds);
  if (test.kind == Test::Kind::kPrompt) {
    row.gop_s = row.tok_s * work.all_matrix_ops() / 1e9;
    row.limit_gop_s = median(test.limits);
    return row;
  }
  const bool decoding = test.kind == Test::Kind::kDecode;
  const double depth = static_cast<double>(test.depth) + (decoding ? static_cast<double>(options.n_decode) / 2 : 0.0);
  const double kv_scale = options.kv == KvStorage::kF32 ? 2.0 : options.kv == KvStorage::kQ8_0 ? 34.0 / 64.0 : 1.0;
  const double n_sequences = decoding ? static_cast<double>(test.n) : 1.0;
  const double kv_bytes = n_sequences * depth * static_cast<double>(info.kv_bytes_per_token) * kv_scale;
  const double calls_per_second = row.tok_s / static_cast<double>(test.n);
  row.gb_s = calls_per_second * (work.bytes_for(test.n) + kv_bytes) / 1e9;
  row.limit_gb_s = median(test.limits);
  if (!decoding) row.of_one_token = median(test.of_one_token);
  return row;
}

/// The median round by its share, of what each thread count's text loop adds to the model.
LoopCost median_cost(std::vector<LoopCost> costs) {
  std::ranges::sort(costs, {}, &LoopCost::share);
  return costs[costs.size() / 2];
}

/// All tests with one number of threads, round by round.
Status run_rounds(Subject& subject, const LimitProbe& probe, ThreadPool& pool, const TokenWork& work,
                  const BenchOptions& options, BenchReport& report) {
  const int threads = pool.n_threads();
  std::vector<Test> tests = plan_tests(options, threads);
  std::vector<LoopCost> loops;
  for (int round = 0; round < options.rounds; ++round) {
    const auto note = [&](const std::string& what) {
      if (options.progress)
        options.progress(fmt::format("round {}/{}, {} threads, {}", round + 1, options.rounds, threads, what));
    };
    for (Test& test : tests) {
      note(test.row.test);
      HEARTH_CHECK(measure_once(test, subject, probe, pool, work, options.n_decode));
    }
    note("text loop");
    HEARTH_TRY(auto cost, measure_loop(subject.model(), options.n_decode, options.kv, options.cancelled));
    if (!cost) continue;
    cost->threads = threads;
    loops.push_back(*cost);
  }
  for (const Test& test : tests) report.rows.push_back(finished(test, work, subject.model().info(), options));
  if (!loops.empty()) report.loops.push_back(median_cost(std::move(loops)));
  return {};
}

}  // namespace

double TokenWork::bytes_for(std::size_t n_tokens) const {
  return weight_bytes + expert_bytes * (1 - std::pow(1 - expert_share, static_cast<double>(n_tokens)));
}

double TokenWork::all_matrix_ops() const {
  return std::accumulate(matrix_ops.begin(), matrix_ops.end(), 0.0);
}

std::string TokenWork::arithmetic_names() const {
  constexpr std::string_view kNames[] = {"int8", "float", "bf16"};
  std::string names;
  for (std::size_t kind = 0; kind < kArithmeticKinds; ++kind) {
    if (matrix_ops[kind] > 0) names += fmt::format("{}{}", names.empty() ? "" : "+", kNames[kind]);
  }
  return names;
}

TokenWork TokenWork::with_float_activations() const {
  TokenWork work = *this;
  work.matrix_ops[static_cast<std::size_t>(Arithmetic::kFloat)] +=
      std::exchange(work.matrix_ops[static_cast<std::size_t>(Arithmetic::kBf16)], 0.0);
  return work;
}

TokenWork work_per_token(const ModelFile& file) {
  const auto arithmetic_of = [](DType weight) {
    if (kernels::act_kind(weight) != kernels::ActKind::kF32) return Arithmetic::kInt8;
    return weight == DType::kBF16 ? Arithmetic::kBf16 : Arithmetic::kFloat;
  };
  const auto architecture = file.value_or<std::string>("general.architecture", "");
  const std::string prefix = architecture ? *architecture + "." : "";
  const auto n_experts = file.value_or<std::uint32_t>(prefix + "expert_count", 0);
  const auto n_used = file.value_or<std::uint32_t>(prefix + "expert_used_count", 0);
  const bool own_output = file.find_tensor("output.weight") != nullptr;
  TokenWork work;
  if (n_experts && n_used && *n_experts > 0) work.expert_share = static_cast<double>(*n_used) / *n_experts;
  for (const TensorInfo& tensor : file.tensors()) {
    if (tensor.name == "token_embd.weight" && own_output) continue;
    const bool expert = tensor.name.find("_exps.") != std::string_view::npos && work.expert_share > 0;
    const double share = expert ? work.expert_share : 1;
    (expert ? work.expert_bytes : work.weight_bytes) += static_cast<double>(tensor.size_bytes);
    const bool output = tensor.name == (own_output ? "output.weight" : "token_embd.weight");
    if (tensor.n_dims > 1 && !output) {
      work.matrix_ops[static_cast<std::size_t>(arithmetic_of(tensor.dtype))] +=
          2 * share * static_cast<double>(tensor.n_elements());
    }
  }
  return work;
}

Result<BenchReport> run_bench(const ModelOpener& open, const TokenWork& work, const BenchOptions& asked) {
  BenchOptions options = asked;
  HEARTH_TRY(const LimitProbe probe, LimitProbe::make(*options.kernels));
  BenchReport report;
  for (const int threads : options.threads) {
    const auto pool = std::make_shared<ThreadPool>(threads);
    auto start = Clock::now();
    HEARTH_TRY(auto model, open(pool));
    const double load_s = seconds_since(start);
    HEARTH_TRY(Subject subject, make_subject(std::move(model), options));
    start = Clock::now();
    HEARTH_CHECK(subject.append(8));
    const ModelInfo& info = subject.model().info();
    if (report.rows.empty()) {
      report.load_s = load_s;
      report.first_token_s = seconds_since(start);
      report.weight_bytes = info.weight_bytes;
      report.engine = info.engine;
      report.isa = info.isa;
      report.recipe_id = info.recipe_id;
    }
    const TokenWork done = info.recipe_id == kernels::kBf16RecipeId ? work : work.with_float_activations();
    report.arithmetic = done.arithmetic_names();
    HEARTH_CHECK(run_rounds(subject, probe, *pool, done, options, report));
  }
  report.peak_memory_bytes = peak_process_bytes();
  return report;
}

Result<std::vector<SustainPoint>> run_sustained(const ModelOpener& open, double seconds, const BenchOptions& options) {
  constexpr double kPoints = 20;
  constexpr std::size_t kDepth = 128;  // tokens of a text before it starts anew
  BenchOptions short_text = options;
  short_text.prompts = {8};
  short_text.depths = {0};
  short_text.n_decode = kDepth;
  short_text.streams = {1};
  short_text.verify = {};
  const auto pool = std::make_shared<ThreadPool>(options.threads.front());
  HEARTH_TRY(auto model, open(pool));
  HEARTH_TRY(Subject subject, make_subject(std::move(model), short_text));
  std::vector<SustainPoint> points;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    const auto begun = Clock::now();
    std::size_t n = 0;
    while (seconds_since(begun) < seconds / kPoints) {
      if (n % kDepth == 0) HEARTH_CHECK(subject.go_to(0, 1));
      HEARTH_CHECK(subject.append(1));
      ++n;
    }
    const CpuState cpu = read_cpu_state();
    points.push_back({.seconds = seconds_since(start),
                      .tok_s = static_cast<double>(n) / seconds_since(begun),
                      .clock_mhz = cpu.clock_mhz,
                      .temperature = cpu.temperature});
    if (options.progress)
      options.progress(
          fmt::format("{:.0f} of {:.0f} s, {:.1f} tok/s", points.back().seconds, seconds, points.back().tok_s));
  }
  return points;
}

}  // namespace hearth::measure
