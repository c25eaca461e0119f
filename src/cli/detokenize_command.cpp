// hearth detokenize: token ids on standard input to text.
#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "cli/token_file.h"
#include "cli/visible_text.h"
#include "engine/registry.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

class Detokenize final : public Command {
 public:
  void declare(Flags& flags) override {
    model_.declare_model(flags);
    flags.toggle("--json", json_, "Print a JSON string; bytes that are no UTF-8 become U+FFFD");
    flags.toggle("--special", special_, "Show control tokens by their names");
  }

  Outcome run(const Settings& settings) override {
    const std::string& engine = model_.engine_name(settings);
    HEARTH_CHECK(check_engine_name(engine));
    HEARTH_TRY(const auto vocabulary, open_vocabulary(model_.path, engine));
    HEARTH_TRY(const std::string input, read_input(kLargestText));
    auto tokens = parse_token_text(input);
    if (!tokens)
      return std::unexpected(Failure(std::move(tokens.error()).within("reading token ids from standard input")));
    for (const Token token : *tokens) {
      if (static_cast<std::size_t>(token) >= vocabulary->size()) {
        return std::unexpected(
            Failure({ErrorCode::kInvalidArgument,
                     fmt::format("token {} is outside the vocabulary of {} of {}; these ids may be of another model",
                                 token, vocabulary->size(), model_.path)}));
      }
    }
    DecodeOptions options;
    if (special_) options.special = DecodeOptions::Special::kShow;
    const std::string text = vocabulary->decode(*tokens, options);
    if (!json_) {
      HEARTH_CHECK(print_foreign(text));
      return kOk;
    }
    HEARTH_CHECK(
        print_foreign(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    return kOk;
  }

 private:
  ModelFlags model_;
  bool json_ = false, special_ = false;
};

}  // namespace

CommandInfo detokenize_command() {
  return {.name = "detokenize",
          .summary = "Turn token ids on standard input into text",
          .description =
              "Reads token ids from standard input (a JSON list, an object with \"tokens\", or numbers "
              "between spaces)\nand prints exactly the bytes they stand for; at a terminal, what would steer it is "
              "shown instead of obeyed.",
          .examples = "  echo '[1, 403, 407, 261]' | hearth detokenize model.gguf",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Detokenize>(); }};
}

}  // namespace hearth::cli
