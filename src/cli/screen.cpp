// Styles change only where the text does.
#include "cli/screen.h"

#include "base/terminal.h"
#include "cli/console.h"

#include <fmt/format.h>

namespace hearth::cli {

Look look_of_output(Colours colours) {
  if (!is_terminal(StandardStream::kOutput)) return Look::kPipe;
  return colours == Colours::kAllowed ? Look::kColours : Look::kTerminal;
}

Status Screen::show(const Event& event) {
  if (const auto* said = std::get_if<TextDelta>(&event.what)) return show(said->text, Style::kPlain);
  if (const auto* thought = std::get_if<ReasoningDelta>(&event.what); thought && look_ != Look::kPipe)
    return show(thought->text, Style::kDim);
  return {};
}

Status Screen::end() {
  HEARTH_CHECK(change(Style::kPlain));
  HEARTH_CHECK(print("\n"));
  started_ = false;
  return flush_output();
}

std::string Screen::dim(std::string_view text) const {
  return look_ == Look::kColours ? fmt::format("\x1b[2m{}\x1b[0m", text) : std::string(text);
}

Status Screen::show(std::string_view text, Style style) {
  if (text.empty()) return {};
  if (started_ && style != style_) HEARTH_CHECK(print("\n\n"));
  HEARTH_CHECK(change(style));
  started_ = true;
  HEARTH_CHECK(print(text));
  return flush_output();
}

Status Screen::change(Style style) {
  if (style == style_) return {};
  style_ = style;
  return look_ == Look::kColours ? print(style == Style::kDim ? "\x1b[2m" : "\x1b[0m") : Status();
}

}  // namespace hearth::cli
