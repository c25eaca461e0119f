// hearth bench: how fast a model runs here, and how far that is from what the machine can do.
#include <optional>

#include "base/file.h"
#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/synthetic_name.h"
#include "engine/native/native_model.h"
#include "engine/registry.h"
#include "kernels/table.h"
#include "measure/bench.h"
#include "measure/bench_plot.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

/// "12.3 of 40.1 GB/s (31 %)", or empty.
std::string share_text(double reached, double limit, const std::string& unit) {
  if (reached <= 0 || limit <= 0) return {};
  return fmt::format("{:.1f} of {:.1f} {} ({:.0f} %)", reached, limit, unit, 100 * reached / limit);
}

class Bench final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.model("MODEL", path_, typed_, "The model: a file or a name; leave it out with --synthetic");
    flags.text("--synthetic", synthetic_, "SHAPE:TYPE",
               "Random weights of a real shape, such as llama-3.2-1b:Q4_K_M, made in memory");
    flags.text("--engine", model_.engine, "NAME", "Use this engine instead of the one that fits the file");
    flags.counts("--prompts", options_.prompts, 1, 1u << 20, "Prompt lengths to measure (default: 512)");
    flags.counts("--depths", options_.depths, 0, 1u << 24, "Positions before decoding starts (default: 0)");
    flags.count("--decode", options_.n_decode, 1, 1u << 16, "Tokens to decode at each depth (default: 64)");
    flags.counts("--streams", options_.streams, 1, 4096,
                 "Sequences that decode together, in one step: tg64x8 are the tokens of all 8 (default: 1)");
    flags.counts("--verify", options_.verify, 1, 4096,
                 "Drafted tokens that are verified at once: vf5 is a step for 4 and the token before them");
    flags.counts("--threads", threads_, 1, 1024, "Thread counts to measure (default: all cores)");
    flags.integer("--rounds", options_.rounds, 1, 1000, "Measurements of each test (default: 5)");
    flags.number("--sustain", sustain_, 0.0f, 86400.0f,
                 "Also decode for this many seconds and show the speed over time");
    flags.choice("--kv", model_.kv, {"f16", "f32", "q8_0"}, "How keys and values are stored (default: f16)");
    flags.count("--ubatch", options_.ubatch, 1, 1u << 16, "Tokens of one pass through the layers (default: 512)");
    flags.text("--isa", model_.isa, "NAME", "Use this kernel table (default: the best; see `hearth doctor`)");
    model_.declare_bf16_activations(flags);
    flags.text("--plot", plot_, "FILE.svg", "Draw the rows as bars, or with --sustain the speed over time");
    flags.toggle("--json", json_, "Print JSON");
  }

  Outcome run(const Settings& settings) override {
    if (path_.has_value() != synthetic_.empty())
      return usage_error("give a MODEL or --synthetic SHAPE:TYPE, one of them; see `hearth bench --help`");
    if (!synthetic_.empty() && !model_.engine.empty())
      return usage_error("--synthetic runs on the native engine; for --engine write a file with `hearth synth`");
    HEARTH_CHECK(check_engine_name(model_.engine_name(settings)));
    HEARTH_CHECK(prepare(settings));
    const InterruptGuard guard;
    options_.cancelled = [&guard] { return guard.interrupted(); };
    const bool terminal = is_terminal(StandardStream::kError);
    if (terminal) options_.progress = [](const std::string& what) { note_progress(fmt::format("\r{:60.60}", what)); };
    auto report = measure::run_bench(open_, work_, options_);
    Result<std::vector<measure::SustainPoint>> points = std::vector<measure::SustainPoint>();
    if (report && sustain_ > 0) points = measure::run_sustained(open_, double{sustain_}, options_);
    if (terminal) note_progress(fmt::format("\r{:60}\r", ""));
    if (guard.interrupted()) return kInterrupted;
    HEARTH_CHECK(report);
    HEARTH_CHECK(points);
    if (model_.bf16_activations && report->recipe_id != kernels::kBf16RecipeId) note(no_bf16_weights(name_));
    if (!plot_.empty()) HEARTH_CHECK(draw(*report, *points));
    HEARTH_CHECK(print(json_ ? as_json(*report, *points) : as_text(*report, *points)));
    return kOk;
  }

 private:
  /// What is measured, how it opens, and what a token costs.
  Checked<void> prepare(const Settings& settings) {
    const std::string& isa = model_.isa.empty() ? settings.isa : model_.isa;
    HEARTH_CHECK(check_isa_name(isa));
    options_.kernels = isa.empty() ? &kernels::best_table(detect_cpu_features()) : kernels::find_table(isa);
    if (!options_.kernels->supported(detect_cpu_features()))
      return usage_error(fmt::format("this CPU cannot run the kernel table \"{}\"; see `hearth doctor`", isa));
    options_.kv = model_.sequence().kv;
    for (const std::size_t n : threads_) options_.threads.push_back(static_cast<int>(n));
    if (options_.threads.empty()) {
      const std::size_t n = model_.threads(settings);
      options_.threads.push_back(n ? static_cast<int>(n) : default_thread_count());
    }
    if (path_) {
      name_ = typed_;
      const auto file = open_model_file(*path_);
      if (file) {
        work_ = measure::work_per_token(**file);
      } else if (file.error().code == ErrorCode::kFileNotFound) {  // other engines may open what is no GGUF
        return std::unexpected(Failure(file.error()));
      }
      open_ = [this, isa, engine = model_.engine_name(settings)](std::shared_ptr<ThreadPool> pool) {
        OpenOptions options;
        options.engine = engine;
        options.pool = std::move(pool);
        options.isa = isa;
        options.activations = model_.activations();
        return open_model(*path_, options);
      };
      return {};
    }
    HEARTH_TRY(const SyntheticName what, parse_synthetic_name(synthetic_));
    name_ = synthetic_ + " (random weights)";
    HEARTH_TRY(made_, synthetic::make_model(*what.shape, *what.mix));
    work_ = measure::work_per_token(*made_);
    open_ = [this, isa](std::shared_ptr<ThreadPool> pool) -> Result<std::unique_ptr<LanguageModel>> {
      native::Options options;
      options.pool = std::move(pool);
      options.isa = isa;
      options.activations = model_.activations();
      HEARTH_TRY(auto model, native::NativeModel::load(*made_, options));
      return std::unique_ptr<LanguageModel>(std::move(model));
    };
    return {};
  }

  [[nodiscard]] Status draw(const measure::BenchReport& report,
                            const std::vector<measure::SustainPoint>& points) const {
    const std::string svg =
        points.empty() ? measure::plot_rows(name_, report.rows) : measure::plot_sustained(name_, points);
    HEARTH_TRY(auto file, AtomicFileWriter::create(plot_));
    HEARTH_CHECK(file.write(std::as_bytes(std::span(svg))));
    return file.publish();
  }

  [[nodiscard]] std::string as_text(const measure::BenchReport& report,
                                    const std::vector<measure::SustainPoint>& points) const {
    std::string out = fmt::format("{}: {:.2f} GiB of weights, {:.2f} GB read per token, engine {}{}{}\n\n", name_,
                                  static_cast<double>(report.weight_bytes) / kGiB, work_.bytes_for(1) / 1e9,
                                  report.engine, report.isa.empty() ? "" : ", kernels ", report.isa);
    out +=
        fmt::format("{:14} {:>7} {:>10} {:>19}  {}\n", "test", "threads", "tok/s", "slowest..fastest", "of the limit");
    const std::string arithmetic = "GOP/s " + report.arithmetic;
    for (const measure::BenchRow& row : report.rows) {
      const std::string share = row.limit_gb_s > 0 ? share_text(row.gb_s, row.limit_gb_s, "GB/s read")
                                                   : share_text(row.gop_s, row.limit_gop_s, arithmetic);
      out += fmt::format("{:14} {:7} {:10.2f} {:>19}  {}{}\n", row.test, row.threads, row.tok_s,
                         fmt::format("{:.2f}..{:.2f}", row.tok_s_min, row.tok_s_max), share,
                         row.of_one_token > 0 ? fmt::format(", {:.2f}x of one token", row.of_one_token) : "");
    }
    out += report.loops.empty() ? "" : "\n";
    for (const measure::LoopCost& loop : report.loops) {
      out += fmt::format(
          "text loop, {} threads: {:.2f} of {:.2f} ms per token ({:.1f} %) are sampling, detokenizing and "
          "bookkeeping\n",
          loop.threads, 1e3 * loop.outside_s, 1e3 * (loop.outside_s + loop.model_s), 100 * loop.share());
    }
    out +=
        fmt::format("\nloaded in {:.2f} s, first token of an 8-token prompt {:.3f} s later; peak memory {:.2f} GiB\n",
                    report.load_s, report.first_token_s, static_cast<double>(report.peak_memory_bytes) / kGiB);
    for (const measure::SustainPoint& point : points) {
      out += fmt::format("{:7.1f} s {:8.2f} tok/s{}{}\n", point.seconds, point.tok_s,
                         point.clock_mhz > 0 ? fmt::format("  {:.0f} MHz", point.clock_mhz) : "",
                         point.temperature > 0 ? fmt::format("  {:.0f} C", point.temperature) : "");
    }
    return out;
  }

  [[nodiscard]] std::string as_json(const measure::BenchReport& report,
                                    const std::vector<measure::SustainPoint>& points) const {
    nlohmann::json rows = nlohmann::json::array(), sustained = rows, loops = rows;
    const auto known = [](double value) { return value > 0 ? nlohmann::json(value) : nlohmann::json(nullptr); };
    for (const measure::BenchRow& row : report.rows) {
      rows.push_back({{"test", row.test},
                      {"threads", row.threads},
                      {"tok_s", row.tok_s},
                      {"tok_s_min", row.tok_s_min},
                      {"tok_s_max", row.tok_s_max},
                      {"gb_s", known(row.gb_s)},
                      {"limit_gb_s", known(row.limit_gb_s)},
                      {"gop_s", known(row.gop_s)},
                      {"limit_gop_s", known(row.limit_gop_s)},
                      {"of_one_token", known(row.of_one_token)}});
    }
    for (const measure::LoopCost& loop : report.loops) {
      loops.push_back({{"threads", loop.threads},
                       {"model_s", loop.model_s},
                       {"outside_s", loop.outside_s},
                       {"outside_share", loop.share()}});
    }
    for (const measure::SustainPoint& point : points) {
      sustained.push_back({{"seconds", point.seconds},
                           {"tok_s", point.tok_s},
                           {"clock_mhz", known(point.clock_mhz)},
                           {"temperature_c", known(point.temperature)}});
    }
    const nlohmann::json json = {
        {"model", name_},
        {"engine", report.engine},
        {"isa", report.isa},
        {"results", rows},
        {"text_loop", loops},
        {"weight_bytes", report.weight_bytes},
        {"arithmetic", report.arithmetic.empty() ? nlohmann::json(nullptr) : nlohmann::json(report.arithmetic)},
        {"recipe", report.recipe_id},
        {"bytes_per_token", known(work_.bytes_for(1))},
        {"load_s", report.load_s},
        {"ttft_s", report.first_token_s},
        {"cold_start_s", report.load_s + report.first_token_s},
        {"peak_memory_bytes", report.peak_memory_bytes},
        {"sustained", sustained}};
    return json.dump(2) + "\n";
  }

  ModelFlags model_;
  std::optional<std::string> path_;
  std::string typed_;
  std::string synthetic_, plot_, name_;
  std::vector<std::size_t> threads_;
  float sustain_ = 0;
  bool json_ = false;
  measure::BenchOptions options_;
  measure::TokenWork work_;
  measure::ModelOpener open_;
  std::unique_ptr<ModelFile> made_;
};

}  // namespace

CommandInfo bench_command() {
  static const std::string description =
      "Measures prompts (pp) and decoding (tg, @depth) and shows them beside what the machine can do at best,\n"
      "measured in the same seconds: memory read for decoding, products for prompts: of int8, or of floats where "
      "the weights are floats. Medians of all rounds.\n"
      "--streams and --verify add rows that several users and speculation depend on. The text loop's line tells what "
      "a\n"
      "token costs besides the model, at the default sampling options.\n"
      "Shapes for --synthetic: " +
      synthetic_shape_names() + ".";
  return {.name = "bench",
          .summary = "Measure how fast a model runs here",
          .description = description,
          .examples =
              "  hearth bench model.gguf --threads 1,2 --depths 0,4096\n"
              "  hearth bench model.gguf --streams 1,8 --verify 4\n"
              "  hearth bench --synthetic llama-3.2-1b:Q4_K_M",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Bench>(); }};
}

}  // namespace hearth::cli
