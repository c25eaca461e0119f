// Loading with care, as commands do it: where loads are written down, which flags cure a refusal, and what a load and
// its first reply really took, so that the next prediction is better.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/settings.h"
#include "hearth/reply.h"
#include "library/care/careful_load.h"

namespace hearth::cli {

/// Where loads are written down; empty when no cache is kept.
std::filesystem::path journal_folder(const Settings& settings);

enum class Force : std::uint8_t { kNo, kYes };
/// care::CarefulLoad::begin with the settings' journal and errors that name flags and commands.
Result<care::CarefulLoad> begin_careful_load(const std::string& path, const fit::Running& wanted,
                                             const Settings& settings, Force force);

/// Keeps what a load and its first reply really took beside what was predicted.
void remember_load(const care::Foreseen& foreseen, const fit::Running& running, const Receipt& receipt,
                   const Settings& settings);

}  // namespace hearth::cli
