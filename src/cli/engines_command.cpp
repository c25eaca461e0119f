// hearth engines: which engines this build has.
#include "cli/command.h"
#include "cli/console.h"
#include "engine/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

class Engines final : public Command {
 public:
  void declare(Flags& flags) override { flags.toggle("--json", json_, "Print JSON"); }

  Outcome run(const Settings&) override {
    nlohmann::json list = nlohmann::json::array();
    std::string text;
    for (const Engine& engine : all_engines()) {
      const std::string obstacle = engine.not_ready();
      list.push_back({{"name", engine.name},
                      {"version", engine.version},
                      {"formats", engine.formats},
                      {"ready", obstacle.empty()},
                      {"why_not", obstacle},
                      {"summary", engine.summary}});
      text += fmt::format("{:10} {:8} {:12} {}\n{:10} {}\n", engine.name, engine.version,
                          fmt::format("{}", fmt::join(engine.formats, ", ")),
                          obstacle.empty() ? "ready" : "not ready: " + obstacle, "", engine.summary);
    }
    HEARTH_CHECK(print(json_ ? list.dump(2) + "\n" : text));
    return kOk;
  }

 private:
  bool json_ = false;
};

}  // namespace

CommandInfo engines_command() {
  return {.name = "engines",
          .summary = "List the engines of this build",
          .description =
              "Lists the engines of this build: name, version, formats, and whether each works here.\nThe file "
              "decides which one opens it; --engine NAME overrules.",
          .examples = "",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Engines>(); }};
}

}  // namespace hearth::cli
