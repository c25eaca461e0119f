// tiktoken files, and GPT-2's vocab.json with merges.txt.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "text/base64.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/special_names.h"
#include "text/utf8.h"
#include "text/vocab_files.h"

namespace hearth::text {
namespace {

/// Files may leave some ids free, for special tokens above all; more than this many is a mistake or an attack.
constexpr std::size_t kMostFreeIds = 65536;

std::unexpected<Error> bad(std::string_view what, std::string message) {
  return fail(ErrorCode::kCorruptedModel, fmt::format("reading {}: {}", what, message));
}

/// Text of a file, made safe and short for a message.
std::string shown(std::string_view text) {
  std::string out = to_valid_utf8(text.substr(0, 60));
  for (char& byte : out) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) byte = '?';
  }
  return text.size() > 60 ? out + "..." : out;
}

/// Tokens by id, in whatever order they come.
class TokenList {
 public:
  explicit TokenList(std::string_view what) : what_(what) {}

  Status add(std::uint64_t id, std::string token, TokenType type, std::size_t n_entries) {
    if (id >= n_entries + kMostFreeIds) {
      return bad(what_, fmt::format("the id {} is too high for {} tokens", id, n_entries));
    }
    if (id >= tokens_.size()) tokens_.resize(static_cast<std::size_t>(id) + 1);
    auto& entry = tokens_[static_cast<std::size_t>(id)];
    if (entry) return bad(what_, fmt::format("the id {} is given twice, the second time to \"{}\"", id, shown(token)));
    entry = {std::move(token), type};
    return {};
  }

  /// Ids that no token has become unused empty tokens.
  void fill(VocabData& data) const {
    for (const auto& entry : tokens_) {
      data.tokens.push_back(entry ? std::string_view(entry->first) : std::string_view());
      data.types.push_back(entry ? entry->second : TokenType::kUnused);
    }
  }

 private:
  std::string_view what_;
  std::vector<std::optional<std::pair<std::string, TokenType>>> tokens_;
};

Result<VocabData> finish(TokenList& list, VocabData data, const BpeFileOptions& options, std::string_view what,
                         std::size_t n_entries) {
  for (const auto& [name, id] : options.special) {
    if (id < 0) return bad(what, fmt::format("the special token \"{}\" has the id {}", name, id));
    HEARTH_CHECK(
        list.add(static_cast<std::uint64_t>(id), name, TokenType::kControl, n_entries + options.special.size()));
  }
  list.fill(data);
  data.kind = VocabKind::kBpe;
  data.pre = options.pre;
  HEARTH_CHECK(pre_tokenizer_traits(data.pre));
  settle_special_names(data);
  add_tokens_by_type(data);
  return data;
}

/// The lines of `text` without their ends, numbered from 1.
template <typename Visit>
Status for_each_line(std::string_view text, Visit visit) {
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    HEARTH_CHECK(visit(line, ++number));
  }
  return {};
}

}  // namespace

Result<VocabData> parse_tiktoken(std::string_view bytes, const BpeFileOptions& options) {
  constexpr std::string_view kWhat = "a tiktoken file";
  TokenList list(kWhat);
  const auto n_lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n')) + 1;
  std::size_t n_tokens = 0;
  HEARTH_CHECK(for_each_line(bytes, [&](std::string_view line, std::size_t number) -> Status {
    if (line.empty()) return {};
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) {
      return bad(kWhat, fmt::format("line {}: expected base64, a space and a rank, found \"{}\"", number, shown(line)));
    }
    const auto token = decode_base64(line.substr(0, space));
    if (!token || token->empty()) {
      return bad(kWhat, fmt::format("line {}: \"{}\" is not base64", number, shown(line.substr(0, space))));
    }
    const std::string_view digits = line.substr(space + 1);
    std::uint64_t rank = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      return bad(kWhat, fmt::format("line {}: \"{}\" is not a rank", number, shown(digits)));
    }
    ++n_tokens;
    return list.add(rank, to_byte_alphabet(*token), TokenType::kNormal, n_lines);
  }));
  if (n_tokens == 0) return bad(kWhat, "it has no tokens");
  VocabData data;
  data.merge_by_token_rank = true;
  HEARTH_TRY(data, finish(list, std::move(data), options, kWhat, n_lines));
  data.ignore_merges = true;
  return data;
}

Result<VocabData> parse_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                         const BpeFileOptions& options) {
  constexpr std::string_view kVocab = "a vocab.json";
  constexpr std::string_view kMerges = "a merges.txt";
  const auto json = nlohmann::json::parse(vocab_json, nullptr, false);
  if (!json.is_object()) return bad(kVocab, "it is not a JSON object");
  TokenList list(kVocab);
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_unsigned())
      return bad(kVocab, fmt::format("the id of \"{}\" is not a whole number", shown(token)));
    const bool special = std::ranges::any_of(options.special, [&](const auto& known) { return known.first == token; });
    if (special) continue;
    HEARTH_CHECK(list.add(id.template get<std::uint64_t>(), token, TokenType::kNormal, json.size()));
  }
  VocabData data;
  HEARTH_CHECK(for_each_line(merges_txt, [&](std::string_view line, std::size_t number) -> Status {
    if (line.empty() || (number == 1 && line.starts_with("#version"))) return {};
    const std::size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size()) {
      return bad(kMerges,
                 fmt::format("line {}: expected two parts with a space between, found \"{}\"", number, shown(line)));
    }
    data.merges.push_back(line.substr(0, space));
    data.merges.push_back(line.substr(space + 1));
    return {};
  }));
  return finish(list, std::move(data), options, kVocab, json.size());
}

}  // namespace hearth::text
