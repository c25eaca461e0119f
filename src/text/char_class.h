// What kind of character a code point is, as split patterns ask for it: letter, mark, number, space, upper, lower.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace hearth::text {

/// Bits of the kinds that the split patterns of real tokenizers distinguish.
using CharFlags = std::uint8_t;
inline constexpr CharFlags kLetter = 1;       // \p{L}
inline constexpr CharFlags kMark = 2;         // \p{M}
inline constexpr CharFlags kNumber = 4;       // \p{N}
inline constexpr CharFlags kPunct = 8;        // \p{P}
inline constexpr CharFlags kSymbol = 16;      // \p{S}
inline constexpr CharFlags kSpace = 32;       // \s, the property White_Space
inline constexpr CharFlags kUpperLike = 64;   // Lu Lt Lm Lo M: may begin a word written in capitals
inline constexpr CharFlags kLowerLike = 128;  // Ll Lm Lo M: may continue a word in small letters

/// General category as a number, 0 (unassigned) to 29, in the order of kCategoryNames.
std::uint8_t general_category(std::uint32_t code);
inline constexpr int kCategoryCount = 30;
/// "Cn", "Lu", "Ll", ...: two letters per category.
inline constexpr std::string_view kCategoryNames = "CnLuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCsCo";

bool is_white_space(std::uint32_t code);
CharFlags char_flags(std::uint32_t code);
/// How many columns of a terminal the character takes: 0, 1 or 2.
std::size_t n_columns(std::uint32_t code);
std::uint32_t simple_lower(std::uint32_t code);
std::uint32_t simple_upper(std::uint32_t code);

/// A piece of text as characters: what scanners and patterns run over. Byte i of character c is bytes[byte_at[c] + i].
struct Chars {
  std::string_view bytes;
  std::vector<std::uint32_t> codes;    // [n]; invalid bytes are kReplacementChar, one each
  std::vector<std::uint32_t> byte_at;  // [n + 1]; bytes.size() must fit 32 bits

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(codes.size()); }
};
Chars to_chars(std::string_view bytes);

}  // namespace hearth::text
