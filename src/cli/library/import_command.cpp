// hearth import, hearth adopt: models that are on this machine already.
#include <algorithm>

#include "base/terminal.h"
#include "cli/card.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/library/access.h"
#include "file/metadata.h"
#include "library/shelf/import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::cli {

namespace {

using library::ForeignModel;
using library::ImportOptions;

void show_reading(std::uint64_t done, std::uint64_t all) {
  note_progress(fmt::format("\rreading {} of {}  {}", bytes_text(done), bytes_text(all), done == all ? "\r" : ""));
}

class ImportCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("PATH", path_, "A model file, the first part of a split one, or a folder");
    flags.text("--name", name_, "NAME", "What it is called (default: after the file)");
    flags.toggle("--link", link_, "A hard link instead of a copy; the file must lie on the same disk");
    flags.toggle("--in-place", in_place_, "Use it where it lies; it stays yours, and is never removed");
    trial_.declare(flags);
  }
  Outcome run(const Settings& settings) override {
    if (link_ && in_place_) return usage_error("--link and --in-place exclude each other");
    HEARTH_TRY(const Trial trial, trial_.chosen());
    ImportOptions options{.name = name_, .allowed = allowed_sources(settings)};
    if (link_) options.how = ImportOptions::How::kLink;
    if (in_place_) options.how = ImportOptions::How::kInPlace;
    if (!name_.empty()) HEARTH_CHECK(library::parse_own_name(name_));
    if (is_terminal(StandardStream::kError)) options.progress = show_reading;
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    const StopOnInterrupt stop;
    HEARTH_TRY(const library::ShelfModel model, library::import_model(shelf, path_, options, stop.token()));
    HEARTH_CHECK(print(fmt::format("{}: {}, {} ({})\n", fmt::join(model.names, ", "),
                                   in_place_ ? "used where it lies"
                                   : link_   ? "linked"
                                             : "copied",
                                   bytes_text(model.n_bytes()), model.format)));
    if (const auto path = shelf.path_to_open(model))
      static_cast<void>(try_new_model(path->string(), model.n_bytes(), trial, settings));
    return kOk;
  }

 private:
  std::string path_, name_;
  bool link_ = false, in_place_ = false;
  TrialFlags trial_;
};

class AdoptCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("STORE", store_, "ollama, lm-studio, hf-cache or llama.cpp (default: all that are found)");
    flags.text("--from", folder_, "DIR", "Where that store is, if not in its usual place");
    flags.toggle("--dry-run", dry_run_, "Only say what would be adopted");
  }
  Outcome run(const Settings& settings) override {
    if (!folder_.empty() && !store_)
      return usage_error("--from needs to know whose store it is: hearth adopt STORE --from DIR");
    std::vector<ForeignModel> models;
    bool known = !store_;
    for (const library::ForeignStore& store : library::foreign_stores()) {
      if (store_ && *store_ != store.owner) continue;
      known = true;
      auto folders = store.folders(settings.library.user_home);
      if (!folder_.empty()) folders = {folder_};
      for (const auto& folder : folders) std::ranges::move(store.find(folder), std::back_inserter(models));
    }
    if (!known)
      return usage_error(
          fmt::format("there is no store \"{}\"; known are ollama, lm-studio, hf-cache and llama.cpp", *store_));
    return adopt_all(models, settings);
  }

 private:
  [[nodiscard]] Outcome adopt_all(const std::vector<ForeignModel>& models, const Settings& settings) const {
    if (models.empty()) {
      HEARTH_CHECK(print("no models of other programs were found; --from names a folder\n"));
      return kOk;
    }
    ImportOptions options{.how = ImportOptions::How::kInPlace, .allowed = allowed_sources(settings)};
    if (is_terminal(StandardStream::kError)) options.progress = show_reading;
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    const StopOnInterrupt stop;
    std::size_t n_failed = 0;
    for (const ForeignModel& model : models) {
      if (dry_run_) {
        HEARTH_CHECK(print(
            fmt::format("{}: {} of {}\n", model.name, quote_untrusted(model.files.front().string()), model.owner)));
        continue;
      }
      auto adopted = library::adopt(shelf, model, options, stop.token());
      if (adopted) {
        HEARTH_CHECK(print(fmt::format("{}: {} of {}, no bytes were copied\n", model.name,
                                       bytes_text(adopted->n_bytes()), model.owner)));
        continue;
      }
      if (adopted.error().code == ErrorCode::kCancelled)
        return std::unexpected(Failure(std::move(adopted.error()), kInterrupted));
      ++n_failed;
      note(fmt::format("hearth: {}: {}", model.name, adopted.error().message));
    }
    return n_failed == models.size() ? kFailed : kOk;
  }

  std::optional<std::string> store_;
  std::string folder_;
  bool dry_run_ = false;
};

}  // namespace

CommandInfo import_command() {
  return {.name = "import",
          .summary = "Put a model file of this machine on the shelf",
          .description =
              "Copies, links or uses in place a model file or folder, after looking into it. What is no model, or\n"
              "damaged, is refused with what it is.",
          .examples = "  hearth import model.gguf\n  hearth import /models/big.gguf --in-place --name big",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<ImportCommand>(); }};
}

CommandInfo adopt_command() {
  return {.name = "adopt",
          .summary = "Use the models that other programs keep, without a copy",
          .description =
              "Finds models in the stores of Ollama, LM Studio, the Hugging Face cache and llama.cpp, reads each\n"
              "once to know its digest, and uses it where it lies. Nothing of theirs is ever changed or removed.",
          .examples = "  hearth adopt --dry-run\n  hearth adopt ollama",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<AdoptCommand>(); }};
}

}  // namespace hearth::cli
