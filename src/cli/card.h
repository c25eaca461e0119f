// Conformance cards for commands: where they are kept, and how they are shown.
#pragma once

#include <optional>
#include <string>

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

/// Lines for people, each indented.
std::string card_text(const care::ConformanceCard& card);

}  // namespace hearth::cli
