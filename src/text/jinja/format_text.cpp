// Python's two ways to put values into a text: 'a %s' % values and 'a {}'.format(values).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

namespace {

constexpr int kWidest = 10'000;

/// How one value is to be written: [fill align][sign][#][0][width][,][.precision][type].
struct Style {
  std::string fill = " ";
  char align = '\0';  // < > ^ =
  char sign = '-';
  bool alternate = false;
  char group = '\0';
  int width = 0;
  int precision = -1;
  char type = '\0';
};

int read_count(std::string_view text, std::size_t& pos) {
  int value = 0;
  while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
    value = value * 10 + (text[pos++] - '0');
    if (value > kWidest) throw_fuel(fmt::format("a width above {} in a format", kWidest));
  }
  return value;
}

std::string group_digits(const std::string& digits, char mark) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += mark;
    out += digits[i];
  }
  return out;
}

std::string float_digits(double value, const Style& style, char type) {
  if (std::isnan(value) || std::isinf(value)) {
    const bool upper = type == 'F' || type == 'E' || type == 'G';
    return std::isnan(value) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
  }
  const int precision = style.precision < 0 ? 6 : style.precision;
  switch (type) {
    case 'f':
    case 'F': return fmt::format("{:.{}f}", value, precision);
    case 'e': return fmt::format("{:.{}e}", value, precision);
    case 'E': return fmt::format("{:.{}E}", value, precision);
    case 'G': return fmt::format("{:.{}G}", value, std::max(precision, 1));
    case '%': return fmt::format("{:.{}f}%", value * 100, precision);
    case 'g': return fmt::format("{:.{}g}", value, std::max(precision, 1));
    default: break;
  }
  if (style.precision < 0) return float_repr(value);
  return fmt::format("{:.{}g}", value, std::max(style.precision, 1));
}

std::string integer_digits(std::uint64_t magnitude, const Style& style, char type) {
  switch (type) {
    case 'x': return (style.alternate ? "0x" : "") + fmt::format("{:x}", magnitude);
    case 'X': return (style.alternate ? "0X" : "") + fmt::format("{:X}", magnitude);
    case 'o': return (style.alternate ? "0o" : "") + fmt::format("{:o}", magnitude);
    case 'b': return (style.alternate ? "0b" : "") + fmt::format("{:b}", magnitude);
    default: return fmt::format("{}", magnitude);
  }
}

/// A number with sign and grouping, not padded. Sets where padding with zeros goes.
std::string number_text(const Value& value, const Style& style, char type, std::size_t& n_sign) {
  const bool is_float_type = std::string_view("fFeEgG%").find(type) != std::string_view::npos && type != '\0';
  bool negative = false;
  std::string digits;
  if (value.is(Kind::kFloat) || value.is(Kind::kHuge) || is_float_type) {
    const double number = as_double(value);
    negative = std::signbit(number) && !std::isnan(number);
    digits = float_digits(std::fabs(number), style, type);
  } else {
    const std::int64_t number = value.as_integer();
    negative = number < 0;
    const auto bits = static_cast<std::uint64_t>(number);
    digits = integer_digits(negative ? 0 - bits : bits, style, type);
  }
  if (style.group != '\0') {
    const std::size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
    digits = group_digits(digits.substr(0, whole), style.group) + digits.substr(whole);
  }
  std::string sign = negative ? "-" : (style.sign == '+' ? "+" : (style.sign == ' ' ? " " : ""));
  n_sign = sign.size();
  return sign + digits;
}

void append_padding(StrBuilder& out, const Style& style, int n) {
  for (int i = 0; i < n; ++i) out.append(style.fill, Origin::kTemplate);
}

/// `text` filled up to the style's width.
void append_padded(StrBuilder& out, const Str& text, const Style& style, char usual_align, std::size_t n_sign) {
  const int missing = style.width - static_cast<int>(std::min<std::uint32_t>(text.n_chars(), kWidest + 1));
  if (missing <= 0) return out.append(text);
  const char align = style.align == '\0' ? usual_align : style.align;
  const int left = align == '>' ? missing : (align == '^' ? missing / 2 : 0);
  if (align == '=') {
    out.append(text, 0, n_sign);
    append_padding(out, style, missing);
    return out.append(text, n_sign, text.bytes.size());
  }
  append_padding(out, style, left);
  out.append(text);
  append_padding(out, style, missing - left);
}

