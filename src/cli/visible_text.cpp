// Unicode has pictures of the controls of ASCII, and none of the others.
#include "cli/visible_text.h"

#include "base/terminal.h"
#include "cli/console.h"
#include "text/utf8.h"

#include <fmt/format.h>

namespace hearth::cli {

std::string visible_text(std::string_view text) {
  constexpr std::uint32_t kPictures = 0x2400, kPictureOfDelete = 0x2421;
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Char c = text::decode_utf8(text, at);
    if (!c.valid) {
      shown += text::kReplacementUtf8;
    } else if (c.code < 0x20 && c.code != '\n' && c.code != '\t') {
      text::append_utf8(shown, kPictures + c.code);
    } else if (c.code == 0x7F) {
      text::append_utf8(shown, kPictureOfDelete);
    } else if (c.code >= 0x80 && c.code < 0xA0) {
      shown += fmt::format("<U+{:04X}>", c.code);
    } else {
      shown += text.substr(at, c.n_bytes);
    }
    at += c.n_bytes;
  }
  return shown;
}

Status print_foreign(std::string_view text) {
  return is_terminal(StandardStream::kOutput) ? print(visible_text(text)) : print(text);
}

}  // namespace hearth::cli
