// How an answer looks while it comes: in a pipe to the byte; at a terminal harmless, and with thoughts, dimmed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "hearth/reply.h"

namespace hearth::cli {

enum class Look : std::uint8_t {
  kPipe,      // the answer alone
  kTerminal,  // thoughts too
  kColours,
};
/// What standard output is; `plain` forbids colours.
enum class Colours : std::uint8_t { kAllowed, kForbidden };
Look look_of_output(Colours colours);

class Screen {
 public:
  explicit Screen(Look look) : look_(look) {}

  /// Prints what the event shows.
  Status show(const Event& event);
  /// What else the model wrote, as this output takes it.
  [[nodiscard]] std::string shown(std::string_view text) const;
  /// Ends the answer's last line.
  Status end();
  [[nodiscard]] std::string dim(std::string_view text) const;

 private:
  enum class Style : std::uint8_t { kPlain, kDim };
  Status show(std::string_view text, Style style);
  Status change(Style style);

  Look look_;
  std::string cut_;  // at a terminal: the beginning of a character whose rest has not come
  bool started_ = false;
  Style style_ = Style::kPlain;
};

}  // namespace hearth::cli