void append_number(StrBuilder& out, const Value& value, const Style& style, char type) {
  std::size_t n_sign = 0;
  const std::string text = number_text(value, style, type, n_sign);
  append_padded(out, Str{.bytes = text}, style, '>', n_sign);
}

void append_text(StrBuilder& out, const Str& text, const Style& style) {
  const auto n_chars = static_cast<std::int64_t>(text.n_chars());
  const bool cut = style.precision >= 0 && n_chars > style.precision;
  const std::size_t end = cut ? text.byte_of(static_cast<std::uint32_t>(style.precision)) : text.bytes.size();
  append_padded(out, *slice_str(out.arena(), text, 0, end), style, '<', 0);
}

const Str* repr_of(Arena& arena, const Value& value) {
  StrBuilder out(arena);
  append_repr(out, value);
  out.taint_if_data();
  return out.finish();
}

class PercentFormat {
 public:
  PercentFormat(Evaluator& evaluator, const Str& format, const Value& values)
      : evaluator_(evaluator), format_(format), values_(values), out_(evaluator.arena()) {
    if (values.is(Kind::kSeq) && values.seq->type == SeqType::kTuple) {
      list_ = values.seq->items;
    } else {
      list_ = {&values_, 1};
    }
  }

  Value run() {
    const std::string_view text = format_.bytes;
    for (std::size_t pos = 0; pos < text.size();) {
      const std::size_t mark = std::min(text.find('%', pos), text.size());
      out_.append(format_, pos, mark);
      pos = mark;
      if (pos < text.size()) append_directive(++pos);
    }
    const bool may_be_left = values_.is(Kind::kDict) || (values_.is(Kind::kSeq) && values_.seq->type == SeqType::kList);
    if (next_ < list_.size() && !used_names_ && !may_be_left) {
      throw_runtime("not all arguments converted during string formatting");
    }
    if (format_.markup) out_.mark_markup();
    return Value::of(out_.finish());
  }

 private:
  Value next_value() {
    if (next_ >= list_.size()) throw_runtime("not enough arguments for format string");
    return list_[next_++];
  }
  int next_count(std::string_view text, std::size_t& pos) {
    if (pos >= text.size() || text[pos] != '*') return read_count(text, pos);
    ++pos;
    const Value count = next_value();
    if (!count.is_integer()) throw_runtime("* wants int");
    if (count.as_integer() > kWidest || count.as_integer() < -kWidest) throw_fuel("a width in a format is too large");
    return static_cast<int>(count.as_integer());
  }

  void append_directive(std::size_t& pos) {
    const std::string_view text = format_.bytes;
    std::optional<Value> named;
    if (pos < text.size() && text[pos] == '(') {
      const std::size_t end = text.find(')', pos);
      if (end == std::string_view::npos) throw_runtime("incomplete format key");
      if (!values_.is(Kind::kDict)) throw_runtime("format requires a mapping");
      const Value key = Value::of(slice_str(evaluator_.arena(), format_, pos + 1, end));
      const Value* found = values_.dict->find(evaluator_.arena(), key);
      if (found == nullptr) throw_runtime(std::string(key.str->bytes));
      named = *found;
      used_names_ = true;
      pos = end + 1;
    }
    Style style{.align = '>'};
    bool left = false, zero = false;
    for (; pos < text.size() && std::string_view("-+ #0").find(text[pos]) != std::string_view::npos; ++pos) {
      const char flag = text[pos];
      left = left || flag == '-';
      zero = zero || flag == '0';
      style.alternate = style.alternate || flag == '#';
      if (flag == '+' || (flag == ' ' && style.sign != '+')) style.sign = flag;
    }
    style.width = next_count(text, pos);
    if (style.width < 0) {
      left = true;
      style.width = -style.width;
    }
    if (pos < text.size() && text[pos] == '.') style.precision = std::max(0, next_count(text, ++pos));
    while (pos < text.size() && (text[pos] == 'h' || text[pos] == 'l' || text[pos] == 'L')) ++pos;
    if (pos >= text.size()) throw_runtime("incomplete format");
    const char type = text[pos++];
    if (type == '%') return out_.append("%", Origin::kTemplate);
    if (left) style.align = '<';
    append_value(named ? *named : next_value(), style, type, zero && !left);
  }

