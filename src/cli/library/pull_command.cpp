// hearth pull, hearth update: models from the hub onto the shelf.
#include <algorithm>

#include "base/terminal.h"
#include "cli/card.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/library/access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using library::Pulled;
using library::PullOptions;
using PullJson = nlohmann::json;

/// What pull and update share: the flags, and one download with its display.
class Puller {
 public:
  void declare(Flags& flags) {
    flags.toggle("--offline", offline_, "Ask nobody: what is here is used, anything else is an error");
    flags.count("--connections", n_connections_, 1, 16, "Parts of a file fetched at once (default: 4)");
    flags.toggle("--free-on-cancel", free_on_cancel_,
                 "Ctrl-C also removes the parts; else the next pull goes on with them");
    flags.toggle("--json", json_, "One JSON object a line: progress, then done or error");
    trial_.declare(flags);
  }

  Checked<Pulled> pull(const std::string& text, PullOptions::Freshness freshness, Settings settings) const {
    settings.library.offline |= offline_;
    HEARTH_CHECK(trial_.chosen());
    HEARTH_TRY(const library::ModelName name, library::parse_model_name(text));
    HEARTH_TRY(const library::Catalogue catalogue, open_catalogue(settings));
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    HEARTH_TRY(const library::HttpClient client, open_client(settings));
    PullDisplay display(json_                                 ? PullDisplay::Form::kJson
                        : is_terminal(StandardStream::kError) ? PullDisplay::Form::kBar
                                                              : PullDisplay::Form::kSilent);
    PullOptions options{.allowed = allowed_sources(settings), .freshness = freshness};
    options.fetch.n_connections = static_cast<int>(n_connections_);
    if (free_on_cancel_) options.fetch.on_cancel = library::FetchOptions::OnCancel::kFreeDisk;
    options.progress = [&](const library::PullProgress& progress) { display.show(progress); };
    const StopOnInterrupt stop;
    auto pulled = library::pull(shelf, client, catalogue, name, options, stop.token());
    display.finish();
    if (pulled) return std::move(*pulled);
    if (json_) {
      const PullJson event = {
          {"event", "error"}, {"code", error_code_name(pulled.error().code)}, {"message", pulled.error().message}};
      HEARTH_CHECK(print(event.dump(-1, ' ', false, PullJson::error_handler_t::replace) + "\n"));
    }
    if (pulled.error().code != ErrorCode::kCancelled) return std::unexpected(Failure(std::move(pulled.error())));
    pulled.error().message = free_on_cancel_ ? "stopped; its parts were removed"
                                             : fmt::format("stopped; `hearth pull {}` goes on where it was", text);
    return std::unexpected(Failure(std::move(pulled.error()), kInterrupted));
  }

  [[nodiscard]] Checked<void> tell(const std::string& name, const Pulled& pulled, std::string_view news,
                                   const Settings& settings) const {
    HEARTH_TRY(const Trial trial, trial_.chosen());
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    const auto path = shelf.path_to_open(pulled.model);
    const auto card = path ? try_new_model(path->string(), pulled.model.n_bytes(), trial, settings) : std::nullopt;
    HEARTH_CHECK(tell(name, pulled, news, card));
    return {};
  }

 private:
  [[nodiscard]] Status tell(const std::string& name, const Pulled& pulled, std::string_view news,
                            const std::optional<care::ConformanceCard>& card) const {
    if (json_) {
      PullJson event = PullJson::parse(model_json(pulled.model));
      event["card"] = card ? PullJson::parse(care::card_json(*card)) : PullJson();
      event["event"] = "done";
      event["was_here"] = pulled.was_here;
      return print(event.dump(-1, ' ', false, PullJson::error_handler_t::replace) + "\n");
    }
    std::string text =
        fmt::format("{}: {}, {} ({})\n", name, news, bytes_text(pulled.model.n_bytes()), pulled.model.format);
    if (pulled.model.format != "gguf" && pulled.model.format != "fake")
      text += fmt::format("no engine of this build opens {}; its files are kept\n", pulled.model.format);
    return print(text);
  }

  std::size_t n_connections_ = 4;
  TrialFlags trial_;
  bool offline_ = false, free_on_cancel_ = false, json_ = false;
};

class PullCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("NAME", name_, "llama3.2:3b, hf:owner/repo[:file|:quant][@revision], https://...[#sha256=...]");
    puller_.declare(flags);
  }
  Outcome run(const Settings& settings) override {
    HEARTH_TRY(const Pulled pulled, puller_.pull(name_, PullOptions::Freshness::kWhatIsHere, settings));
    HEARTH_CHECK(puller_.tell(name_, pulled, pulled.was_here ? "here already" : "downloaded and verified", settings));
    return kOk;
  }

 private:
  std::string name_;
  Puller puller_;
};

class UpdateCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("NAME", name_, "The model (default: all that came from the hub)");
    puller_.declare(flags);
  }
  Outcome run(const Settings& settings) override {
    std::vector<std::string> names;
    {
      HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
      HEARTH_TRY(const library::Catalogue catalogue, open_catalogue(settings));
      std::vector<library::ShelfModel> models;
      if (name_) {
        HEARTH_TRY(library::ShelfModel model, model_on_shelf(shelf, *name_, settings));
        if (!model.source.starts_with("hf:"))
          return usage_error(fmt::format("{} came from {}, which has no revisions", *name_, model.source));
        models.push_back(std::move(model));
      } else {
        HEARTH_TRY(models, shelf.list());
      }
      for (const library::ShelfModel& model : models) {
        if (auto name = name_for_hub(model, catalogue); !name.empty()) names.push_back(std::move(name));
      }
    }
    for (const std::string& name : names) {
      HEARTH_TRY(const Pulled pulled, puller_.pull(name, PullOptions::Freshness::kNewest, settings));
      HEARTH_CHECK(puller_.tell(
          name, pulled,
          pulled.was_here ? "is the newest" : "updated; the older revision stays under its commit until `hearth rm`",
          settings));
    }
    return kOk;
  }

 private:
  /// The name by which the hub is asked for newer revisions: one without a revision of its own. Empty for models that
  /// others keep, that did not come from the hub, or that are only here under their commit.
  static std::string name_for_hub(const library::ShelfModel& model, const library::Catalogue& catalogue) {
    if (!model.source.starts_with("hf:") || model.files.empty() || !model.files.front().owner.empty()) return {};
    for (const std::string& text : model.names) {
      const auto name = library::parse_model_name(text);
      if (name && text.find('@') == std::string::npos && library::hub_target(*name, catalogue)) return text;
    }
    return {};
  }

  std::optional<std::string> name_;
  Puller puller_;
};

}  // namespace

CommandInfo pull_command() {
  return {.name = "pull",
          .summary = "Download a model, verified, onto the shelf",
          .description =
              "Finds what a name means, downloads its files in parallel parts and verifies every byte. A pull that\n"
              "was interrupted in whatever way goes on where it was; what is here already costs nothing.",
          .examples =
              "  hearth pull llama3.2:3b\n  hearth pull hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M\n"
              "  hearth pull https://example.org/model.gguf#sha256=...",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<PullCommand>(); }};
}

CommandInfo update_command() {
  return {.name = "update",
          .summary = "Bring newer revisions of models from the hub",
          .description =
              "Asks the hub whether a model has a newer revision and downloads it beside the older one, which stays\n"
              "under its commit, and under names that `hearth cp` gave it.",
          .examples = "  hearth update\n  hearth update llama3.2:3b",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<UpdateCommand>(); }};
}

}  // namespace hearth::cli
