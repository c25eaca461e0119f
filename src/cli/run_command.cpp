// hearth run: a prompt in, text out, token by token.
#include <algorithm>

#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/sampling_flags.h"
#include "generate/text_loop.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr std::uint64_t kLargestPrompt = 256ull << 20;

double rate(std::size_t n, double seconds) {
  return seconds > 0 ? static_cast<double>(n) / seconds : 0;
}

/// "tok/s" of the tokens after the first, which the prompt's evaluation gave.
double decode_rate(const generate::Completion& completion) {
  return completion.tokens.empty() ? 0 : rate(completion.tokens.size() - 1, completion.decode_seconds);
}

class Run final : public Command {
 public:
  void declare(Flags& flags) override {
    model_.declare_model(flags);
    flags.argument("PROMPT", prompt_, "The text to continue; without it, standard input is read");
    flags.toggle("-i,--interactive", interactive_, "Read prompts line by line; each continues the text so far");
    flags.count("--max-tokens", max_tokens_, 1, 1u << 30,
                "Stop after N tokens (default: when the model ends or the context is full)");
    flags.texts("--stop", stop_, "TEXT", "Stop before this text, which is not shown; repeatable");
    flags.toggle("--ignore-eos", ignore_eos_, "Go on when the model ends its text");
    sampling_.declare(flags);
    model_.declare_context(flags);
    model_.declare_compute(flags);
    flags.toggle("--no-special", no_special_, "Put no BOS in front of the prompt");
    flags.toggle("--parse-special", parse_special_,
                 "Text of the prompt that looks like a special token becomes that token");
    flags.toggle("--json", json_, "Print one JSON object at the end instead of streaming");
    flags.toggle("--quiet", quiet_, "No timing line on standard error");
  }

  Outcome run(const Settings& settings) override {
    HEARTH_TRY(generate::TextLoopOptions options, loop_options());
    HEARTH_TRY(std::optional<std::string> prompt, first_prompt());
    HEARTH_TRY(const auto model, model_.open(settings));
    HEARTH_TRY(const Vocabulary* vocabulary, require_vocabulary(*model, model_.path));
    auto loop = generate::TextLoop::make(*model, model_.sequence(), std::move(options));
    if (!loop) return std::unexpected(Failure(std::move(loop.error())));
    if (!interactive_) return complete(*loop, *vocabulary, *prompt);
    return converse(*loop, *vocabulary, std::move(prompt));
  }

 private:
  [[nodiscard]] Checked<generate::TextLoopOptions> loop_options() {
    generate::TextLoopOptions options;
    HEARTH_TRY(options.sampling, sampling_.options());
    if (options.sampling.n_logprobs && !json_) return usage_error("--logprobs needs --json");
    if (interactive_ && json_) return usage_error("--interactive and --json exclude each other");
    seed_ = options.sampling.seed;
    greedy_ = options.sampling.temperature == 0;
    if (std::ranges::find(stop_, std::string()) != stop_.end())
      return usage_error("--stop: the text must not be empty");
    options.stop = stop_;
    options.max_tokens = max_tokens_;
    options.ubatch = model_.ubatch;
    if (ignore_eos_) options.end_tokens = generate::EndTokens::kIgnore;
    return options;
  }

  /// The prompt from the command line, or standard input without its last line end; none in a loop.
  [[nodiscard]] Checked<std::optional<std::string>> first_prompt() {
    if (prompt_ || interactive_) return prompt_;
    if (is_terminal(StandardStream::kInput))
      return usage_error("there is no prompt; give one, pipe it in, or use -i for a loop");
    HEARTH_TRY(std::string text, read_input(kLargestPrompt));
    if (text.ends_with('\n')) text.pop_back();
    return std::optional<std::string>(std::move(text));
  }

  [[nodiscard]] std::vector<Token> encode(const Vocabulary& vocabulary, std::string_view text, bool first) const {
    EncodeOptions options;
    if (no_special_ || !first) options.special = EncodeOptions::Special::kNone;
    if (parse_special_) options.looks_special = EncodeOptions::LooksSpecial::kParse;
    std::vector<Token> tokens = vocabulary.encode(text, options);
    // A model that closes texts with EOS must not do so here: this text goes on.
    if (!parse_special_ && !tokens.empty() && vocabulary.eos() == tokens.back() && vocabulary.bos() != tokens.back())
      tokens.pop_back();
    return tokens;
  }

