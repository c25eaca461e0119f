// hearth verify, hearth gc: whether the shelf is whole, and giving back what nobody needs.
#include "base/terminal.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/library/access.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

class VerifyCommand final : public Command {
 public:
  void declare(Flags& flags) override { flags.argument("NAME", name_, "The model (default: all)"); }
  Outcome run(const Settings& settings) override {
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    std::vector<library::ShelfModel> models;
    if (name_) {
      HEARTH_TRY(library::ShelfModel model, model_on_shelf(shelf, *name_, settings));
      models.push_back(std::move(model));
    } else {
      HEARTH_TRY(models, shelf.list());
    }
    const bool terminal = is_terminal(StandardStream::kError);
    const StopOnInterrupt stop;
    std::size_t n_faults = 0;
    for (const library::ShelfModel& model : models) {
      const std::string name = model.names.empty() ? model.source : model.names.front();
      const auto progress = [&](std::uint64_t done, std::uint64_t all) {
        if (terminal) note_progress(fmt::format("\r{}: {} of {}  ", name, bytes_text(done), bytes_text(all)));
      };
      HEARTH_TRY(const auto faults, library::Shelf::verify(model, progress, stop.token()));
      if (terminal) note_progress("\r");
      n_faults += faults.size();
      HEARTH_CHECK(print(fmt::format("{}: {}\n", name, faults.empty() ? "whole" : "NOT whole")));
      for (const library::Fault& fault : faults) HEARTH_CHECK(print(fmt::format("  {}\n", fault.what)));
    }
    if (n_faults == 0) return kOk;
    return std::unexpected(Failure({ErrorCode::kVerificationFailed,
                                    fmt::format("{} files are not what they were; `hearth rm` and `hearth pull` bring "
                                                "models again",
                                                n_faults)}));
  }

 private:
  std::optional<std::string> name_;
};

class GcCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.toggle("--now", now_, "Also files of the last hour, which a download that has just ended may still need");
  }
  Outcome run(const Settings& settings) override {
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    HEARTH_TRY(const std::uint64_t n_bytes, shelf.collect(std::chrono::seconds(now_ ? 0 : 3600)));
    HEARTH_CHECK(print(fmt::format("{} given back\n", bytes_text(n_bytes))));
    return kOk;
  }

 private:
  bool now_ = false;
};

}  // namespace

CommandInfo verify_command() {
  return {.name = "verify",
          .summary = "Read models again and compare with their digests",
          .description =
              "Reads every byte of a model's files and compares the SHA-256 with the one it was downloaded with.",
          .examples = "  hearth verify\n  hearth verify llama3.2:3b",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<VerifyCommand>(); }};
}

CommandInfo gc_command() {
  return {.name = "gc",
          .summary = "Give back what interrupted downloads and removed models left",
          .description =
              "Removes parts of downloads that nobody works on and files that no model on the shelf has.\n"
              "Files of other programs are never touched.",
          .examples = "  hearth gc\n  hearth gc --now",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<GcCommand>(); }};
}

}  // namespace hearth::cli
