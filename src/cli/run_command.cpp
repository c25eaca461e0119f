// hearth run: a prompt in, text out, token by token.
#include <algorithm>

#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/generator_flags.h"
#include "cli/interrupt.h"
#include "cli/run_report.h"
#include "cli/screen.h"
#include "cli/tool_flags.h"
#include "generate/prompt.h"
#include "generate/reply_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr std::uint64_t kLargestPrompt = 256ull << 20;

class Run final : public Command {
 public:
  void declare(Flags& flags) override {
    generator_.declare_model(flags);
    flags.argument("PROMPT", prompt_, "The text to continue, or the message; without it, standard input is read");
    flags.toggle("--chat", chat_, "The prompt is a message: it is put into the model's chat template and answered");
    flags.text("--system", system_, "TEXT", "Instructions for the model; implies --chat");
    tools_.declare(flags);
    generator_.declare(flags);
    flags.toggle("-i,--interactive", interactive_, "Read prompts line by line; each continues the text so far");
    flags.toggle("--ignore-eos", ignore_eos_, "Go on when the model ends its text");
    flags.toggle("--no-special", no_special_, "Put no BOS in front of the prompt");
    flags.toggle("--parse-special", parse_special_,
                 "Text of the prompt that looks like a special token becomes that token");
    flags.toggle("--json", json_, "Print one JSON object at the end instead of streaming");
    flags.toggle("--receipt", receipt_, "Say on standard error, as JSON, what happened");
    flags.toggle("--quiet", quiet_, "No timing line on standard error");
  }

  Outcome run(const Settings& settings) override {
    HEARTH_TRY(Request request, generator_.request());
    HEARTH_CHECK(tools_.add_to(request));
    if (!system_.empty() || !request.tools.empty()) chat_ = true;
    HEARTH_CHECK(check(request));
    if (ignore_eos_) request.own_end = Request::OwnEnd::kIgnored;
    HEARTH_TRY(std::optional<std::string> prompt, first_prompt());
    HEARTH_TRY(const auto generator, generator_.open(settings));
    settings_ = settings;
    screen_ = Screen(look_of_output(settings.plain ? Colours::kForbidden : Colours::kAllowed));
    if (interactive_) return converse(*generator, std::move(request), std::move(prompt));
    if (chat_) {
      if (!system_.empty()) request.messages.push_back(Message::instruction(system_));
      request.messages.push_back(Message::user(std::move(*prompt)));
    } else {
      request.prompt = encode(*prompt, Place::kFirst);
    }
    return complete(*generator, std::move(request));
  }

