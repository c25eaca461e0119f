// hearth chat: a conversation at the terminal, or line by line through a pipe.
#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>

#include "base/closest.h"
#include "base/terminal.h"
#include "cli/chat/chat_models.h"
#include "cli/chat/line_editor.h"
#include "cli/chat/raw_terminal.h"
#include "cli/chat/set_option.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/generator_flags.h"
#include "cli/interrupt.h"
#include "cli/screen.h"
#include "cli/tool_flags.h"
#include "generate/conversation.h"
#include "generate/reply_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr std::string_view kHelp =
    "  Enter sends; Alt-Enter, or a backslash at the end of a line, begins a new line. Ctrl-C stops an answer and "
    "keeps\n"
    "  what was said. Arrows bring back what you wrote.\n\n"
    "  /retry           another answer to your last words\n"
    "  /undo            take your last words back\n"
    "  /clear           forget the conversation, keep the instructions\n"
    "  /system TEXT     instructions for the model; without TEXT none\n"
    "  /set NAME VALUE  temperature, top_p, top_k, min_p, repetition_penalty, seed, max_tokens, thinking\n"
    "  /model NAME      another model goes on with the conversation; /models lists those in memory\n"
    "  /pin, /unpin, /unload NAME   keeps a model in memory, lets it go for others, lets it go now\n"
    "  /receipt         what happened at the last answer, in full\n"
    "  /save FILE       the conversation as JSON;  /load FILE  goes on with one\n"
    "  /exit            end (or Ctrl-D)\n"
    "  //...            says what begins with one /\n";

class Chat final : public Command {
 public:
  void declare(Flags& flags) override {
    generator_.declare_model(flags);
    flags.text("--system", system_, "TEXT", "Instructions for the model");
    flags.text("--load", load_, "FILE", "Go on with a conversation that /save wrote");
    flags.text("--session", session_, "FILE",
               "Go on with the conversation in this file, if it is there, and keep it there");
    tools_.declare(flags);
    generator_.declare(flags);
    flags.toggle("--lazy", lazy_, "Load the model at the first message (default: while you type it)");
    flags.count("--models-mib", models_mib_, 1, 1u << 30,
                "What the models of this chat may take together, in MiB (default: see `hearth plan`)");
    flags.count("--keep-alive", keep_alive_s_, 0, 1u << 30,
                "Seconds that a model stays in memory after /model left it (default: 300; 0: until room is needed)");
    flags.toggle("--quiet", quiet_, "No line of figures after an answer");
  }

  Outcome run(const Settings& settings) override {
    HEARTH_TRY(Request options, generator_.request());
    HEARTH_CHECK(tools_.add_to(options));
    if (!options.tools.empty() && !tools_.answered())
      return usage_error("in a conversation every tool needs a \"command\" that answers its calls; see docs/tools.md");
    if (options.sampling.n_logprobs) return usage_error("--logprobs is for `hearth run --json`; a chat shows none");
    if (!load_.empty() && !session_.empty()) return usage_error("--load and --session exclude each other");
    if (!session_.empty()) generator_.keep_sessions();
    if (!system_.empty()) options.messages.push_back(Message::instruction(system_));
    terminal_ = is_terminal(StandardStream::kInput) && is_terminal(StandardStream::kOutput);
    screen_ = Screen(look_of_output(settings.plain ? Colours::kForbidden : Colours::kAllowed));
    ChatModels models(generator_, settings, models_options());
    HEARTH_CHECK(models.begin());
    models_ = &models;
    generate::Conversation conversation(models, std::move(options));
    std::error_code ignored;
    const std::string& from = !session_.empty() && std::filesystem::exists(session_, ignored) ? session_ : load_;
    if (!from.empty()) {
      HEARTH_CHECK(conversation.load(from));
      if (!system_.empty()) conversation.instruct(system_);
    }
    conversation_ = &conversation;
    if (tools_.answered()) {
      conversation.offer(tools_.box(), {.max_steps = tools_.max_steps(), .on_result = [this](const ToolResult& result) {
                                          if (!quiet_) note(screen_.dim(told(result)));
                                        }});
    }
    if (terminal_) {
      note(screen_.dim(models.name() + "\n/help lists what else you can do; Ctrl-D ends."));
      if (!settings.cursor_stays) {
        HEARTH_TRY(raw_, RawTerminal::enter());
      }
      if (!lazy_) models.load_ahead(conversation.options());
    }
    const Outcome outcome = converse();
    raw_.reset();
    return outcome;
  }

