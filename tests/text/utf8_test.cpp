// UTF-8 and the byte alphabet: every byte pattern that matters, exhaustively where that is possible.
#include "text/utf8.h"

#include <gtest/gtest.h>

#include "random_text.h"
#include "text/byte_alphabet.h"

namespace hearth::text {
namespace {

TEST(Utf8, EveryCodePointGoesThereAndBack) {
  for (std::uint32_t code = 0; code <= 0x10FFFF; ++code) {
    std::string bytes;
    append_utf8(bytes, code);
    const Utf8Char back = decode_utf8(bytes, 0);
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    ASSERT_EQ(back.valid, !surrogate) << code;
    if (!surrogate) {
      ASSERT_EQ(back.code, code);
      ASSERT_EQ(back.n_bytes, bytes.size());
    }
  }
}

TEST(Utf8, RefusesWhatIsNotShortestOrInRange) {
  for (const char* bytes : {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                            "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xFF", "\xE2\x82", "\xF0\x9F\x98"}) {
    const Utf8Char found = decode_utf8(bytes, 0);
    EXPECT_FALSE(found.valid) << bytes;
    EXPECT_EQ(found.n_bytes, 1U);
  }
}

TEST(Utf8, OneReplacementPerCutCharacter) {
  EXPECT_EQ(to_valid_utf8("a\xE2\x82z"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(to_valid_utf8("\xF0\x9F\x98"), "\xEF\xBF\xBD");
  EXPECT_EQ(to_valid_utf8("\xE0\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(to_valid_utf8("\xC3\xA9"), "\xC3\xA9");
}

TEST(Utf8, TailIsWhatMayStillBecomeACharacter) {
  EXPECT_EQ(incomplete_utf8_tail(""), 0U);
  EXPECT_EQ(incomplete_utf8_tail("abc"), 0U);
  EXPECT_EQ(incomplete_utf8_tail("a\xE2\x82\xAC"), 0U);
  EXPECT_EQ(incomplete_utf8_tail("a\xE2\x82"), 2U);
  EXPECT_EQ(incomplete_utf8_tail("a\xE2"), 1U);
  EXPECT_EQ(incomplete_utf8_tail("\xF0\x9F\x98"), 3U);
  EXPECT_EQ(incomplete_utf8_tail("\xE0\x80"), 0U);
  EXPECT_EQ(incomplete_utf8_tail("\x80\x80\x80\x80"), 0U);
}

TEST(ByteAlphabet, IsOneToOne) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    const auto code = byte_to_alphabet(static_cast<std::uint8_t>(byte));
    EXPECT_EQ(alphabet_to_byte(code), byte);
    EXPECT_GE(code, 0x21U);
    all.push_back(static_cast<char>(byte));
  }
  EXPECT_EQ(byte_to_alphabet(' '), 0x120U);
  EXPECT_EQ(byte_to_alphabet('\n'), 0x10AU);
  EXPECT_EQ(from_byte_alphabet(to_byte_alphabet(all)), all);
  EXPECT_EQ(from_byte_alphabet("a\xE2\x82\xAC"), "a\xE2\x82\xAC");
}

TEST(ByteTokens, ExactlyTwoHexadecimalDigits) {
  const std::string digits = "0123456789abcdefABCDEF";
  int n_accepted = 0;
  for (int high = 0; high < 256; ++high) {
    for (int low = 0; low < 256; ++low) {
      const std::string token = std::string("<0x") + static_cast<char>(high) + static_cast<char>(low) + ">";
      const bool expected = digits.find(static_cast<char>(high)) != std::string::npos &&
                            digits.find(static_cast<char>(low)) != std::string::npos;
      const auto byte = parse_byte_token(token);
      ASSERT_EQ(byte.has_value(), expected) << high << " " << low;
      if (byte) {
        ++n_accepted;
        EXPECT_EQ(*byte, std::stoi(token.substr(3, 2), nullptr, 16));
      }
    }
  }
  EXPECT_EQ(n_accepted, 22 * 22);
  for (const char* token : {"", "<0x>", "<0x1>", "<0x123>", "<0xAB", "0xAB>", "<0XAB>", "<0x-1>", "<0x+1>", "<0x 1>"}) {
    EXPECT_FALSE(parse_byte_token(token)) << token;
  }
}

}  // namespace
}  // namespace hearth::text
