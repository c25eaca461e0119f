// hearth tokenize: standard input to token ids.
#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "cli/token_file.h"
#include "cli/visible_text.h"
#include "engine/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::cli {

namespace {

class Tokenize final : public Command {
 public:
  void declare(Flags& flags) override {
    model_.declare_model(flags);
    flags.toggle("--json", json_, "Print a JSON list of ids");
    flags.toggle("--names", names_, "Print each id with the token's name, one per line");
    flags.toggle("--no-special", no_special_, "Add no BOS, EOS, CLS or SEP");
    flags.toggle("--parse-special", parse_special_, "Text that looks like a special token becomes that token");
  }

  Outcome run(const Settings& settings) override {
    if (json_ && names_) return usage_error("--json and --names exclude each other");
    const std::string& engine = model_.engine_name(settings);
    HEARTH_CHECK(check_engine_name(engine));
    HEARTH_TRY(const auto vocabulary, open_vocabulary(model_.path, engine));
    HEARTH_TRY(const std::string text, read_input(kLargestText));
    EncodeOptions options;
    if (no_special_) options.special = EncodeOptions::Special::kNone;
    if (parse_special_) options.looks_special = EncodeOptions::LooksSpecial::kParse;
    const std::vector<Token> tokens = vocabulary->encode(text, options);
    if (names_) {
      std::string lines;
      for (const Token token : tokens) lines += fmt::format("{}\t{}\n", token, vocabulary->token_name(token));
      HEARTH_CHECK(print_foreign(lines));
      return kOk;
    }
    HEARTH_CHECK(print(json_ ? token_json(tokens) : fmt::format("{}\n", fmt::join(tokens, " "))));
    return kOk;
  }

 private:
  ModelFlags model_;
  bool json_ = false, names_ = false, no_special_ = false, parse_special_ = false;
};

}  // namespace

CommandInfo tokenize_command() {
  return {.name = "tokenize",
          .summary = "Turn text on standard input into token ids",
          .description =
              "Reads text from standard input, every byte of it, and prints the model's token ids.\nText that "
              "looks like a special token is plain text unless --parse-special is given.",
          .examples = "  printf 'Once upon a time' | hearth tokenize model.gguf --json",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Tokenize>(); }};
}

}  // namespace hearth::cli
