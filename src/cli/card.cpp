// Finding and showing cards.
#include "cli/card.h"

#include <filesystem>
#include <vector>

#include "cli/console.h"
#include "cli/model_flags.h"
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

Checked<care::ConformanceCard> make_card(const std::string& path, const CardPlace& place, const Settings& settings) {
  ModelFlags flags;
  flags.path = path;
  HEARTH_TRY(auto opened, flags.open(settings));
  HEARTH_TRY(auto card, care::probe(std::move(opened), place.model_key, place.engine_version));
  if (place.folder) {
    if (const Status kept = place.folder->keep(card); !kept) note("hearth: " + kept.error().message);
  }
  return card;
}

void TrialFlags::declare(Flags& flags) {
  flags.toggle("--try", all, "Try what the model can be relied on for, however long that takes; see `hearth show`");
  flags.toggle("--no-try", none, "Do not try it (default: models of up to a GiB are tried, which takes seconds)");
}

Checked<Trial> TrialFlags::chosen() const {
  if (all && none) return usage_error("--try and --no-try exclude each other");
  return all ? Trial::kAll : none ? Trial::kNone : Trial::kQuickOnes;
}

std::optional<care::ConformanceCard> try_new_model(const std::string& path, std::uint64_t n_bytes, Trial trial,
                                                   const Settings& settings) {
  constexpr std::uint64_t kQuick = 1u << 30;
  const auto place = card_place(path, settings);
  if (!place) return std::nullopt;  // no engine opens it
  if (auto card = stored_card(path, settings)) return card;
  if (trial == Trial::kNone || (trial == Trial::kQuickOnes && (n_bytes > kQuick || !place->folder)))
    return std::nullopt;
  note("trying what it can be relied on for ...");
  auto card = make_card(path, *place, settings);
  if (card) return std::move(*card);
  note("hearth: it could not be tried: " + card.error().error.message);
  return std::nullopt;
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
