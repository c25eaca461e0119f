// hearth list, show, rm and cp: what is on the shelf and what it is called.
#include <algorithm>

#include "cli/card.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/library/access.h"
#include "file/metadata.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using library::ShelfModel;
using ShelfJson = nlohmann::json;

std::string names_text(const ShelfModel& model) {
  return fmt::format("{}", fmt::join(model.names, ", "));
}

class ListCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.toggle("--catalogue", catalogue_, "What can be pulled by a short name, instead of what is here");
    flags.toggle("--json", json_, "Print JSON");
  }
  Outcome run(const Settings& settings) override {
    if (catalogue_) return list_catalogue(settings);
    HEARTH_TRY(std::optional<library::Shelf> shelf, library::Shelf::open_existing(settings.library.home));
    std::vector<ShelfModel> models;
    if (shelf) {
      HEARTH_TRY(models, shelf->list());
      if (!shelf->notice().empty()) note("hearth: " + shelf->notice());
    }
    std::string text;
    if (json_) {
      ShelfJson json = ShelfJson::array();
      for (const ShelfModel& model : models) json.push_back(ShelfJson::parse(model_json(model)));
      text = json.dump(2, ' ', false, ShelfJson::error_handler_t::replace) + "\n";
    } else if (models.empty()) {
      text = "no models yet; `hearth pull NAME` brings one, `hearth list --catalogue` shows names\n";
    } else {
      for (const ShelfModel& model : models) {
        const std::string owner =
            model.files.empty() || model.files[0].owner.empty() ? "" : ", kept by " + model.files[0].owner;
        text += fmt::format("{:>10}  {:16}  {}  {}{}\n", bytes_text(model.n_bytes()),
                            model.quant.empty() ? model.format : model.format + " " + model.quant, model.added,
                            names_text(model), owner);
      }
    }
    HEARTH_CHECK(print(text));
    return kOk;
  }

 private:
  [[nodiscard]] Outcome list_catalogue(const Settings& settings) const {
    HEARTH_TRY(const library::Catalogue catalogue, open_catalogue(settings));
    std::string text;
    ShelfJson json = ShelfJson::array();
    for (const library::CatalogueModel& model : catalogue.models()) {
      const double billions = static_cast<double>(model.n_parameters) / 1e9;
      text += fmt::format("{:24} {:>7.2f} B  {:12} {:14} {}\n", model.name(), billions,
                          fmt::format("{}", fmt::join(model.uses, ", ")), model.licence, model.title);
      ShelfJson sources = ShelfJson::array();
      for (const library::CatalogueSource& source : model.sources)
        sources.push_back(
            {{"repo", source.repo}, {"format", source.format}, {"engine", source.engine()}, {"quants", source.quants}});
      json.push_back({{"name", model.name()},
                      {"title", model.title},
                      {"by", model.by},
                      {"licence", model.licence},
                      {"parameters", model.n_parameters},
                      {"context", model.n_ctx},
                      {"languages", model.languages},
                      {"uses", model.uses},
                      {"aliases", model.aliases},
                      {"sources", sources}});
    }
    HEARTH_CHECK(print(json_ ? json.dump(2) + "\n" : text));
    return kOk;
  }

  bool catalogue_ = false, json_ = false;
};

class ShowCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("NAME", name_, "The model");
    flags.toggle("--json", json_, "Print JSON");
  }
  Outcome run(const Settings& settings) override {
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    HEARTH_TRY(const ShelfModel model, model_on_shelf(shelf, name_, settings));
    const auto path = shelf.path_to_open(model);
    const auto card = path ? stored_card(path->string(), settings) : std::nullopt;
    if (json_) {
      ShelfJson json = ShelfJson::parse(model_json(model));
      json["card"] = card ? ShelfJson::parse(care::card_json(*card)) : ShelfJson();
      HEARTH_CHECK(print(json.dump(-1, ' ', false, ShelfJson::error_handler_t::replace) + "\n"));
      return kOk;
    }
    std::string text = names_text(model) + "\n";
    const auto line = [&](std::string_view key, const std::string& value) {
      if (!value.empty()) text += fmt::format("  {:9} {}\n", key, value);
    };
    line("source", model.source);
    line("commit", model.commit);
    line("format", model.quant.empty() ? model.format : model.format + ", " + model.quant);
    line("licence", model.licence.empty() ? "" : quote_untrusted(model.licence));
    line("added", model.added + " UTC");
    line("size", bytes_text(model.n_bytes()));
    for (const library::ShelfFile& file : model.files) {
      line("file", quote_untrusted(file.name));
      line("", fmt::format("SHA-256 {}", file.sha256));
      line("", file.path.string() + (file.owner.empty() ? "" : ", kept by " + file.owner));
    }
    line("state", path ? "ready" : path.error().message);
    if (card) {
      text += card_text(*card);
    } else if (path && card_place(path->string(), settings)) {
      line("tried", fmt::format("not yet: `hearth doctor {} --try`", name_));
    }
    HEARTH_CHECK(print(text));
    return kOk;
  }

 private:
  std::string name_;
  bool json_ = false;
};