  Outcome complete(generate::TextLoop& loop, const Vocabulary& vocabulary, std::string_view prompt) {
    HEARTH_TRY(const generate::Completion completion, stream(loop, encode(vocabulary, prompt, true), vocabulary));
    if (json_) {
      HEARTH_CHECK(print_json(completion));
    } else if (is_terminal(StandardStream::kOutput)) {
      HEARTH_CHECK(print("\n"));
    }
    tell_timing(completion);
    return completion.reason == FinishReason::kCancelled ? kInterrupted : kOk;
  }

  Outcome converse(generate::TextLoop& loop, const Vocabulary& vocabulary, std::optional<std::string> prompt) {
    const bool terminal = is_terminal(StandardStream::kInput);
    std::string line;
    for (bool first = true;; first = false) {
      if (prompt) {
        line = *std::exchange(prompt, std::nullopt);
      } else {
        if (terminal) note_progress("> ");
        HEARTH_TRY(const bool more, read_line(line));
        if (!more) return kOk;
      }
      HEARTH_TRY(const generate::Completion completion, stream(loop, encode(vocabulary, line, first), vocabulary));
      HEARTH_CHECK(print("\n"));
      HEARTH_CHECK(flush_output());
      tell_timing(completion);
    }
  }

  Checked<generate::Completion> stream(generate::TextLoop& loop, const std::vector<Token>& prompt,
                                       const Vocabulary& vocabulary) {
    const InterruptGuard guard;
    Status written;
    const auto sink = [&](const generate::TextEvent& event) {
      if (json_) {
        remember_logprobs(event, vocabulary);
      } else if (!event.text.empty()) {
        written = print(event.text);
        if (written) written = flush_output();
      }
      return written.has_value();
    };
    auto completion = loop.complete(prompt, sink, [&] { return guard.interrupted(); });
    HEARTH_CHECK(written);
    if (!completion) return std::unexpected(Failure(std::move(completion.error())));
    return std::move(*completion);
  }

  void remember_logprobs(const generate::TextEvent& event, const Vocabulary& vocabulary) {
    if (!event.choice || !event.choice->logprob) return;
    const auto entry = [&](Token token, float logprob) {
      return nlohmann::json{{"id", token}, {"name", vocabulary.token_name(token)}, {"logprob", logprob}};
    };
    nlohmann::json chosen = entry(event.choice->id, *event.choice->logprob);
    chosen["top"] = nlohmann::json::array();
    for (const auto& top : event.choice->top) chosen["top"].push_back(entry(top.id, top.logprob));
    logprobs_.push_back(std::move(chosen));
  }

  Status print_json(const generate::Completion& completion) {
    nlohmann::json object = {{"text", completion.text},
                             {"tokens", completion.tokens},
                             {"reason", finish_reason_name(completion.reason)},
                             {"prompt_tokens", completion.n_prompt},
                             {"prefill_seconds", completion.prefill_seconds},
                             {"ttft_seconds", completion.ttft_seconds},
                             {"decode_seconds", completion.decode_seconds},
                             {"decode_tokens_per_second", decode_rate(completion)}};
    if (!greedy_) object["seed"] = seed_;
    if (!completion.stop_string.empty()) object["stop"] = completion.stop_string;
    if (!logprobs_.empty()) object["logprobs"] = logprobs_;
    return print(object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }

  void tell_timing(const generate::Completion& c) const {
    if (quiet_) return;
    note(fmt::format("prompt {} tokens, {:.1f} tok/s prefill; ttft {:.3f} s; {} tokens, {:.1f} tok/s decode; {}{}",
                     c.n_prompt, rate(c.n_prompt, c.prefill_seconds), c.ttft_seconds, c.tokens.size(), decode_rate(c),
                     finish_reason_name(c.reason), greedy_ ? "" : fmt::format("; seed {}", seed_)));
  }

  ModelFlags model_;
  SamplingFlags sampling_;
  std::optional<std::string> prompt_;
  std::vector<std::string> stop_;
  std::size_t max_tokens_ = 0;
  std::uint64_t seed_ = 0;
  bool greedy_ = false, interactive_ = false, ignore_eos_ = false, no_special_ = false, parse_special_ = false,
       json_ = false, quiet_ = false;
  nlohmann::json logprobs_ = nlohmann::json::array();
};

}  // namespace

CommandInfo run_command() {
  return {.name = "run",
          .summary = "Continue a text with a model",
          .description =
              "Continues a prompt as plain text and writes it to standard output while it is made.\nThe prompt is "
              "PROMPT, or standard input (without its last line end). Ctrl-C stops and keeps what was said.",
          .examples =
              "  hearth run model.gguf 'Once upon a time' --max-tokens 100\n"
              "  hearth run model.gguf --greedy --stop 'THE END' < prompt.txt",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Run>(); }};
}

}  // namespace hearth::cli
