// Dispatch, top-level help and the one place where failures become exit codes.
#include "cli/cli.h"

#include <algorithm>
#include <array>
#include <exception>
#include <new>

#include "base/closest.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/library/access.h"
#include "hearth/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::cli {

namespace {

// One per line, so that branches that add commands do not meet.
constexpr std::array kCommands = {
    chat_command,        //
    run_command,         //
    embed_command,       //
    inspect_command,     //
    plan_command,        //
    recommend_command,   //
    tokenize_command,    //
    detokenize_command,  //
    template_command,    //
    constrain_command,   //
    logits_command,      //
    perplexity_command,  //
    quantize_command,    //
    bench_command,       //
    synth_command,       //
    cache_command,       //
    engines_command,     //
    doctor_command,      //
    pull_command,        //
    list_command,        //
    show_command,        //
    rm_command,          //
    cp_command,          //
    update_command,      //
    verify_command,      //
    gc_command,          //
    import_command,      //
    adopt_command,       //
};

std::string overall_help() {
  std::string text =
      "Hearth runs language models on the machine you own.\n\n"
      "Usage: hearth COMMAND [FLAGS] ...\n\nCommands:\n";
  for (const auto make : kCommands) text += fmt::format("  {:12} {}\n", make().name, make().summary);
  text +=
      "\nFlags:\n  -h, --help   Show this help; `hearth COMMAND --help` explains a command\n"
      "  --version    Show the version\n"
      "\nEnvironment: HEARTH_THREADS (threads to use), HEARTH_ISA (kernel table; see `hearth doctor`),\n"
      "             HEARTH_CACHE (folder of packed weights, or off; see `hearth cache`),\n"
      "             HEARTH_CONFIG (configuration file; else hearth/config.json under XDG_CONFIG_HOME or ~/.config),\n"
      "             HEARTH_HOME (folder of models; else hearth under XDG_DATA_HOME or ~/.local/share),\n"
      "             HEARTH_OFFLINE, HF_TOKEN, HF_ENDPOINT, HTTPS_PROXY (see docs/library.md)\n"
      "Exit codes:  0 ok, 1 failed, 2 wrong usage, 130 interrupted\n";
  return text;
}

Outcome run_one(const CommandInfo& info, std::span<const char* const> arguments, const Settings& settings) {
  const auto command = info.make();
  Flags flags(info.name, info.description, info.examples);
  command->declare(flags);
  HEARTH_TRY(const std::optional<int> finished, flags.parse(arguments));
  if (finished) return *finished;
  std::vector<std::string> absent;
  for (std::string* const model : flags.models()) {
    HEARTH_TRY(const Found found, find_model(*model, settings));
    if (found == Found::kNowhere) absent.push_back(*model);
  }
  Outcome outcome = command->run(settings);
  if (!outcome && outcome.error().error.code == ErrorCode::kFileNotFound && !absent.empty()) {
    std::string& message = outcome.error().error.message;
    if (message.find("did you mean") == std::string::npos) message += "; " + advice_on_absent(absent.front(), settings);
  }
  return outcome;
}

Outcome dispatch(std::span<const char* const> arguments, const Settings& settings) {
  if (arguments.empty()) {
    note_progress(overall_help());
    return kUsage;
  }
  const std::string_view first = arguments.front();
  if (first == "--version" || first == "-V") {
    HEARTH_CHECK(print(fmt::format("hearth {}\n", kVersion)));
    return kOk;
  }
  if (first == "--help" || first == "-h" || first == "help") {
    HEARTH_CHECK(print(overall_help()));
    return kOk;
  }
  for (const auto make : kCommands) {
    const CommandInfo info = make();
    if (info.name == first) return run_one(info, arguments.subspan(1), settings);
  }
  std::vector<std::string_view> names;
  for (const auto make : kCommands) names.push_back(make().name);
  return usage_error(fmt::format("there is no command \"{}\"{}; the commands are {}", first, did_you_mean(first, names),
                                 fmt::join(names, ", ")));
}

}  // namespace

int run(std::span<const char* const> arguments, const Settings& settings) {
  Outcome outcome = kOk;
  try {
    outcome = dispatch(arguments, settings);
  } catch (const std::bad_alloc&) {
    outcome = std::unexpected(Failure(
        {ErrorCode::kInsufficientMemory, "the system gave no more memory; try a smaller model or a shorter context"}));
  } catch (const std::exception& error) {
    outcome = std::unexpected(Failure({ErrorCode::kInternal, fmt::format("a mistake of Hearth: {}", error.what())}));
  }
  if (const Status flushed = flush_output(); !flushed && outcome) outcome = std::unexpected(Failure(flushed.error()));
  if (outcome) return *outcome;
  note(fmt::format("hearth: {}", outcome.error().error.message));
  return outcome.error().exit_code;
}

}  // namespace hearth::cli