  void append_value(const Value& value, Style style, char type, bool zero) {
    Arena& arena = evaluator_.arena();
    switch (type) {
      case 's': {
        const Str* text = to_str(arena, value);
        return append_text(out_, format_.markup && !text->markup ? *escape_markup(arena, *text) : *text, style);
      }
      case 'r':
      case 'a': return append_text(out_, *repr_of(arena, value), style);
      case 'c':
        if (!value.is(Kind::kStr) || value.str->n_chars() != 1) throw_runtime("%c requires int or char");
        return append_text(out_, *value.str, style);
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
      case 'f':
      case 'F':
      case 'e':
      case 'E':
      case 'g':
      case 'G': break;
      default: throw_runtime(fmt::format("unsupported format character '{}' (0x{:x})", type, static_cast<int>(type)));
    }
    if (!value.is_defined()) throw_undefined(value);
    if (!value.is_number()) {
      throw_runtime(fmt::format("%{} format: a real number is required, not {}", type, type_name(value)));
    }
    if (zero) {
      style.fill = "0";
      style.align = '=';
    }
    const bool whole = type == 'd' || type == 'i' || type == 'u';
    if (value.is(Kind::kHuge) && whole) return append_text(out_, *value.str, style);
    const bool cuts = value.is(Kind::kFloat) && whole && std::fabs(value.number) < 9e18;
    append_number(out_, cuts ? Value::of(static_cast<std::int64_t>(value.number)) : value, style, whole ? 'd' : type);
  }

  Evaluator& evaluator_;
  const Str& format_;
  Value values_;
  std::span<const Value> list_;
  std::size_t next_ = 0;
  bool used_names_ = false;
  StrBuilder out_;
};

class BraceFormat {
 public:
  BraceFormat(Evaluator& evaluator, const Str& format, const Arguments& arguments)
      : evaluator_(evaluator), format_(format), arguments_(arguments), out_(evaluator.arena()) {}

  Value run() {
    const std::string_view text = format_.bytes;
    for (std::size_t pos = 0; pos < text.size();) {
      const std::size_t mark = std::min(text.find_first_of("{}", pos), text.size());
      out_.append(format_, pos, mark);
      pos = mark;
      if (pos >= text.size()) break;
      if (pos + 1 < text.size() && text[pos + 1] == text[pos]) {
        out_.append(format_, pos, pos + 1);
        pos += 2;
      } else if (text[pos] == '}') {
        throw_runtime("Single '}' encountered in format string");
      } else {
        const std::size_t end = text.find('}', pos);
        if (pos + 1 == text.size()) throw_runtime("Single '{' encountered in format string");
        if (end == std::string_view::npos) throw_runtime("expected '}' before end of string");
        append_field(pos + 1, end);
        pos = end + 1;
      }
    }
    return Value::of(out_.finish());
  }

 private:
  void append_field(std::size_t begin, std::size_t end) {
    const std::string_view field = format_.bytes.substr(begin, end - begin);
    if (field.find('{') != std::string_view::npos) throw_runtime("format(): nested fields are not supported");
    const std::size_t colon = std::min(field.find(':'), field.size());
    const std::size_t conversion = std::min(field.substr(0, colon).find('!'), colon);
    Value value = field_value(begin, field.substr(0, conversion));
    if (conversion < colon) {
      const std::string_view letter = field.substr(conversion + 1, colon - conversion - 1);
      if (letter != "r" && letter != "s") throw_runtime("format(): the conversion must be !r or !s");
      value = Value::of(letter == "r" ? repr_of(evaluator_.arena(), value) : to_str(evaluator_.arena(), value));
    }
    append_styled(value, read_style(colon < field.size() ? field.substr(colon + 1) : std::string_view()));
  }

