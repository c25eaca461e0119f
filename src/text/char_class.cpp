// Unicode properties by way of utf8proc, with a table for ASCII.
#include "text/char_class.h"

#include <utf8proc.h>

#include <array>

#include "text/utf8.h"

namespace hearth::text {
namespace {

CharFlags flags_of_category(std::uint8_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT: return kLetter | kUpperLike;
    case UTF8PROC_CATEGORY_LL: return kLetter | kLowerLike;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return kLetter | kUpperLike | kLowerLike;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return kMark | kUpperLike | kLowerLike;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return kNumber;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO: return kPunct;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO: return kSymbol;
    default: return 0;
  }
}

CharFlags compute_flags(std::uint32_t code) {
  return static_cast<CharFlags>(flags_of_category(general_category(code)) | (is_white_space(code) ? kSpace : 0));
}

const std::array<CharFlags, 128>& ascii_flags() {
  static const std::array<CharFlags, 128> table = [] {
    std::array<CharFlags, 128> flags{};
    for (std::uint32_t code = 0; code < 128; ++code) flags[code] = compute_flags(code);
    return flags;
  }();
  return table;
}

}  // namespace

static_assert(UTF8PROC_CATEGORY_CN == 0 && UTF8PROC_CATEGORY_LU == 1 && UTF8PROC_CATEGORY_MN == 6 &&
              UTF8PROC_CATEGORY_ND == 9 && UTF8PROC_CATEGORY_PC == 12 && UTF8PROC_CATEGORY_SM == 19 &&
              UTF8PROC_CATEGORY_ZS == 23 && UTF8PROC_CATEGORY_CO == 29 && kCategoryNames.size() == 2 * kCategoryCount);

std::uint8_t general_category(std::uint32_t code) {
  if (code > 0x10FFFF) return UTF8PROC_CATEGORY_CN;
  return static_cast<std::uint8_t>(utf8proc_category(static_cast<utf8proc_int32_t>(code)));
}

bool is_white_space(std::uint32_t code) {
  if (code <= 0x20) return code == 0x20 || (code >= 0x09 && code <= 0x0D);
  if (code < 0x1680) return code == 0x85 || code == 0xA0;
  return code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}

CharFlags char_flags(std::uint32_t code) {
  return code < 128 ? ascii_flags()[code] : compute_flags(code);
}

std::size_t n_columns(std::uint32_t code) {
  if (code > 0x10FFFF) return 1;
  return static_cast<std::size_t>(utf8proc_charwidth(static_cast<utf8proc_int32_t>(code)));
}

std::uint32_t simple_lower(std::uint32_t code) {
  if (code > 0x10FFFF) return code;
  return static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
}

std::uint32_t simple_upper(std::uint32_t code) {
  if (code > 0x10FFFF) return code;
  return static_cast<std::uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code)));
}

Chars to_chars(std::string_view bytes) {
  Chars chars;
  chars.bytes = bytes;
  chars.codes.reserve(bytes.size());
  chars.byte_at.reserve(bytes.size() + 1);
  std::size_t pos = 0;
  while (pos < bytes.size()) {
    const Utf8Char next = decode_utf8(bytes, pos);
    chars.codes.push_back(next.code);
    chars.byte_at.push_back(static_cast<std::uint32_t>(pos));
    pos += next.n_bytes;
  }
  chars.byte_at.push_back(static_cast<std::uint32_t>(pos));
  return chars;
}

}  // namespace hearth::text
