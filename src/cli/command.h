// One command of the command line: what it is called, its flags, and what it does.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "cli/flags.h"
#include "cli/outcome.h"
#include "cli/settings.h"

namespace hearth::cli {

class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(Flags& flags) = 0;
  /// After the flags were parsed.
  virtual Outcome run(const Settings& settings) = 0;
};

struct CommandInfo {
  std::string_view name;
  std::string_view summary;      // one line of `hearth --help`
  std::string_view description;  // the first lines of `hearth NAME --help`
  std::string_view examples;
  std::unique_ptr<Command> (*make)();
};

CommandInfo chat_command();
CommandInfo embed_command();
CommandInfo run_command();
CommandInfo inspect_command();
CommandInfo plan_command();
CommandInfo recommend_command();
CommandInfo tokenize_command();
CommandInfo detokenize_command();
CommandInfo template_command();
CommandInfo logits_command();
CommandInfo perplexity_command();
CommandInfo quantize_command();
CommandInfo bench_command();
CommandInfo constrain_command();
CommandInfo synth_command();
CommandInfo cache_command();
CommandInfo engines_command();
CommandInfo doctor_command();
CommandInfo pull_command();
CommandInfo list_command();
CommandInfo show_command();
CommandInfo rm_command();
CommandInfo cp_command();
CommandInfo update_command();
CommandInfo verify_command();
CommandInfo gc_command();
CommandInfo import_command();
CommandInfo adopt_command();

}  // namespace hearth::cli