 private:
  ChatModelsOptions models_options() {
    constexpr std::uint64_t kMiB = 1u << 20;
    const std::uint64_t budget = models_mib_                      ? *models_mib_ * kMiB
                                 : generator_.model_flags().force ? std::numeric_limits<std::uint64_t>::max()
                                                                  : default_models_budget();
    const bool shown = is_terminal(StandardStream::kError) && !generator_.model_flags().log;
    return {.budget_bytes = budget,
            .keep_alive = std::chrono::seconds(keep_alive_s_),
            .tell = [this](const std::string& text) { note(screen_.dim(text)); },
            .progress = shown ? LoadProgress::Shown::kYes : LoadProgress::Shown::kNo};
  }

  Outcome converse() {
    for (;;) {
      HEARTH_TRY(const std::optional<std::string> text, next_text());
      if (!text) return kOk;
      if (text->find_first_not_of(" \t\r\n") == std::string::npos) continue;
      if (!terminal_) {
        HEARTH_CHECK(answer_text(*text));
      } else if (text->starts_with('/') && !text->starts_with("//")) {
        HEARTH_TRY(const Next next, obey(*text));
        if (next == Next::kEnd) return kOk;
        HEARTH_CHECK(keep());
      } else if (const auto answered = answer_text(text->starts_with('/') ? text->substr(1) : *text); !answered) {
        note("hearth: " + answered.error().error.message);  // and the conversation goes on
      }
    }
  }

  /// What the person wrote; nothing at the end.
  Checked<std::optional<std::string>> next_text() {
    if (!raw_) {
      if (terminal_) note_progress("> ");
      std::string line;
      HEARTH_TRY(const bool more, read_line(line));
      return more ? std::optional(std::move(line)) : std::nullopt;
    }
    editor_.begin("> ", ". ", raw_->n_columns());
    std::string bytes;
    for (;;) {
      const LineEditor::State state = editor_.feed(bytes);
      HEARTH_CHECK(print(editor_.output()));
      HEARTH_CHECK(flush_output());
      if (state == LineEditor::State::kEnd) return std::optional<std::string>();
      if (state == LineEditor::State::kInterrupt) {
        if (editor_.text().empty()) note(screen_.dim("(Ctrl-D or /exit ends)"));
        return std::optional<std::string>(std::string());
      }
      if (state == LineEditor::State::kDone) {
        editor_.remember(editor_.text());
        return std::optional<std::string>(editor_.text());
      }
      HEARTH_TRY(bytes, raw_->read());
      if (bytes.empty()) return std::optional<std::string>();
      editor_.resize(raw_->n_columns());
    }
  }

  Checked<void> answer_text(const std::string& text) {
    return answer(
        [&](const EventSink& sink, const CancelCheck& cancelled) { return conversation_->say(text, sink, cancelled); });
  }

