// Values as JSON, byte for byte as Python's json.dumps writes them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/evaluator.h"
#include "text/utf8.h"

namespace hearth::text::jinja {

namespace {

class JsonWriter {
 public:
  JsonWriter(Evaluator& evaluator, const JsonStyle& style)
      : evaluator_(evaluator), style_(style), out_(evaluator.arena()) {}

  const Str* run(const Value& value) {
    write(value, 0);
    out_.taint_if_data();
    return out_.finish();
  }

 private:
  void add(std::string_view bytes) { out_.append(bytes, Origin::kTemplate); }

  void write(const Value& value, int depth) {
    if (depth > kMaxValueDepth) throw_fuel(fmt::format("its values are nested deeper than {}", kMaxValueDepth));
    switch (value.kind) {
      case Kind::kNone: return add("null");
      case Kind::kBool: return add(value.boolean ? "true" : "false");
      case Kind::kInt: return add(fmt::format("{}", value.integer));
      case Kind::kHuge: return out_.append(*value.str);
      case Kind::kFloat: return add(number_text(value.number));
      case Kind::kStr: return write_string(*value.str);
      case Kind::kDict: return write_dict(*value.dict, depth);
      case Kind::kSeq:
        if (value.seq->type == SeqType::kList || value.seq->type == SeqType::kTuple)
          return write_list(*value.seq, depth);
        break;
      default: break;
    }
    throw_runtime(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
  }

  static std::string number_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  void write_string(const Str& str) {
    add("\"");
    std::size_t plain = 0;
    for (std::size_t pos = 0; pos < str.bytes.size();) {
      const auto byte = static_cast<unsigned char>(str.bytes[pos]);
      const std::size_t n = byte < 0x80 ? 1 : decode_utf8(str.bytes, pos).n_bytes;
      if (byte < 0x20 || byte == '"' || byte == '\\' || (style_.ensure_ascii && byte >= 0x7F)) {
        out_.append(str, plain, pos);
        out_.append(escape(decode_utf8(str.bytes, pos).code), str.origin_at(static_cast<std::uint32_t>(pos)));
        plain = pos + n;
      }
      pos += n;
    }
    out_.append(str, plain, str.bytes.size());
    add("\"");
  }

  static std::string escape(std::uint32_t code) {
    switch (code) {
      case '"': return "\\\"";
      case '\\': return "\\\\";
      case '\n': return "\\n";
      case '\r': return "\\r";
      case '\t': return "\\t";
      case '\b': return "\\b";
      case '\f': return "\\f";
      default: break;
    }
    if (code <= 0xFFFF) return fmt::format("\\u{:04x}", code);
    code -= 0x10000;
    return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
  }

  void new_line(int depth) {
    if (!style_.indent) return;
    add("\n");
    for (int i = 0; i < depth; ++i) add(*style_.indent);
  }

  void write_list(const Seq& seq, int depth) {
    if (seq.items.empty()) return add("[]");
    add("[");
    for (std::size_t i = 0; i < seq.items.size(); ++i) {
      if (i > 0) add(style_.item_separator);
      new_line(depth + 1);
      write(seq.items[i], depth + 1);
    }
    new_line(depth);
    add("]");
  }

  void write_dict(const Dict& dict, int depth) {
    if (dict.entries.empty()) return add("{}");
    std::vector<Entry> entries(dict.entries.begin(), dict.entries.end());
    if (style_.sort_keys) {
      std::ranges::stable_sort(entries,
                               [&](const Entry& a, const Entry& b) { return less(evaluator_.arena(), a.key, b.key); });
    }
    add("{");
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) add(style_.item_separator);
      new_line(depth + 1);
      write_key(entries[i].key);
      add(style_.key_separator);
      write(entries[i].value, depth + 1);
    }
    new_line(depth);
    add("}");
  }

  void write_key(const Value& key) {
    switch (key.kind) {
      case Kind::kStr: return write_string(*key.str);
      case Kind::kNone: return add("\"null\"");
      case Kind::kBool: return add(key.boolean ? "\"true\"" : "\"false\"");
      case Kind::kInt: return add(fmt::format("\"{}\"", key.integer));
      case Kind::kFloat: return add(fmt::format("\"{}\"", number_text(key.number)));
      default: throw_runtime(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
    }
  }

  Evaluator& evaluator_;
  const JsonStyle& style_;
  StrBuilder out_;
};

}  // namespace

Value to_json(Evaluator& evaluator, const Value& value, const JsonStyle& style) {
  return Value::of(JsonWriter(evaluator, style).run(value));
}

}  // namespace hearth::text::jinja
