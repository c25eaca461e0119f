// The flags that give a model functions to call: files that describe them, and the commands that answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "cli/outcome.h"
#include "hearth/tools.h"

namespace hearth::cli {

class ToolFlags {
 public:
  void declare(Flags& flags);
  /// Reads the files and offers their tools.
  [[nodiscard]] Checked<void> add_to(Request& request);
  /// Whether commands answer the calls; else the calls are the answer.
  [[nodiscard]] bool answered() const { return !commands_.empty(); }
  /// Each call starts its command, which reads the arguments as JSON and prints the result.
  [[nodiscard]] Toolbox box() const;
  [[nodiscard]] std::size_t max_steps() const { return max_steps_.value_or(8); }

 private:
  struct Answered {
    Tool tool;
    std::vector<std::string> command;
  };
  std::vector<std::string> files_;
  std::string choice_;
  std::optional<std::size_t> max_steps_;
  std::vector<Answered> commands_;
};

/// "weather({"city": "Paris"}) -> 12 degrees", cut where it is long.
std::string told(const ToolResult& result);

}  // namespace hearth::cli