 private:
  [[nodiscard]] Checked<void> check(const Request& request) const {
    if (request.sampling.n_logprobs && !json_) return usage_error("--logprobs needs --json");
    if (interactive_ && json_) return usage_error("--interactive and --json exclude each other");
    if (interactive_ && chat_) return usage_error("--interactive continues a text; `hearth chat` is a conversation");
    if (chat_ && (no_special_ || parse_special_))
      return usage_error("--no-special and --parse-special are for texts, not for messages");
    if (const std::string_view flag = generator_.flag_for_messages(); !chat_ && !flag.empty())
      return usage_error(fmt::format("{} is for messages, and without --chat the prompt is a text", flag));
    if (ignore_eos_ && (!request.tools.empty() || request.format.kind != OutputFormat::Kind::kText))
      return usage_error("--ignore-eos does not go with a form or tools: their answers must end");
    return {};
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

  enum class Place : std::uint8_t { kFirst, kLater };
  [[nodiscard]] std::vector<Token> encode(std::string_view text, Place place) const {
    const Vocabulary& vocabulary = *generator_.model().vocabulary();
    EncodeOptions options;
    if (no_special_ || place == Place::kLater) options.special = EncodeOptions::Special::kNone;
    if (parse_special_) options.looks_special = EncodeOptions::LooksSpecial::kParse;
    return generate::encode_open_text(vocabulary, text, options);
  }

  Outcome complete(Generator& generator, Request request) {
    HEARTH_TRY(const ToolRun run, answer(generator, std::move(request)));
    const Answer& answer = run.reply.answers.front();
    if (json_) {
      HEARTH_CHECK(print(screen_.shown(run_json(run, *generator_.model().vocabulary())) + "\n"));
    } else {
      HEARTH_CHECK(print_calls(answer.message));
      if (is_terminal(StandardStream::kOutput)) HEARTH_CHECK(screen_.end());
    }
    if (answer.reason == FinishReason::kError)
      return std::unexpected(Failure({ErrorCode::kInternal, answer.notes.empty() ? "" : answer.notes.back()}));
    tell(run);
    generator_.remember(run.reply.receipt, settings_);
    return answer.reason == FinishReason::kCancelled ? kInterrupted : kOk;
  }

  Outcome converse(Generator& generator, Request request, std::optional<std::string> prompt) {
    const bool terminal = is_terminal(StandardStream::kInput);
    std::vector<Token> history;
    std::string line;
    for (;;) {
      if (prompt) {
        line = *std::exchange(prompt, std::nullopt);
      } else {
        if (terminal) note_progress("> ");
        HEARTH_TRY(const bool more, read_line(line));
        if (!more) return kOk;
      }
      std::ranges::copy(encode(line, history.empty() ? Place::kFirst : Place::kLater), std::back_inserter(history));
      request.prompt = history;
      HEARTH_TRY(const ToolRun run, answer(generator, request));
      HEARTH_CHECK(screen_.end());
      tell(run);
      const Answer& answer = run.reply.answers.front();
      std::ranges::copy(answer.tokens, std::back_inserter(history));
      if (answer.reason == FinishReason::kStop) history.pop_back();  // the model's end: here the text goes on
    }
  }

  Checked<ToolRun> answer(Generator& generator, Request request) {
    const InterruptGuard guard;
    Status written;
    const EventSink sink = [&](const Event& event) {
      if (!json_) written = screen_.show(event);
      return written.has_value();
    };
    const CancelCheck cancelled = [&] { return guard.interrupted(); };
    Result<ToolRun> run = fail(ErrorCode::kInternal, "nothing was answered");
    if (tools_.answered()) {
      const auto on_result = [&](const ToolResult& result) {
        if (!quiet_) note(screen_.dim(told(result)));
      };
      run = run_tools(generator, std::move(request), tools_.box(),
                      {.max_steps = tools_.max_steps(), .sink = sink, .on_result = on_result, .cancelled = cancelled});
    } else if (auto reply = generator.generate(request, sink, cancelled); reply) {
      run = ToolRun{.reply = std::move(*reply)};
    } else {
      run = std::unexpected(std::move(reply.error()));
    }
    HEARTH_CHECK(written);
    if (!run) return std::unexpected(Failure(std::move(run.error())));
    return std::move(*run);
  }

  /// Calls that nobody answers here are the answer: one JSON object per line.
  Status print_calls(const Message& message) {
    if (tools_.answered()) return {};
    for (const ToolCall& call : message.tool_calls) HEARTH_CHECK(print(screen_.shown(call_json(call)) + "\n"));
    return flush_output();
  }

  void tell(const ToolRun& run) const {
    if (receipt_) note(generate::receipt_json(run.reply.receipt).dump(2));
    if (quiet_) {
      if (run.end == ToolRun::End::kStepLimit) note("hearth: " + run.reply.answers.front().notes.back());
      return;
    }
    for (const std::string& line : remarks(run)) note(line);
    if (!chat_ && !json_ && !generator_.model().info().chat_template.empty())
      note("(this model is made for conversations; --chat asks it as in one)");
    note(timing_line(run.reply));
  }

  GeneratorFlags generator_;
  Settings settings_;
  ToolFlags tools_;
  std::optional<std::string> prompt_;
  std::string system_;
  bool chat_ = false, interactive_ = false, ignore_eos_ = false, no_special_ = false, parse_special_ = false,
       json_ = false, receipt_ = false, quiet_ = false;
  Screen screen_{Look::kPipe};
};

}  // namespace

CommandInfo run_command() {
  return {.name = "run",
          .summary = "Continue a text with a model, or answer one message",
          .description =
              "Continues a prompt as plain text and writes it to standard output while it is made; with --chat it\n"
              "answers the prompt as a message. The prompt is PROMPT, or standard input (without its last line end).\n"
              "Ctrl-C stops and keeps what was said. Options that are not given are as the model recommends.",
          .examples =
              "  hearth run model.gguf 'Once upon a time' --max-tokens 100\n"
              "  hearth run model.gguf --chat 'Who wrote Faust?' --schema person.json\n"
              "  hearth run model.gguf --tool weather.json 'Is it cold in Oslo?'\n"
              "  hearth run model.gguf --greedy --stop 'THE END' < prompt.txt",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Run>(); }};
}

}  // namespace hearth::cli
