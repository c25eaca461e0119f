// UTF-8 by blocks of 64 characters: one continuation byte each, equal blocks merged.
#include "constrain/char_expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "constrain/token_trie.h"
#include "text/utf8.h"

namespace hearth::constrain {

namespace {

using text::CodeSet;

class Utf8Blocks {
 public:
  Utf8Blocks(Grammar& grammar, const CodeSet& set) : grammar_(grammar), set_(set) {}

  ExprId run() {
    ByteSet ascii;
    for (unsigned code = 0; code < 0x80; ++code) ascii.set(code, set_.contains(code));
    std::vector<ExprId> ways = {grammar_.bytes(ascii)};
    // Lead bytes: their count of continuation bytes, the first code of the first one.
    add_leads(ways, 0xC2, 0xDF, 1, 0x80);
    add_leads(ways, 0xE0, 0xEF, 2, 0x0);
    add_leads(ways, 0xF0, 0xF4, 3, 0x0);
    return grammar_.alt(std::move(ways));
  }

 private:
  void add_leads(std::vector<ExprId>& ways, unsigned first, unsigned last, unsigned n_more, std::uint32_t base) {
    std::map<ExprId, ByteSet> leads;
    const std::uint32_t size = 1u << (6 * n_more);
    for (unsigned lead = first; lead <= last; ++lead) leads[block(n_more, base + (lead - first) * size)].set(lead);
    for (const auto& [rest, set] : leads) ways.push_back(grammar_.seq({grammar_.bytes(set), rest}));
  }

  /// The continuation bytes of the codes in [base, base + 64^n_more) that are in the set.
  ExprId block(unsigned n_more, std::uint32_t base) {
    if (n_more == 0) return grammar_.empty();
    const std::uint32_t last = base + (1u << (6 * n_more)) - 1;
    const std::uint32_t least = n_more == 2 ? 0x800u : n_more == 3 ? 0x10000u : 0u;  // no overlong forms
    const auto next = std::ranges::lower_bound(set_.ranges(), base, {}, &CodeSet::Range::last);
    if (next == set_.ranges().end() || next->first > last) return grammar_.never();
    const bool full = next->first <= base && next->last >= last && base >= least;
    if (full && full_[n_more] != 0) return full_[n_more];
    std::map<ExprId, ByteSet> parts;
    const std::uint32_t step = 1u << (6 * (n_more - 1));
    for (unsigned i = 0; i < 64; ++i) {
      const std::uint32_t code = base + i * step;
      if (code + step - 1 < least) continue;
      if (n_more > 1 || set_.contains(code)) parts[block(n_more - 1, code)].set(0x80 + i);
    }
    std::vector<ExprId> ways;
    for (const auto& [rest, set] : parts) ways.push_back(grammar_.seq({grammar_.bytes(set), rest}));
    const ExprId result = grammar_.alt(std::move(ways));
    if (full) full_[n_more] = result;
    return result;
  }

  Grammar& grammar_;
  const CodeSet& set_;
  std::array<ExprId, 4> full_ = {};
};

/// The short escape of a character in a JSON string, or \u00XX; empty if it needs none.
std::string json_escape(std::uint32_t code) {
  switch (code) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return code < 0x20 ? fmt::format("\\u{:04x}", code) : std::string();
  }
}

const CodeSet& surrogates() {
  static const CodeSet set({{0xD800, 0xDFFF}});
  return set;
}

}  // namespace

ExprId one_char(Grammar& grammar, const CodeSet& set, Spelling spelling) {
  const CodeSet characters = set.intersected(surrogates().complement());
  if (spelling == Spelling::kPlain) return Utf8Blocks(grammar, characters).run();
  static const CodeSet escaped({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  std::vector<ExprId> ways = {Utf8Blocks(grammar, characters.intersected(escaped.complement())).run()};
  for (const CodeSet::Range& range : escaped.ranges())
    for (std::uint32_t code = range.first; code <= range.last; ++code)
      if (characters.contains(code)) ways.push_back(grammar.literal(json_escape(code)));
  return grammar.alt(std::move(ways));
}

ExprId spelled(Grammar& grammar, std::string_view text, Spelling spelling) {
  if (spelling == Spelling::kPlain) return grammar.literal(text);
  const std::string quoted = json_quoted(text);
  return grammar.literal(std::string_view(quoted).substr(1, quoted.size() - 2));
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const std::string escape = json_escape(static_cast<unsigned char>(c));
    if (escape.empty()) {
      out += c;
    } else {
      out += escape;
    }
  }
  return out + '"';
}

}  // namespace hearth::constrain
