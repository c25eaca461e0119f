// hearth synth: a model file of a real shape with random weights.
#include <optional>

#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/synthetic_name.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

class Synth final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("SHAPE:TYPE", name_, "Such as llama-3.2-1b:Q4_K_M");
    flags.argument("OUT", out_, "The GGUF file to write");
  }

  Outcome run(const Settings&) override {
    HEARTH_TRY(const SyntheticName what, parse_synthetic_name(name_));
    std::function<void(std::uint64_t, std::uint64_t)> progress;
    const bool terminal = is_terminal(StandardStream::kError);
    if (terminal) {
      progress = [](std::uint64_t done, std::uint64_t total) {
        note_progress(fmt::format("\r{:3.0f} % ", 100.0 * static_cast<double>(done) / static_cast<double>(total)));
      };
    }
    const Status written = synthetic::write_model(*what.shape, *what.mix, out_, progress);
    if (terminal) note_progress("\r      \r");
    HEARTH_CHECK(written);
    return kOk;
  }

 private:
  std::string name_, out_;
};

}  // namespace

CommandInfo synth_command() {
  static const std::string description =
      "Writes a model of a real shape with random weights: it says nonsense, at the speed and in the memory of the\n"
      "real one, here and in other engines. Shapes: " +
      synthetic_shape_names() + ".";
  return {.name = "synth",
          .summary = "Write a model of a real shape with random weights",
          .description = description,
          .examples = "  hearth synth llama-3.2-1b:Q4_K_M random-1b.gguf",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<Synth>(); }};
}

}  // namespace hearth::cli
