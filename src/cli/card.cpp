// Finding and showing cards.
#include "cli/card.h"

#include <filesystem>
#include <vector>

#include "engine/registry.h"
#include "file/model_file.h"
#include "library/fit/load_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::cli {

std::optional<CardPlace> card_place(const std::string& path, const Settings& settings) {
  const auto engine = choose_engine(path, settings.engine);
  if (!engine) return std::nullopt;
  const auto file = open_model_file(path);
  if (!file && (*engine)->name == "native") return std::nullopt;
  CardPlace place{.model_key = file ? fit::model_key(**file) : path,
                  .engine = std::string((*engine)->name),
                  .engine_version = std::string((*engine)->version)};
  if (!settings.cache.empty() && settings.cache != "off")
    place.folder.emplace(std::filesystem::path(settings.cache) / "cards");
  return place;
}

std::optional<care::ConformanceCard> stored_card(const std::string& path, const Settings& settings) {
  const auto place = card_place(path, settings);
  if (!place || !place->folder) return std::nullopt;
  return place->folder->find(place->model_key, place->engine, place->engine_version);
}

std::string card_text(const care::ConformanceCard& card) {
  std::string out = fmt::format("\ntried with the engine {} {}\n", card.engine, card.engine_version);
  const auto line = [&](std::string_view name, const std::string& text) {
    out += fmt::format("  {:14} {}\n", name, text);
  };
  std::vector<std::string> stops;
  for (const std::string& stop : card.stop_tokens) stops.push_back(quote_untrusted(stop));
  line("template", card.template_source);
  line("instructions", std::string(care::mark_name(card.system_role)));
  line("history lasts", std::string(care::mark_name(card.history)));
  line("stop tokens", stops.empty() ? "none" : fmt::format("{}", fmt::join(stops, ", ")));
  line("tools", card.tool_format.empty() ? "unknown" : card.tool_format);
  line("thinks aloud", card.thinking.empty() ? "no" : quote_untrusted(card.thinking));
  line("JSON is kept to", std::string(care::mark_name(card.json)));
  line("seeds repeat", std::string(care::mark_name(card.seed)));
  for (const std::string& remark : card.notes) line("", remark);
  return out;
}

}  // namespace hearth::cli