  Checked<void> answer(const std::function<Result<Reply>(const EventSink&, const CancelCheck&)>& ask) {
    const InterruptGuard guard;
    if (raw_) HEARTH_CHECK(raw_->set(RawTerminal::CtrlC::kInterrupts));
    Status written;
    const auto reply = ask(
        [&](const Event& event) {
          written = screen_.show(event);
          return written.has_value();
        },
        [&] { return guard.interrupted(); });
    if (raw_) HEARTH_CHECK(raw_->set(RawTerminal::CtrlC::kIsAKey));
    HEARTH_CHECK(written);
    if (!reply) {
      return std::unexpected(
          Failure(reply.error(), reply.error().code == ErrorCode::kCancelled ? kInterrupted : kFailed));
    }
    HEARTH_CHECK(screen_.end());
    tell(*reply);
    if (!std::exchange(remembered_, true)) models_->remember(reply->receipt);
    HEARTH_CHECK(keep());
    return {};
  }

  /// The conversation as it is now, where --session wants it.
  [[nodiscard]] Status keep() const { return session_.empty() ? Status() : conversation_->save(session_); }

  /// What a person should know about the answer, in a line; what they must know even with --quiet.
  void tell(const Reply& reply) const {
    const Receipt& r = reply.receipt;
    const Answer& answer = reply.answers.front();
    if (answer.reason == FinishReason::kMaxTokens)
      note(screen_.dim(terminal_ ? "(cut at the limit of tokens: /set max_tokens N)"
                                 : "(cut at the limit of tokens: --max-tokens N)"));
    if (answer.reason == FinishReason::kContextFull) note(screen_.dim("(the context is full)"));
    if (answer.reason == FinishReason::kCancelled)
      note(screen_.dim(generate::said_nothing(reply) ? "(stopped before the first word; nothing is kept)"
                                                     : "(stopped; what was said is kept)"));
    for (const std::string& said : answer.notes) note(screen_.dim(fmt::format("({})", said)));
    for (const IgnoredOption& option : r.ignored)
      note(screen_.dim(fmt::format("({} was ignored: {})", option.name, option.reason)));
    if (!r.dropped_messages.empty())
      note(screen_.dim(
          fmt::format("({} old messages no longer fit the context and were left out)", r.dropped_messages.size())));
    if (quiet_ || !terminal_) return;
    note(screen_.dim(fmt::format("[{} tokens, {:.1f} tok/s; first after {:.2f} s; {} of {} prompt tokens were there]",
                                 r.n_completion, r.tok_s, r.timings.ttft_s, r.prompt.n_reused, r.n_prompt)));
  }

  enum class Next : std::uint8_t { kGoOn, kEnd };

