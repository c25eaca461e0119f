// What this machine multiplies and reads per second, measured in about a second when first asked for and kept beside
// the calibration.
#pragma once

#include <span>

#include "cli/settings.h"
#include "library/fit/speed.h"

namespace hearth::cli {

/// For these element types; nothing is kept where there is no cache folder. Nothing (read_gb_s 0) when it fails.
fit::DeviceSpeed device_speed(const Settings& settings, std::span<const DType> types);

/// What was measured before; nothing is measured now.
fit::DeviceSpeed stored_device_speed(const Settings& settings);

/// Where loads are remembered; empty when nothing is kept.
std::string history_path(const Settings& settings);

}  // namespace hearth::cli
