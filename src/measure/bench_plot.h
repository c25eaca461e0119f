// Benchmark rows as a picture: bars of tok/s with their spread, as SVG.
#pragma once

#include <string>

#include "measure/bench.h"

namespace hearth::measure {

/// One bar per row; `title` stands above.
std::string plot_rows(const std::string& title, const std::vector<BenchRow>& rows);
/// Speed over time.
std::string plot_sustained(const std::string& title, const std::vector<SustainPoint>& points);

}  // namespace hearth::measure
