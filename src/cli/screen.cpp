// Styles change only where the text does.
#include "cli/screen.h"

#include <utility>

#include "base/terminal.h"
#include "cli/console.h"
#include "cli/visible_text.h"
#include "text/utf8.h"

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
  if (!cut_.empty()) HEARTH_CHECK(print(visible_text(std::exchange(cut_, {}))));
  HEARTH_CHECK(change(Style::kPlain));
  HEARTH_CHECK(print("\n"));
  started_ = false;
  return flush_output();
}

std::string Screen::shown(std::string_view text) const {
  return look_ == Look::kPipe ? std::string(text) : visible_text(text);
}

std::string Screen::dim(std::string_view text) const {
  return look_ == Look::kColours ? fmt::format("\x1b[2m{}\x1b[0m", text) : std::string(text);
}

Status Screen::show(std::string_view text, Style style) {
  if (text.empty()) return {};
  if (started_ && style != style_) HEARTH_CHECK(print("\n\n"));
  HEARTH_CHECK(change(style));
  started_ = true;
  if (look_ == Look::kPipe) {
    HEARTH_CHECK(print(text));
    return flush_output();
  }
  std::string whole = std::exchange(cut_, {}).append(text);
  cut_ = whole.substr(whole.size() - text::incomplete_utf8_tail(whole));
  whole.resize(whole.size() - cut_.size());
  HEARTH_CHECK(print(visible_text(whole)));
  return flush_output();
}

Status Screen::change(Style style) {
  if (style == style_) return {};
  style_ = style;
  return look_ == Look::kColours ? print(style == Style::kDim ? "\x1b[2m" : "\x1b[0m") : Status();
}

}  // namespace hearth::cli
