// Printable Latin-1 bytes stand for themselves; the other 68 take U+0100 and up, in ascending order.
#include "text/byte_alphabet.h"

#include "text/utf8.h"

namespace hearth::text {
namespace {

constexpr std::uint32_t kFirstExtra = 0x100;
constexpr std::uint32_t kAlphabetEnd = 0x144;

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<std::uint16_t, 256> of_byte{};
  std::array<std::int16_t, kAlphabetEnd> of_code{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& byte : alphabet.of_code) byte = -1;
  unsigned extra = kFirstExtra;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const unsigned code = stands_for_itself(byte) ? byte : extra++;
    alphabet.of_byte[byte] = static_cast<std::uint16_t>(code);
    alphabet.of_code[code] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

std::optional<unsigned> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<unsigned>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<unsigned>(digit - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::uint32_t byte_to_alphabet(std::uint8_t byte) {
  return kAlphabet.of_byte[byte];
}

std::optional<std::uint8_t> alphabet_to_byte(std::uint32_t code) {
  if (code >= kAlphabetEnd || kAlphabet.of_code[code] < 0) return std::nullopt;
  return static_cast<std::uint8_t>(kAlphabet.of_code[code]);
}

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) append_utf8(out, byte_to_alphabet(static_cast<std::uint8_t>(byte)));
  return out;
}

std::string from_byte_alphabet(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  // The alphabet's characters take one or two bytes; every token comes here when a vocabulary is made.
  for (std::size_t pos = 0; pos < text.size(); ++pos) {
    std::uint32_t code = static_cast<unsigned char>(text[pos]);
    if (code >= 0x80) {
      const bool pair = (code & 0xE0) == 0xC0 && code >= 0xC2 && pos + 1 < text.size();
      const std::uint32_t next = pair ? static_cast<unsigned char>(text[++pos]) : 0;
      if ((next & 0xC0) != 0x80) return std::string(text);
      code = (code & 0x1F) << 6 | (next & 0x3F);
    }
    const auto byte = alphabet_to_byte(code);
    if (!byte) return std::string(text);
    out.push_back(static_cast<char>(*byte));
  }
  return out;
}

std::optional<std::uint8_t> parse_byte_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const auto high = hex_digit(token[3]);
  const auto low = hex_digit(token[4]);
  if (!high || !low) return std::nullopt;
  return static_cast<std::uint8_t>(*high * 16 + *low);
}

}  // namespace hearth::text
