// How values are written: Python's str() and repr().
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "text/char_class.h"
#include "text/jinja/value.h"
#include "text/utf8.h"

namespace hearth::text::jinja {

namespace {

/// Characters that repr() writes as escapes: control characters, odd spaces, what is unassigned.
bool is_printable(std::uint32_t code) {
  if (code < 0x7F) return code >= 0x20;
  const std::string_view category = kCategoryNames.substr(2 * std::size_t{general_category(code)}, 2);
  return category[0] != 'C' && category[0] != 'Z';
}

void append_escaped(StrBuilder& out, std::uint32_t code, Origin origin) {
  if (code == '\n') return out.append("\\n", origin);
  if (code == '\r') return out.append("\\r", origin);
  if (code == '\t') return out.append("\\t", origin);
  if (code <= 0xFF) return out.append(fmt::format("\\x{:02x}", code), origin);
  out.append(code <= 0xFFFF ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code), origin);
}

void append_str_repr(StrBuilder& out, const Str& str) {
  const bool has_single = str.bytes.find('\'') != std::string_view::npos;
  const bool has_double = str.bytes.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  if (str.markup) out.append("Markup(", Origin::kTemplate);
  out.append({&quote, 1}, Origin::kTemplate);
  std::size_t plain = 0;  // bytes from here on are still to be copied as they are
  for (std::size_t pos = 0; pos < str.bytes.size();) {
    const Utf8Char next = decode_utf8(str.bytes, pos);
    const bool escaped = next.code == static_cast<unsigned char>(quote) || next.code == '\\';
    if (escaped || !is_printable(next.code)) {
      out.append(str, plain, pos);
      const Origin origin = str.origin_at(static_cast<std::uint32_t>(pos));
      if (escaped) {
        const char both[] = {'\\', static_cast<char>(next.code)};
        out.append({both, 2}, origin);
      } else {
        append_escaped(out, next.code, origin);
      }
      plain = pos + next.n_bytes;
    }
    pos += next.n_bytes;
  }
  out.append(str, plain, str.bytes.size());
  out.append({&quote, 1}, Origin::kTemplate);
  if (str.markup) out.append(")", Origin::kTemplate);
}

void append_items(StrBuilder& out, std::span<const Value> items, int depth) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out.append(", ", Origin::kTemplate);
    first = false;
    append_repr(out, item, depth + 1);
  }
}

void append_seq_repr(StrBuilder& out, const Value& value, int depth) {
  const Seq& seq = *value.seq;
  switch (seq.type) {
    case SeqType::kList:
      out.append("[", Origin::kTemplate);
      append_items(out, seq.items, depth);
      return out.append("]", Origin::kTemplate);
    case SeqType::kTuple:
      out.append("(", Origin::kTemplate);
      append_items(out, seq.items, depth);
      return out.append(seq.items.size() == 1 ? ",)" : ")", Origin::kTemplate);
    case SeqType::kRange: {
      const std::int64_t start = seq.items.empty() ? 0 : seq.items[0].integer;
      const std::int64_t step = seq.items.size() < 2 ? 1 : seq.items[1].integer - start;
      const auto stop = static_cast<std::int64_t>(seq.next);
      return out.append(
          step == 1 ? fmt::format("range({}, {})", start, stop) : fmt::format("range({}, {}, {})", start, stop, step),
          Origin::kTemplate);
    }
    case SeqType::kGenerator:
    case SeqType::kReversed: return out.append(fmt::format("<{} object>", type_name(value)), Origin::kTemplate);
    case SeqType::kKeys:
    case SeqType::kValues:
    case SeqType::kItems:
      out.append(fmt::format("{}([", type_name(value)), Origin::kTemplate);
      append_items(out, seq.items, depth);
      return out.append("])", Origin::kTemplate);
  }
}

void append_entries(StrBuilder& out, std::span<const Entry> entries, int depth) {
  out.append("{", Origin::kTemplate);
  bool first = true;
  for (const Entry& entry : entries) {
    if (!first) out.append(", ", Origin::kTemplate);
    first = false;
    append_repr(out, entry.key, depth + 1);
    out.append(": ", Origin::kTemplate);
    append_repr(out, entry.value, depth + 1);
  }
  out.append("}", Origin::kTemplate);
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::string_view digits_of_exponent = text.substr(e + 1 + (text[e + 1] == '+' ? 1 : 0));
  std::from_chars(digits_of_exponent.data(), digits_of_exponent.data() + digits_of_exponent.size(), exponent);
  if (exponent >= -4 && exponent < 16) {
    const auto fixed_end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed).ptr;
    std::string out(buffer, static_cast<std::size_t>(fixed_end - buffer));
    if (out.find('.') == std::string::npos) out += ".0";
    return out;
  }
  return std::string(text);  // "1e-05", "1.5e+16": as Python has them
}

std::string missing_message(const Value& value) {
  if (value.missing == nullptr) return "the value is undefined";
  const Missing& missing = *value.missing;
  if (!missing.message.empty()) return std::string(missing.message);
  Arena scratch({.n_bytes = std::size_t{1} << 20});
  StrBuilder name(scratch);
  append_repr(name, missing.name);
  if (missing.object_type.empty()) return name.bytes() + " is undefined";
  if (!missing.name.is(Kind::kStr)) return fmt::format("{} has no element {}", missing.object_type, name.bytes());
  return fmt::format("'{}' has no attribute {}", missing.object_type, name.bytes());
}

void throw_undefined(const Value& value) {
  throw_runtime(missing_message(value));
}

void append_str(StrBuilder& out, const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined: return;
    case Kind::kStr: return out.append(*value.str);
    default: return append_repr(out, value);
  }
}

void append_repr(StrBuilder& out, const Value& value, int depth) {
  if (depth > kMaxValueDepth) throw_fuel(fmt::format("its values are nested deeper than {}", kMaxValueDepth));
  switch (value.kind) {
    case Kind::kUndefined: return out.append("Undefined", Origin::kTemplate);
    case Kind::kNone: return out.append("None", Origin::kTemplate);
    case Kind::kBool: return out.append(value.boolean ? "True" : "False", Origin::kTemplate);
    case Kind::kInt: return out.append(fmt::format("{}", value.integer), Origin::kTemplate);
    case Kind::kHuge: return out.append(*value.str);
    case Kind::kFloat: return out.append(float_repr(value.number), Origin::kTemplate);
    case Kind::kStr: return append_str_repr(out, *value.str);
    case Kind::kSeq: return append_seq_repr(out, value, depth);
    case Kind::kDict: return append_entries(out, value.dict->entries, depth);
    case Kind::kNamespace:
      out.append("<Namespace ", Origin::kTemplate);
      append_entries(out, *value.name_space->entries, depth);
      return out.append(">", Origin::kTemplate);
    default: return out.append(fmt::format("<{}>", object_name(value)), Origin::kTemplate);
  }
}

const Str* to_str(Arena& arena, const Value& value) {
  if (value.is(Kind::kStr)) return value.str;
  StrBuilder out(arena);
  append_str(out, value);
  const bool mixes = value.is(Kind::kSeq) || value.is(Kind::kDict) || value.is(Kind::kNamespace);
  if (mixes) out.taint_if_data();
  return out.finish();
}

}  // namespace hearth::text::jinja