  /// A line that begins with "/". What goes wrong is told, and the conversation goes on.
  Checked<Next> obey(std::string_view line) {
    const std::size_t space = line.find_first_of(" \n");
    const std::string_view name = line.substr(0, space);
    std::string_view rest = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    while (rest.ends_with(' ')) rest.remove_suffix(1);
    const auto report = [](const Status& done, std::string_view success) {
      note(done ? std::string(success) : "hearth: " + done.error().message);
    };
    if (name == "/exit" || name == "/quit" || name == "/bye") return Next::kEnd;
    if (name == "/help" || name == "/?") {
      note(kHelp);
    } else if (name == "/retry") {
      const auto done = answer(
          [&](const EventSink& sink, const CancelCheck& cancelled) { return conversation_->again(sink, cancelled); });
      if (!done) note("hearth: " + done.error().error.message);
    } else if (name == "/undo") {
      const auto text = conversation_->undo();
      note(text ? screen_.dim("(taken back; arrow up brings your words)") : "hearth: nothing was said yet");
      if (text) editor_.remember(*text);
    } else if (name == "/clear") {
      conversation_->clear();
      note(screen_.dim("(a new conversation)"));
    } else if (name == "/system") {
      conversation_->instruct(std::string(rest));
      note(screen_.dim(rest.empty() ? "(no instructions)" : "(instructions set)"));
    } else if (name == "/set") {
      const std::size_t gap = rest.find(' ');
      const std::string_view value = gap == std::string_view::npos ? std::string_view() : rest.substr(gap + 1);
      report(set_option(conversation_->options(), rest.substr(0, gap), value), screen_.dim("(set)"));
    } else if (name == "/model" && !rest.empty()) {
      HEARTH_CHECK(change_model(rest));
    } else if (name == "/models" || name == "/model") {
      note(models_->list_text());
    } else if (name == "/unload") {
      report(models_->unload(std::string(rest)), screen_.dim("(unloaded; it is loaded again when it is needed)"));
    } else if (name == "/pin" || name == "/unpin") {
      using Pin = care::Residency::Pin;
      report(models_->pin(std::string(rest), name == "/pin" ? Pin::kYes : Pin::kNo),
             screen_.dim(name == "/pin" ? "(stays in memory)" : "(may go when another needs its place)"));
    } else if (name == "/receipt") {
      const auto& receipt = conversation_->receipt();
      note(receipt ? generate::receipt_json(*receipt).dump(2) : "hearth: there is no answer yet");
    } else if ((name == "/save" || name == "/load") && rest.empty()) {
      note(fmt::format("hearth: {0} needs the name of a file: {0} FILE", name));
    } else if (name == "/save") {
      report(conversation_->save(std::string(rest)), screen_.dim(fmt::format("(saved to {})", rest)));
    } else if (name == "/load") {
      report(conversation_->load(std::string(rest)), screen_.dim("(loaded; say something to go on)"));
    } else {
      constexpr std::string_view kNames[] = {"/exit",   "/help",   "/retry",   "/undo",   "/clear",
                                             "/system", "/set",    "/model",   "/models", "/pin",
                                             "/unpin",  "/unload", "/receipt", "/save",   "/load"};
      note(fmt::format("hearth: there is no command {}{}; /help lists them", name, did_you_mean(name, kNames)));
    }
    return Next::kGoOn;
  }

  /// "NAME", or "NAME --engine ENGINE".
  Checked<void> change_model(std::string_view words) {
    constexpr std::string_view kEngine = " --engine ";
    const std::size_t at = words.find(kEngine);
    const std::string name(words.substr(0, at));
    const std::string engine(at == std::string_view::npos ? "" : words.substr(at + kEngine.size()));
    const InterruptGuard guard;
    if (raw_) HEARTH_CHECK(raw_->set(RawTerminal::CtrlC::kInterrupts));
    const std::string before = models_->name();
    const Status done = models_->change(name, engine, conversation_->options(), [&] { return guard.interrupted(); });
    if (raw_) HEARTH_CHECK(raw_->set(RawTerminal::CtrlC::kIsAKey));
    note(done ? screen_.dim(fmt::format("({} answers from now on)", models_->name()))
              : fmt::format("hearth: {}; {} goes on", done.error().message, before));
    return {};
  }

  GeneratorFlags generator_;
  ChatModels* models_ = nullptr;
  std::optional<std::size_t> models_mib_;
  std::size_t keep_alive_s_ = 300;
  bool remembered_ = false, lazy_ = false;
  ToolFlags tools_;
  std::string system_, load_, session_;
  bool quiet_ = false, terminal_ = false;
  Screen screen_{Look::kPipe};
  std::unique_ptr<RawTerminal> raw_;  // at a terminal
  LineEditor editor_;
  generate::Conversation* conversation_ = nullptr;
};

}  // namespace

CommandInfo chat_command() {
  return {.name = "chat",
          .summary = "Talk with a model",
          .description =
              "A conversation at the terminal. Through a pipe, each line is a message and each answer is printed.\n"
              "Ctrl-C stops an answer and keeps what was said; /help lists what else can be done.\nOptions that are "
              "not given "
              "are as the model recommends.",
          .examples =
              "  hearth chat model.gguf --system 'Answer briefly.'\n"
              "  hearth chat model.gguf --session trip.json --tool weather.json\n"
              "  echo 'Why is the sky blue?' | hearth chat model.gguf --max-tokens 200",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Chat>(); }};
}

}  // namespace hearth::cli