class RmCommand final : public Command {
 public:
  void declare(Flags& flags) override { flags.argument("NAME", name_, "The model"); }
  Outcome run(const Settings& settings) override {
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    HEARTH_TRY(const ShelfModel model, model_on_shelf(shelf, name_, settings));
    HEARTH_TRY(const library::ModelName parsed, library::parse_model_name(name_));
    std::string name = library::canonical_name(parsed);
    if (std::ranges::find(model.names, name) == model.names.end()) {
      if (model.names.size() != 1)
        return usage_error(fmt::format("{} is called {}; say which name to remove", name_, names_text(model)));
      name = model.names.front();
    }
    HEARTH_TRY(const library::Removal removal, shelf.remove(name));
    std::string text = fmt::format("{} is removed", name);
    if (!removal.names.empty()) text += fmt::format("; the model stays as {}", fmt::join(removal.names, ", "));
    if (removal.n_freed > 0) text += fmt::format("; {} are given back", bytes_text(removal.n_freed));
    if (removal.n_owned_elsewhere > 0)
      text += fmt::format("; {} stay with their owner", bytes_text(removal.n_owned_elsewhere));
    HEARTH_CHECK(print(text + "\n"));
    return kOk;
  }

 private:
  std::string name_;
};

class CpCommand final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.argument("NAME", from_, "The model");
    flags.argument("NEW", to_, "Another name for it: letters, digits, \".\", \"_\", \"-\", one \":\"");
  }
  Outcome run(const Settings& settings) override {
    HEARTH_TRY(const library::CatalogueName name, library::parse_own_name(to_));
    HEARTH_TRY(library::Shelf shelf, open_shelf(settings));
    HEARTH_TRY(const ShelfModel model, model_on_shelf(shelf, from_, settings));
    HEARTH_CHECK(shelf.name(model.id, library::canonical_name(name)));
    HEARTH_CHECK(
        print(fmt::format("{} is also called {}; no bytes were copied\n", from_, library::canonical_name(name))));
    return kOk;
  }

 private:
  std::string from_, to_;
};

}  // namespace

CommandInfo list_command() {
  return {.name = "list",
          .summary = "Show the models that are here, or can be pulled",
          .description = "Shows size, format, date (UTC) and names of the models on the shelf.",
          .examples = "  hearth list\n  hearth list --catalogue",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<ListCommand>(); }};
}

CommandInfo show_command() {
  return {.name = "show",
          .summary = "Show where a model came from and where it lies",
          .description = "Shows source, revision, licence, files and digests of a model on the shelf.",
          .examples = "  hearth show llama3.2:3b",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<ShowCommand>(); }};
}

CommandInfo rm_command() {
  return {.name = "rm",
          .summary = "Remove a model from the shelf",
          .description =
              "Takes a name away. With its last name the model goes, and the files that no other model needs.\n"
              "Files that belong to other programs stay where they are.",
          .examples = "  hearth rm llama3.2:3b",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<RmCommand>(); }};
}

CommandInfo cp_command() {
  return {.name = "cp",
          .summary = "Give a model another name",
          .description = "Gives a model one more name; no bytes are copied.",
          .examples = "  hearth cp llama3.2:3b assistant",
          .make = []() -> std::unique_ptr<Command> { return std::make_unique<CpCommand>(); }};
}

}  // namespace hearth::cli
