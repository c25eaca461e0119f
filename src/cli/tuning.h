// What calibration found out about this machine, measured when a model is first opened and kept in the cache's folder.
#pragma once

#include <optional>
#include <string>

#include "cli/settings.h"
#include "measure/calibration.h"

namespace hearth::cli {

/// What a stored calibration holds for: another processor, other cores or other kernel tables are measured anew.
std::string calibration_key();

/// JSON, and back; nothing when it was made for another key or is damaged.
std::string calibration_json(const measure::Calibration& calibration, const std::string& key);
std::optional<measure::Calibration> parse_calibration(std::string_view json, const std::string& key);

/// The stored calibration of `folder`, or nothing.
std::optional<measure::Calibration> stored_calibration(const std::string& folder);

/// The settings with what they leave open, threads and kernel table, as calibration found them best; measured now if
/// nobody has, unless there is no folder to keep it in.
Settings tuned(Settings settings);

}  // namespace hearth::cli
