// Upper, lower and title case of strings, character by character, so that every character keeps its origin.
#include <algorithm>

#include "text/char_class.h"
#include "text/jinja/lexer.h"
#include "text/jinja/methods.h"
#include "text/utf8.h"

namespace hearth::text::jinja {

namespace {

std::string_view category_of(std::uint32_t code) {
  return kCategoryNames.substr(2 * std::size_t{general_category(code)}, 2);
}

bool is_cased(std::uint32_t code) {
  const std::string_view category = category_of(code);
  return category == "Lu" || category == "Ll" || category == "Lt";
}

void append_upper(std::string& out, std::uint32_t code) {
  switch (code) {
    case 0xDF: out += "SS"; return;
    case 0x149: out += "\xCA\xBCN"; return;
    case 0xFB00: out += "FF"; return;
    case 0xFB01: out += "FI"; return;
    case 0xFB02: out += "FL"; return;
    case 0xFB03: out += "FFI"; return;
    case 0xFB04: out += "FFL"; return;
    case 0xFB05:
    case 0xFB06: out += "ST"; return;
    default: append_utf8(out, simple_upper(code));
  }
}

void append_lower(std::string& out, std::uint32_t code, bool ends_word) {
  if (code == 0x130) {
    out += "i\xCC\x87";
  } else if (code == 0x3A3 && ends_word) {
    append_utf8(out, 0x3C2);  // the sigma at the end of a word
  } else {
    append_utf8(out, simple_lower(code));
  }
}

/// What one character does to the ones behind it.
struct Before {
  bool is_first = true;
  bool is_cased = false;
};

bool is_raised(CaseMapping mapping, std::uint32_t code, const Before& before) {
  switch (mapping) {
    case CaseMapping::kUpper: return true;
    case CaseMapping::kLower: return false;
    case CaseMapping::kSwap: return category_of(code) == "Ll";
    case CaseMapping::kCapitalize: return before.is_first;
    case CaseMapping::kTitle: return !before.is_cased;
  }
  return false;
}

}  // namespace

const Str* map_case(Arena& arena, const Str& str, CaseMapping mapping) {
  StrBuilder out(arena);
  Before before;
  std::string piece;
  for (std::size_t pos = 0; pos < str.bytes.size();) {
    const Utf8Char next = decode_utf8(str.bytes, pos);
    const Origin origin = str.origin_at(static_cast<std::uint32_t>(pos));
    pos += next.n_bytes;
    piece.clear();
    if (is_raised(mapping, next.code, before)) {
      append_upper(piece, next.code);
    } else {
      const bool ends_word =
          before.is_cased && (pos >= str.bytes.size() || !is_cased(decode_utf8(str.bytes, pos).code));
      append_lower(piece, next.code, ends_word);
    }
    out.append(piece, origin);
    before = {false, is_cased(next.code)};
  }
  if (str.markup) out.mark_markup();
  return out.finish();
}

const Str* title_words(Arena& arena, const Str& str) {
  StrBuilder out(arena);
  bool begins_word = true;
  std::string piece;
  for (std::size_t pos = 0; pos < str.bytes.size();) {
    const Utf8Char next = decode_utf8(str.bytes, pos);
    piece.clear();
    if (begins_word) {
      append_upper(piece, next.code);
    } else {
      append_lower(piece, next.code, false);
    }
    out.append(piece, str.origin_at(static_cast<std::uint32_t>(pos)));
    begins_word =
        is_python_space(next.code) ||
        (next.code < 0x80 && std::string_view("-({[<").find(static_cast<char>(next.code)) != std::string_view::npos);
    pos += next.n_bytes;
  }
  if (str.markup) out.mark_markup();
  return out.finish();
}

}  // namespace hearth::text::jinja
