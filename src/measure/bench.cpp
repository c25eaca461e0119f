// Rounds go over all tests in turn, so that a machine that changes its pace changes it for all of them.
#include "measure/bench.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "device/cpu_state.h"
#include "device/memory.h"
#include "measure/limits.h"

#include <fmt/format.h>

namespace hearth::measure {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Takes results and forgets them.
class Discard final : public OutputSink {
 public:
  void row(std::size_t, std::span<const float>) override {}
};

/// A model and one sequence fed with tokens that mean nothing.
class Subject {
 public:
  static Result<Subject> make(std::unique_ptr<LanguageModel> model, BenchOptions& options) {
    const std::size_t most = model->info().n_ctx_train;
    if (options.prompts.empty()) options.prompts = {std::min<std::size_t>(512, std::max<std::size_t>(1, most / 2))};
    if (options.n_decode == 0) options.n_decode = std::min<std::size_t>(64, std::max<std::size_t>(1, most / 4));
    const std::size_t longest_prompt = *std::ranges::max_element(options.prompts);
    const std::size_t deepest = *std::ranges::max_element(options.depths);
    const std::size_t n_ctx = std::max(longest_prompt, deepest + options.n_decode) + 8;
    if (n_ctx > most) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the longest test takes {} positions, and the model has {}; ask for less with --prompts "
                              "and --depths",
                              n_ctx, most));
    }
    HEARTH_TRY(const SequenceId id, model->create_sequence({.n_ctx = n_ctx, .kv = options.kv}));
    return Subject(std::move(model), id, options);
  }

  /// n tokens at once.
  Status append(std::size_t n) {
    std::vector<Token> tokens(n);
    for (Token& token : tokens) token = next_token();
    const Item item{.sequence = sequence_, .tokens = tokens};
    const Want want{.row = n - 1};
    Discard sink;
    return model_->evaluate({&item, 1}, {&want, 1}, sink,
                            {.cancelled = options_->cancelled, .observe_layer = {}, .ubatch = options_->ubatch});
  }
  /// Back to `depth` positions, computing those that are missing.
  Status go_to(std::size_t depth) {
    HEARTH_TRY(const std::size_t now, model_->length(sequence_));
    std::size_t reached = now;
    if (now > depth) {
      HEARTH_TRY(reached, model_->rewind(sequence_, depth));
    }
    return reached < depth ? append(depth - reached) : Status();
  }

  [[nodiscard]] LanguageModel& model() { return *model_; }

 private:
  Subject(std::unique_ptr<LanguageModel> model, SequenceId id, const BenchOptions& options)
      : model_(std::move(model)), sequence_(id), options_(&options) {}

  Token next_token() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<Token>((state_ >> 33) % model_->info().vocab_size);
  }

  std::unique_ptr<LanguageModel> model_;
  SequenceId sequence_;
  const BenchOptions* options_;
  std::uint64_t state_ = 1;
};

/// One line of the report while it is being measured.
struct Test {
  BenchRow row;
  std::size_t prompt = 0;  // 0: decoding
  std::size_t depth = 0;
  std::vector<double> speeds, limits;
};

std::vector<Test> plan_tests(const BenchOptions& options, int threads) {
  std::vector<Test> tests;
  for (const std::size_t n : options.prompts) {
    tests.push_back({.row = {.test = fmt::format("pp{}", n), .threads = threads}, .prompt = n});
  }
  for (const std::size_t depth : options.depths) {
    const std::string at = depth == 0 ? "" : fmt::format("@{}", depth);
    tests.push_back({.row = {.test = fmt::format("tg{}{}", options.n_decode, at), .threads = threads}, .depth = depth});
  }
  return tests;
}

