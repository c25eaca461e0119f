// hearth perplexity: how well a model predicts a text, and what a quantization costs.
#include "base/file.h"
#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "measure/perplexity.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr std::uint64_t kLargestText = 1ull << 30;

class Perplexity final : public Command {
 public:
  void declare(Flags& flags) override {
    model_.declare_model(flags);
    flags.argument("FILE", file_, "The text to predict");
    flags.text("--against", against_, "OTHER",
               "Compare with this model, always with float activations: for example the one before quantization");
    model_.declare_context(flags);
    model_.declare_compute(flags);
    flags.toggle("--json", json_, "Print JSON");
  }

  Outcome run(const Settings& settings) override {
    HEARTH_TRY(const std::string text, read_file(file_, kLargestText));
    HEARTH_TRY(const auto model, model_.open(settings));
    HEARTH_TRY(const Vocabulary* vocabulary, require_vocabulary(*model, model_.path));
    std::unique_ptr<LanguageModel> reference;
    const std::vector<Token> tokens = vocabulary->encode(text, {});
    if (!against_.empty()) {
      ModelFlags exact = model_;
      exact.bf16_activations = false;
      HEARTH_TRY(reference, exact.open(against_, settings));
      HEARTH_TRY(const Vocabulary* other, require_vocabulary(*reference, against_));
      if (other->encode(text, {}) != tokens) {
        return std::unexpected(
            Failure({ErrorCode::kInvalidArgument,
                     fmt::format("{} and {} have different tokenizers, so their predictions cannot be compared",
                                 model_.path, against_)}));
      }
    }
    HEARTH_TRY(const measure::PerplexityReport report, measured(*model, reference.get(), tokens));
    HEARTH_CHECK(print(json_ ? as_json(report) : as_text(report)));
    return kOk;
  }

 private:
  Result<measure::PerplexityReport> measured(LanguageModel& model, LanguageModel* reference,
                                             std::span<const Token> tokens) const {
    measure::PerplexityOptions options{
        .window = model_.n_ctx, .kv = model_.sequence().kv, .ubatch = model_.ubatch, .cancelled = {}, .progress = {}};
    const InterruptGuard guard;
    options.cancelled = [&guard] { return guard.interrupted(); };
    const bool terminal = is_terminal(StandardStream::kError);
    if (terminal) {
      options.progress = [](std::size_t done, std::size_t n, double nll) {
        note_progress(fmt::format("\rwindow {}/{}, NLL {:.4f} ", done, n, nll));
      };
    }
    auto report = measure_perplexity(model, reference, tokens, options);
    if (terminal) note_progress("\r                                        \r");
    return report;
  }

  [[nodiscard]] std::string as_text(const measure::PerplexityReport& r) const {
    std::string out = fmt::format(
        "{}: NLL {:.6f} +/- {:.6f} nats per token, perplexity {:.4f} ({} of {} tokens scored, {} windows)\n",
        model_.path, r.nll, r.nll_error, r.perplexity, r.n_scored, r.n_tokens, r.n_windows);
    if (r.against) {
      out += fmt::format(
          "against {}: NLL {:.6f}, difference {:+.6f}\nKL {:.6f} mean, {:.6f} max; top-1 agreement {:.2f} %\n",
          against_, r.against->nll, r.nll - r.against->nll, r.against->kl_mean, r.against->kl_max,
          100 * r.against->top1_agreement);
    }
    return out;
  }

  [[nodiscard]] std::string as_json(const measure::PerplexityReport& r) const {
    nlohmann::json json = {{"nll", r.nll},           {"nll_error", r.nll_error}, {"perplexity", r.perplexity},
                           {"n_scored", r.n_scored}, {"n_tokens", r.n_tokens},   {"n_windows", r.n_windows}};
    if (r.against) {
      json["against"] = {{"nll", r.against->nll},
                         {"kl_mean", r.against->kl_mean},
                         {"kl_max", r.against->kl_max},
                         {"top1_agreement", r.against->top1_agreement}};
    }
    return json.dump(2) + "\n";
  }

  ModelFlags model_;
  std::string file_, against_;
  bool json_ = false;
};

}  // namespace

CommandInfo perplexity_command() {
  return {.name = "perplexity",
          .summary = "Measure how well a model predicts a text",
          .description =
              "Cuts a text into windows of --ctx tokens (default: 512) and prints the mean negative log-likelihood\n"
              "of the tokens in the second half of each; a text that fits one window is scored whole.\nWith "
              "--against, also the KL divergence from the other model and how often both agree on the best\ntoken: "
              "the quality cost of a quantization.",
          .examples = "  hearth perplexity model-Q4_K_M.gguf text.txt --against model-F16.gguf",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Perplexity>(); }};
}

}  // namespace hearth::cli
