// Decomposition by utf8proc character by character; the ordering of marks is ours, because utf8proc's is quadratic.
#include "text/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "text/char_class.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

using Codes = std::vector<utf8proc_int32_t>;

Codes decompose(std::string_view text, bool compatibility) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0));
  Codes codes;
  codes.reserve(text.size());
  for (std::size_t pos = 0; pos < text.size();) {
    const Utf8Char next = decode_utf8(text, pos);
    pos += next.n_bytes;
    if (next.code < 0x80) {
      codes.push_back(static_cast<utf8proc_int32_t>(next.code));
      continue;
    }
    utf8proc_int32_t parts[32];
    int boundary = 0;
    const utf8proc_ssize_t n =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(next.code), parts, 32, options, &boundary);
    if (n < 0 || n > 32) {
      codes.push_back(static_cast<utf8proc_int32_t>(next.code));
    } else {
      codes.insert(codes.end(), parts, parts + n);
    }
  }
  return codes;
}

/// Canonical ordering: each run of marks sorted by combining class, equal classes in their order.
void order_marks(Codes& codes) {
  const auto combining = [](utf8proc_int32_t code) {
    return code < 0x300 ? 0 : utf8proc_get_property(code)->combining_class;
  };
  for (std::size_t pos = 0; pos < codes.size();) {
    if (combining(codes[pos]) == 0) {
      ++pos;
      continue;
    }
    std::size_t end = pos + 1;
    while (end < codes.size() && combining(codes[end]) != 0) ++end;
    if (end - pos > 1) {
      std::vector<std::pair<int, std::size_t>> order;  // class, then place: equal classes keep their order
      for (std::size_t at = pos; at < end; ++at) order.emplace_back(combining(codes[at]), at);
      std::ranges::sort(order);
      Codes sorted;
      for (const auto& [mark_class, at] : order) sorted.push_back(codes[at]);
      std::ranges::copy(sorted, codes.begin() + static_cast<std::ptrdiff_t>(pos));
    }
    pos = end;
  }
}

}  // namespace

std::string to_unicode_form(std::string_view text, UnicodeForm form) {
  if (std::ranges::all_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x80; }))
    return std::string(text);
  Codes codes = decompose(text, form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd);
  order_marks(codes);
  if (form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc) {
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    const utf8proc_ssize_t n =
        utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()), options);
    if (n >= 0) codes.resize(static_cast<std::size_t>(n));
  }
  std::string out;
  out.reserve(text.size());
  for (const utf8proc_int32_t code : codes) append_utf8(out, static_cast<std::uint32_t>(code));
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t pos = 0; pos < text.size();) {
    const Utf8Char next = decode_utf8(text, pos);
    pos += next.n_bytes;
    if (next.code == 0x130) {
      out += "i\xCC\x87";  // the one character whose lower case is two
    } else {
      append_utf8(out, simple_lower(next.code));
    }
  }
  return out;
}

}  // namespace hearth::text