Status measure_once(Test& test, Subject& subject, const LimitProbe& probe, ThreadPool& pool,
                    const BenchOptions& options) {
  HEARTH_CHECK(subject.go_to(test.depth));
  test.limits.push_back(test.prompt ? probe.int8_gop_s(pool) : probe.read_gb_s(pool));
  const auto start = Clock::now();
  if (test.prompt) {
    HEARTH_CHECK(subject.append(test.prompt));
  } else {
    for (std::size_t i = 0; i < options.n_decode; ++i) HEARTH_CHECK(subject.append(1));
  }
  const auto n = static_cast<double>(test.prompt ? test.prompt : options.n_decode);
  test.speeds.push_back(n / seconds_since(start));
  return {};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

BenchRow finished(const Test& test, const TokenWork& work, const ModelInfo& info, const BenchOptions& options) {
  BenchRow row = test.row;
  row.tok_s = median(test.speeds);
  row.tok_s_min = *std::ranges::min_element(test.speeds);
  row.tok_s_max = *std::ranges::max_element(test.speeds);
  if (test.prompt) {
    row.gop_s = row.tok_s * work.matrix_ops / 1e9;
    row.limit_gop_s = median(test.limits);
  } else {
    const double depth = static_cast<double>(test.depth) + static_cast<double>(options.n_decode) / 2;
    const double kv_scale = options.kv == KvStorage::kF32 ? 2.0 : options.kv == KvStorage::kQ8_0 ? 34.0 / 64.0 : 1.0;
    const double kv_bytes = depth * static_cast<double>(info.kv_bytes_per_token) * kv_scale;
    row.gb_s = row.tok_s * (work.weight_bytes + kv_bytes) / 1e9;
    row.limit_gb_s = median(test.limits);
  }
  return row;
}

}  // namespace

TokenWork work_per_token(const ModelFile& file) {
  const auto architecture = file.value_or<std::string>("general.architecture", "");
  const std::string prefix = architecture ? *architecture + "." : "";
  const auto n_experts = file.value_or<std::uint32_t>(prefix + "expert_count", 0);
  const auto n_used = file.value_or<std::uint32_t>(prefix + "expert_used_count", 0);
  const bool own_output = file.find_tensor("output.weight") != nullptr;
  TokenWork work;
  for (const TensorInfo& tensor : file.tensors()) {
    if (tensor.name == "token_embd.weight" && own_output) continue;
    double share = 1;
    if (tensor.name.find("_exps.") != std::string_view::npos && n_experts && n_used && *n_experts > 0)
      share = static_cast<double>(*n_used) / *n_experts;
    work.weight_bytes += share * static_cast<double>(tensor.size_bytes);
    const bool output = tensor.name == (own_output ? "output.weight" : "token_embd.weight");
    if (tensor.n_dims > 1 && !output) work.matrix_ops += 2 * share * static_cast<double>(tensor.n_elements());
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
    HEARTH_TRY(Subject subject, Subject::make(std::move(model), options));
    start = Clock::now();
    HEARTH_CHECK(subject.append(8));
    const ModelInfo& info = subject.model().info();
    if (report.rows.empty()) {
      report.load_s = load_s;
      report.first_token_s = seconds_since(start);
      report.weight_bytes = info.weight_bytes;
      report.engine = info.engine;
      report.isa = info.isa;
    }
    std::vector<Test> tests = plan_tests(options, threads);
    for (int round = 0; round < options.rounds; ++round) {
      for (Test& test : tests) {
        if (options.progress) {
          options.progress(
              fmt::format("round {}/{}, {} threads, {}", round + 1, options.rounds, threads, test.row.test));
        }
        HEARTH_CHECK(measure_once(test, subject, probe, *pool, options));
      }
    }
    for (const Test& test : tests) report.rows.push_back(finished(test, work, info, options));
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
  const auto pool = std::make_shared<ThreadPool>(options.threads.front());
  HEARTH_TRY(auto model, open(pool));
  HEARTH_TRY(Subject subject, Subject::make(std::move(model), short_text));
  std::vector<SustainPoint> points;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    const auto begun = Clock::now();
    std::size_t n = 0;
    while (seconds_since(begun) < seconds / kPoints) {
      if (n % kDepth == 0) HEARTH_CHECK(subject.go_to(0));
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
