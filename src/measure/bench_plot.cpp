// SVG by hand: a few rectangles and texts.
#include "measure/bench_plot.h"

#include <algorithm>

#include <fmt/format.h>

namespace hearth::measure {

namespace {

constexpr int kLeft = 170, kPlotWidth = 760, kBar = 22, kGap = 10, kTop = 48;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string begin(const std::string& title, int height) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"16\" y=\"28\" font-size=\"16\">{2}</text>\n",
      kPlotWidth, height, escaped(title));
}

}  // namespace

std::string plot_rows(const std::string& title, const std::vector<BenchRow>& rows) {
  std::string svg = begin(title, kTop + static_cast<int>(rows.size()) * (kBar + kGap) + kGap);
  const double room = kPlotWidth - kLeft - 170;
  int y = kTop;
  for (const BenchRow& row : rows) {
    // Prompts and decoding have scales of their own: the fastest bar of each kind fills the room.
    const bool decoding = !row.test.starts_with("pp");
    double fastest = 0;
    for (const BenchRow& other : rows) {
      if (!other.test.starts_with("pp") == decoding) fastest = std::max(fastest, other.tok_s_max);
    }
    const auto x = [&](double tok_s) { return kLeft + room * tok_s / std::max(fastest, 1e-9); };
    const int middle = y + kBar / 2;
    svg += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}, {} threads</text>\n"
        "<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>\n"
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\" stroke=\"black\"/>\n"
        "<text x=\"{:.1f}\" y=\"{}\">{:.1f} tok/s</text>\n",
        kLeft - 8, middle + 5, row.test, row.threads, kLeft, y, x(row.tok_s) - kLeft, kBar,
        decoding ? "#3b7dd8" : "#e08a3c", x(row.tok_s_min), x(row.tok_s_max), middle, middle, x(row.tok_s_max) + 8,
        middle + 5, row.tok_s);
    y += kBar + kGap;
  }
  return svg + "</svg>\n";
}

std::string plot_sustained(const std::string& title, const std::vector<SustainPoint>& points) {
  constexpr int kHeight = 320, kBottom = kHeight - 40;
  std::string svg = begin(title, kHeight), line;
  double fastest = 1e-9;
  for (const SustainPoint& point : points) fastest = std::max(fastest, point.tok_s);
  const double end = points.empty() ? 1 : points.back().seconds;
  for (const SustainPoint& point : points) {
    line += fmt::format("{:.1f},{:.1f} ", 60 + (kPlotWidth - 80) * point.seconds / end,
                        kBottom - (kBottom - kTop) * point.tok_s / fastest);
  }
  svg += fmt::format(
      "<line x1=\"60\" x2=\"{}\" y1=\"{}\" y2=\"{}\" stroke=\"#999\"/>\n"
      "<text x=\"54\" y=\"{}\" text-anchor=\"end\">{:.1f}</text>\n<text x=\"54\" y=\"{}\" "
      "text-anchor=\"end\">0</text>\n"
      "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.0f} s</text>\n"
      "<polyline points=\"{}\" fill=\"none\" stroke=\"#3b7dd8\" stroke-width=\"2\"/>\n",
      kPlotWidth - 20, kBottom, kBottom, kTop + 5, fastest, kBottom + 5, kPlotWidth - 20, kBottom + 20, end, line);
  return svg + "</svg>\n";
}

}  // namespace hearth::measure