  Value field_value(std::size_t begin, std::string_view field) {
    const std::size_t name_end = std::min(field.find_first_of(".["), field.size());
    Value value = first_value(field.substr(0, name_end));
    for (std::size_t pos = name_end; pos < field.size();) {
      const bool is_item = field[pos] == '[';
      const std::size_t end =
          is_item ? field.find(']', pos) : std::min(field.find_first_of(".[", pos + 1), field.size());
      if (end == std::string_view::npos) throw_runtime("Missing ']' in format string");
      const Str* name = slice_str(evaluator_.arena(), format_, begin + pos + 1, begin + end);
      std::int64_t idx = 0;
      const std::string_view digits = name->bytes;
      const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), idx);
      const bool is_number = error == std::errc() && stop == digits.data() + digits.size();
      value = is_item ? evaluator_.item(value, is_number ? Value::of(idx) : Value::of(name))
                      : evaluator_.attribute(value, *name);
      pos = is_item ? end + 1 : end;
    }
    return value;
  }

  Value first_value(std::string_view name) {
    std::size_t idx = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), idx);
    const bool is_number = error == std::errc() && end == name.data() + name.size();
    if ((name.empty() && uses_numbers_) || (is_number && next_ > 0)) {
      throw_runtime("cannot switch from manual field specification to automatic field numbering");
    }
    uses_numbers_ = uses_numbers_ || is_number;
    if (name.empty()) {
      idx = next_++;
    } else if (!is_number) {
      const auto keyword = std::ranges::find(arguments_.keywords, name, &Keyword::name);
      if (keyword == arguments_.keywords.end()) throw_runtime(fmt::format("'{}'", name));
      return keyword->value;
    }
    if (idx >= arguments_.positional.size()) throw_runtime("tuple index out of range");
    return arguments_.positional[idx];
  }

  static Style read_style(std::string_view text) {
    Style style;
    std::size_t pos = 0;
    const auto is_align = [&](std::size_t at) {
      return at < text.size() && std::string_view("<>^=").find(text[at]) != std::string_view::npos;
    };
    std::size_t fill_bytes = 1;
    while (fill_bytes < text.size() && (static_cast<unsigned char>(text[fill_bytes]) & 0xC0) == 0x80) ++fill_bytes;
    if (!text.empty() && is_align(fill_bytes)) {
      style.fill = text.substr(0, fill_bytes);
      style.align = text[fill_bytes];
      pos = fill_bytes + 1;
    } else if (is_align(0)) {
      style.align = text[pos++];
    }
    const auto skip = [&](char c) { return pos < text.size() && text[pos] == c ? (++pos, true) : false; };
    if (skip('+')) style.sign = '+';
    if (skip(' ')) style.sign = ' ';
    style.alternate = skip('#');
    if (skip('0') && style.align == '\0') {
      style.fill = "0";
      style.align = '=';
    }
    style.width = read_count(text, pos);
    if (skip(',')) style.group = ',';
    if (skip('_')) style.group = '_';
    if (skip('.')) style.precision = read_count(text, pos);
    if (pos < text.size()) style.type = text[pos++];
    if (pos < text.size()) throw_runtime("Invalid format specifier");
    return style;
  }

  void append_styled(const Value& value, const Style& style) {
    const bool is_plain_number = value.is(Kind::kInt) || value.is(Kind::kFloat);
    if (!is_plain_number && !(value.is(Kind::kBool) && style.type != '\0')) {
      if (style.type != '\0' && style.type != 's') {
        throw_runtime(fmt::format("Unknown format code '{}' for object of type '{}'", style.type, type_name(value)));
      }
      return append_text(out_, *to_str(evaluator_.arena(), value), style);
    }
    if (style.type != '\0' && std::string_view("dnxXobfFeEgG%").find(style.type) == std::string_view::npos) {
      throw_runtime(fmt::format("Unknown format code '{}' for object of type '{}'", style.type, type_name(value)));
    }
    append_number(out_, value, style, style.type);
  }

  Evaluator& evaluator_;
  const Str& format_;
  const Arguments& arguments_;
  std::size_t next_ = 0;  // of the fields without a name
  bool uses_numbers_ = false;
  StrBuilder out_;
};

}  // namespace

Value format_percent(Evaluator& evaluator, const Str& format, const Value& values) {
  return PercentFormat(evaluator, format, values).run();
}

Value format_braces(Evaluator& evaluator, const Str& format, const Arguments& arguments) {
  return BraceFormat(evaluator, format, arguments).run();
}

}  // namespace hearth::text::jinja
