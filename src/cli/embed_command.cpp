// hearth embed: texts in, vectors out.
#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "generate/embed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

class Embed final : public Command {
 public:
  void declare(Flags& flags) override {
    model_.declare_model(flags);
    flags.argument("TEXT", text_, "The text; without it, standard input is read");
    flags.toggle("--lines", lines_, "Each line of standard input is a text of its own");
    flags.toggle("--json", json_, "Print {\"text\": ..., \"embedding\": [...]} per text");
    model_.declare_compute(flags);
  }

  Outcome run(const Settings& settings) override {
    if (text_ && lines_) return usage_error("--lines reads standard input, but TEXT is given too");
    if (!text_ && is_terminal(StandardStream::kInput)) return usage_error("there is no text; give one or pipe it in");
    HEARTH_TRY(const auto model, model_.open(settings));
    if (lines_) {
      std::string line;
      for (;;) {
        HEARTH_TRY(const bool more, read_line(line));
        if (!more) return kOk;
        HEARTH_CHECK(embed(*model, line));
      }
    }
    if (!text_) {
      HEARTH_TRY(text_, read_input(kLargestText));
      if (text_->ends_with('\n')) text_->pop_back();
    }
    HEARTH_CHECK(embed(*model, *text_));
    return kOk;
  }

 private:
  /// One line: numbers that read back as the same floats.
  Status embed(LanguageModel& model, const std::string& text) const {
    HEARTH_TRY(const std::vector<float> values, generate::embed(model, text));
    const std::string numbers = fmt::format("{}", fmt::join(values, json_ ? ", " : " "));
    if (!json_) {
      HEARTH_CHECK(print(numbers + "\n"));
    } else {
      const nlohmann::json quoted = text;
      HEARTH_CHECK(print(fmt::format("{{\"text\": {}, \"embedding\": [{}]}}\n",
                                     quoted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), numbers)));
    }
    return flush_output();
  }

  ModelFlags model_;
  std::optional<std::string> text_;
  bool lines_ = false, json_ = false;
};

}  // namespace

CommandInfo embed_command() {
  return {.name = "embed",
          .summary = "Turn texts into vectors with an embedding model",
          .description =
              "Prints one line of numbers per text: a vector of length 1, so that the product of two vectors says how\n"
              "near two texts are in meaning.",
          .examples =
              "  hearth embed bge-small.gguf 'a cat on a mat'\n"
              "  hearth embed bge-small.gguf --lines --json < sentences.txt",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Embed>(); }};
}

}  // namespace hearth::cli
