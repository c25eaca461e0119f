// Conformance cards for commands: where they are kept, and how they are shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/flags.h"
#include "cli/outcome.h"
#include "cli/settings.h"
#include "library/care/conformance_card.h"

namespace hearth::cli {

/// What a card is of, and where it is kept.
struct CardPlace {
  std::string model_key, engine, engine_version;
  std::optional<care::CardFolder> folder;  // nothing when no cache is kept
};
/// Nothing for a file that no engine opens.
std::optional<CardPlace> card_place(const std::string& path, const Settings& settings);
/// The card that an earlier trial left; nothing when it was never tried.
std::optional<care::ConformanceCard> stored_card(const std::string& path, const Settings& settings);

/// Loads the model, tries it and keeps the card.
Checked<care::ConformanceCard> make_card(const std::string& path, const CardPlace& place, const Settings& settings);

/// Which models are tried when they come: those with which it takes seconds, all, or none.
enum class Trial : std::uint8_t { kQuickOnes, kAll, kNone };
/// The flags --try and --no-try.
struct TrialFlags {
  bool all = false, none = false;
  void declare(Flags& flags);
  [[nodiscard]] Checked<Trial> chosen() const;
};
/// The card of a model that has just come, made now unless it is there. A trial that fails is told and harms nothing.
std::optional<care::ConformanceCard> try_new_model(const std::string& path, std::uint64_t n_bytes, Trial trial,
                                                   const Settings& settings);

/// Lines for people, each indented.
std::string card_text(const care::ConformanceCard& card);

}  // namespace hearth::cli
