// UTF-8 by the table of well-formed byte sequences (Unicode Standard, table 3-7).
#include "text/utf8.h"

namespace hearth::text {
namespace {

/// What a lead byte promises: length of the sequence and the range of its second byte; length 0 for no lead byte.
struct Lead {
  std::uint32_t n_bytes;
  unsigned char second_low;
  unsigned char second_high;
};

Lead classify_lead(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

/// Length of the invalid sequence at `pos`: as much of a character as is there, at least one byte.
std::size_t broken_length(std::string_view text, std::size_t pos) {
  const Lead lead = classify_lead(static_cast<unsigned char>(text[pos]));
  std::size_t length = 1;
  while (length < lead.n_bytes && pos + length < text.size()) {
    const auto next = static_cast<unsigned char>(text[pos + length]);
    const bool fits = length == 1 ? next >= lead.second_low && next <= lead.second_high : (next & 0xC0U) == 0x80;
    if (!fits) break;
    ++length;
  }
  return length;
}

}  // namespace

Utf8Char decode_utf8(std::string_view text, std::size_t pos) {
  const auto byte_at = [&](std::size_t idx) { return static_cast<unsigned char>(text[idx]); };
  const unsigned char first = byte_at(pos);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = classify_lead(first);
  if (lead.n_bytes == 0 || text.size() - pos < lead.n_bytes) return {};
  const unsigned char second = byte_at(pos + 1);
  if (second < lead.second_low || second > lead.second_high) return {};
  std::uint32_t code = first & (0xFFU >> (lead.n_bytes + 1));
  code = (code << 6) | (second & 0x3FU);
  for (std::uint32_t i = 2; i < lead.n_bytes; ++i) {
    const unsigned char next = byte_at(pos + i);
    if ((next & 0xC0U) != 0x80) return {};
    code = (code << 6) | (next & 0x3FU);
  }
  return {code, lead.n_bytes, true};
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | (code >> 6));
    push(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    push(0xE0 | (code >> 12));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  } else {
    push(0xF0 | ((code >> 18) & 0x07));
    push(0x80 | ((code >> 12) & 0x3F));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  }
}

std::size_t incomplete_utf8_tail(std::string_view bytes) {
  for (std::size_t length = 1; length <= 3 && length <= bytes.size(); ++length) {
    const std::size_t start = bytes.size() - length;
    const unsigned char first = static_cast<unsigned char>(bytes[start]);
    if ((first & 0xC0U) == 0x80) continue;
    const Lead lead = classify_lead(first);
    if (lead.n_bytes <= length) return 0;
    if (length > 1) {
      const unsigned char second = static_cast<unsigned char>(bytes[start + 1]);
      if (second < lead.second_low || second > lead.second_high) return 0;
    }
    return length;
  }
  return 0;
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t pos = 0; pos < bytes.size();) {
    const Utf8Char next = decode_utf8(bytes, pos);
    if (next.valid) {
      out.append(bytes.substr(pos, next.n_bytes));
      pos += next.n_bytes;
    } else {
      out.append(kReplacementUtf8);
      pos += broken_length(bytes, pos);
    }
  }
  return out;
}

}  // namespace hearth::text
