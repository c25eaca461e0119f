// The pipeline: added tokens, normalizer, pre-tokenizer, model, and what goes around a text.
#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/added_tokens.h"
#include "text/model.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/token_pieces.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

/// Pieces, symbols and positions inside a segment are counted in 32 bits; longer text is cut.
constexpr std::size_t kLongestSegment = std::size_t{1} << 28;

/// The longest beginning of `text` that may be a segment, cut between characters.
std::string_view first_segment(std::string_view text) {
  const std::string_view head = text.substr(0, kLongestSegment);
  return head.size() == text.size() ? head : head.substr(0, head.size() - incomplete_utf8_tail(head));
}

/// The parts of `ranges` that lie in [begin, end), counted from `begin`.
std::vector<ByteRange> ranges_inside(std::span<const ByteRange> ranges, std::size_t begin, std::size_t end) {
  std::vector<ByteRange> inside;
  for (const ByteRange& range : ranges) {
    const std::size_t from = std::max(range.begin, begin), to = std::min(range.end, end);
    if (from < to) inside.push_back({from - begin, to - begin});
  }
  return inside;
}

Result<std::unique_ptr<Model>> make_model(const VocabData& data) {
  switch (data.kind) {
    case VocabKind::kSpm: return make_spm_model(data);
    case VocabKind::kBpe: return make_bpe_model(data);
    case VocabKind::kWordPiece: return make_word_piece_model(data);
    case VocabKind::kWordLevel: return make_word_level_model(data);
    case VocabKind::kGreedy: return make_greedy_model(data);
    case VocabKind::kUnigram: return make_unigram_model(data);
    case VocabKind::kNone: return std::unique_ptr<Model>();
  }
  return fail(ErrorCode::kInternal, "making a tokenizer: a vocabulary of no known kind");
}

Status check_id(TokenId id, std::string_view what, std::size_t n_tokens) {
  if (id == kNoToken || (id >= 0 && static_cast<std::size_t>(id) < n_tokens)) return {};
  return fail(
      ErrorCode::kCorruptedModel,
      fmt::format("making a tokenizer: the {} token has the id {}, but there are {} tokens", what, id, n_tokens));
}

Status check_ids(const VocabData& data) {
  const std::size_t n = data.tokens.size();
  const SpecialIds& s = data.special;
  const std::pair<TokenId, std::string_view> named[] = {{s.bos, "BOS"},
                                                        {s.eos, "EOS"},
                                                        {s.eot, "end-of-turn"},
                                                        {s.eom, "end-of-message"},
                                                        {s.unk, "unknown"},
                                                        {s.sep, "separator"},
                                                        {s.pad, "padding"},
                                                        {s.cls, "CLS"},
                                                        {s.mask, "mask"},
                                                        {s.fim_prefix, "fill-in prefix"},
                                                        {s.fim_suffix, "fill-in suffix"},
                                                        {s.fim_middle, "fill-in middle"},
                                                        {s.fim_pad, "fill-in padding"},
                                                        {s.fim_repo, "repository"},
                                                        {s.fim_separator, "file separator"}};
  for (const auto& [id, what] : named) HEARTH_CHECK(check_id(id, what, n));
  for (const TokenId id : data.end_of_generation) HEARTH_CHECK(check_id(id, "end-of-generation", n));
  for (const AddedToken& token : data.added_tokens) {
    HEARTH_CHECK(check_id(token.id < 0 ? static_cast<TokenId>(n) : token.id, "added", n));
  }
  if (data.text_template) {
    for (const TokenId id : data.text_template->before) HEARTH_CHECK(check_id(id, "template", n));
    for (const TokenId id : data.text_template->after) HEARTH_CHECK(check_id(id, "template", n));
  }
  return {};
}

Status check(const VocabData& data) {
  const std::size_t n = data.tokens.size();
  if (n >= (std::size_t{1} << 30)) {
    return fail(ErrorCode::kCorruptedModel,
                fmt::format("making a tokenizer: {} tokens are more than any model has", n));
  }
  if (n == 0 && data.kind != VocabKind::kNone) {
    return fail(ErrorCode::kCorruptedModel, "making a tokenizer: the vocabulary is empty");
  }
  if (!data.scores.empty() && data.scores.size() != n) {
    return fail(ErrorCode::kCorruptedModel,
                fmt::format("making a tokenizer: {} scores for {} tokens", data.scores.size(), n));
  }
  if (!data.types.empty() && data.types.size() != n) {
    return fail(ErrorCode::kCorruptedModel,
                fmt::format("making a tokenizer: {} token types for {} tokens", data.types.size(), n));
  }
  const auto nan = std::ranges::find_if(data.scores, [](double score) { return std::isnan(score); });
  if (nan != data.scores.end()) {
    return fail(ErrorCode::kCorruptedModel,
                fmt::format("making a tokenizer: the score of token {} is not a number", nan - data.scores.begin()));
  }
  return check_ids(data);
}

}  // namespace

struct Tokenizer::State {
  VocabData data;
  StringTable pieces;
  std::vector<std::uint8_t> hidden, ends;  // [n_tokens], 0 or 1
  std::vector<std::unique_ptr<Normalizer>> normalizers;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  AddedTokens raw_tokens, normalized_tokens;
  std::unique_ptr<Model> model;
  std::vector<TokenId> before, after;

  [[nodiscard]] std::string normalize(std::string_view text) const {
    std::string out(text);
    for (const auto& step : normalizers) out = step->apply(out);
    return out;
  }

  /// Spelled as only tokens are, or ends a reply: templates frame messages with such tokens, though many files do not
  /// call them special.
  [[nodiscard]] bool frames_messages(TokenId id, std::string_view name) const {
    return ends[static_cast<std::size_t>(id)] != 0 || (name.starts_with("<|") && name.ends_with("|>")) ||
           (name.starts_with("<\xEF\xBD\x9C") && name.ends_with("\xEF\xBD\x9C>"));  // full-width bars
  }

  void find_added_tokens() {
    std::vector<SpelledToken> raw, in_normalized;
    for (const AddedToken& token : data.added_tokens) {
      const std::string_view name = data.tokens[static_cast<std::size_t>(token.id)];
      const bool rewritten = token.normalized && !token.as_spelled;
      (token.normalized ? in_normalized : raw)
          .push_back({token, rewritten ? normalize(name) : std::string(name), frames_messages(token.id, name)});
    }
    raw_tokens = AddedTokens(raw);
    normalized_tokens = AddedTokens(in_normalized);
  }

  void mark_tokens() {
    hidden.assign(data.tokens.size(), 0);
    ends.assign(data.tokens.size(), 0);
    for (std::size_t idx = 0; idx < data.types.size(); ++idx) {
      hidden[idx] = data.types[idx] == TokenType::kControl || data.types[idx] == TokenType::kUnknown ? 1 : 0;
    }
    for (const TokenId id : data.end_of_generation) {
      if (id >= 0) ends[static_cast<std::size_t>(id)] = 1;
    }
  }

  void place_special() {
    if (data.text_template) {
      before = data.text_template->before;
      after = data.text_template->after;
      return;
    }
    const auto add = [](bool wanted, TokenId id, std::vector<TokenId>& to) {
      if (wanted && id != kNoToken) to.push_back(id);
    };
    add(data.add_bos, data.special.bos, before);
    add(data.add_eos, data.special.eos, after);
    add(data.add_sep, data.special.sep, after);
  }

  /// What an encoding goes by.
  struct Trust {
    std::span<const ByteRange> ranges;
    Untrusted untrusted = Untrusted::kNotSpecial;
  };

  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, const Trust& trust, bool add_special) const {
    std::vector<TokenId> out;
    if (model == nullptr) return out;
    if (add_special) out = before;
    ModelScratch scratch;
    if (raw_tokens.empty()) {
      encode_text(text, 0, text.size(), trust, scratch, out);
    } else {
      for (const TextPart& part : raw_tokens.split(text, trust.ranges, trust.untrusted)) {
        if (part.id != kNoToken) {
          out.push_back(part.id);
        } else {
          encode_text(text, part.begin, part.end, trust, scratch, out);
        }
      }
    }
    if (add_special) out.insert(out.end(), after.begin(), after.end());
    return out;
  }

  /// Encodes text that holds no raw added tokens: bytes [begin, end) of `whole`.
  void encode_text(std::string_view whole, std::size_t begin, std::size_t end, const Trust& trust,
                   ModelScratch& scratch, std::vector<TokenId>& out) const {
    while (begin < end) {
      const std::string_view segment = first_segment(whole.substr(begin, end - begin));
      std::vector<ByteRange> inside;
      if (normalized_tokens.has_special()) inside = ranges_inside(trust.ranges, begin, begin + segment.size());
      encode_segment(segment, begin == 0, std::move(inside), trust.untrusted, scratch, out);
      begin += segment.size();
    }
  }

  /// Where trusted ranges end up in the normalized text: found by normalizing what comes before their ends. A range
  /// whose place cannot be told this way is trusted no more.
  [[nodiscard]] std::vector<ByteRange> normalized_ranges(std::string_view text, std::string_view normalized,
                                                         const std::vector<ByteRange>& trusted) const {
    if (trusted.size() == 1 && trusted.front().begin == 0 && trusted.front().end == text.size()) {
      return {{0, normalized.size()}};
    }
    std::vector<ByteRange> found;
    for (const ByteRange& range : trusted) {
      const std::string until = range.begin == 0 ? std::string() : normalize(text.substr(0, range.begin));
      const std::string through = normalize(text.substr(0, range.end));
      if (normalized.starts_with(until) && normalized.starts_with(through) && until.size() <= through.size()) {
        found.push_back({until.size(), through.size()});
      }
    }
    return found;
  }

  void encode_segment(std::string_view text, bool starts_text, std::vector<ByteRange> trusted, Untrusted untrusted,
                      ModelScratch& scratch, std::vector<TokenId>& out) const {
    std::string normalized;
    if (!normalizers.empty()) {
      normalized = normalize(text);
      if (!trusted.empty()) trusted = normalized_ranges(text, normalized, trusted);
      text = normalized;
    }
    if (normalized_tokens.empty()) {
      encode_pieces(text, starts_text, scratch, out);
      return;
    }
    for (const TextPart& part : normalized_tokens.split(text, trusted, untrusted)) {
      if (part.id != kNoToken) {
        out.push_back(part.id);
      } else {
        encode_pieces(text.substr(part.begin, part.end - part.begin), starts_text && part.begin == 0, scratch, out);
      }
    }
  }

  void encode_pieces(std::string_view text, bool starts_text, ModelScratch& scratch, std::vector<TokenId>& out) const {
    while (!text.empty()) {
      const std::string_view segment = first_segment(text);
      text.remove_prefix(segment.size());
      if (pre_tokenizers.empty()) {
        model->encode(segment, scratch, out);
        continue;
      }
      PieceList list = whole_piece(segment, starts_text);
      for (const auto& step : pre_tokenizers) step->apply(list);
      scratch.memo.prepare(segment.size());
      for (std::size_t i = 0; i < list.pieces.size(); ++i) {
        const std::string_view piece = list.piece(i);
        scratch.memo.append(piece, out, [&] { model->encode(piece, scratch, out); });
      }
      starts_text = false;
    }
  }
};

Result<Tokenizer> Tokenizer::make(VocabData data) {
  HEARTH_CHECK(check(data));
  auto state = std::make_shared<State>();
  state->data = std::move(data);
  VocabData& own = state->data;
  if (!own.pre.empty()) HEARTH_CHECK(apply_pre_tokenizer_name(own));
  HEARTH_TRY(state->normalizers, make_normalizers(own));
  const bool bytes_last = own.kind == VocabKind::kBpe && !own.pre_tokenizers.empty() &&
                          own.pre_tokenizers.back().kind == PreTokenizerStep::Kind::kByteLevel;
  if (bytes_last) own.byte_level = true;
  HEARTH_TRY(state->pre_tokenizers, make_pre_tokenizers(own.pre_tokenizers, bytes_last));
  HEARTH_TRY(state->model, make_model(own));
  state->pieces = make_token_pieces(own);
  state->mark_tokens();
  state->find_added_tokens();
  state->place_special();
  Tokenizer tokenizer;
  tokenizer.state_ = std::move(state);
  return tokenizer;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const ByteRange all{0, text.size()};
  return state_->encode(text, {{&all, options.parse_special ? 1U : 0U}, Untrusted::kNotSpecial}, options.add_special);
}

std::vector<TokenId> Tokenizer::encode_prompt(std::string_view text, std::span<const ByteRange> trusted) const {
  return state_->encode(text, {trusted, Untrusted::kNoFrame}, false);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
  std::string out;
  bool at_start = options.strip_leading_space && has_leading_space();
  for (const TokenId id : ids) {
    if (!options.show_special && is_control(id)) continue;
    std::string_view bytes = token_bytes(id);
    if (at_start && bytes.starts_with(' ')) bytes.remove_prefix(1);
    at_start = false;
    out.append(bytes);
  }
  return out;
}

std::size_t Tokenizer::vocab_size() const {
  return state_->data.tokens.size();
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocab_size()) return {};
  return state_->pieces[static_cast<std::size_t>(id)];
}

std::string_view Tokenizer::token_name(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocab_size()) return {};
  return state_->data.tokens[static_cast<std::size_t>(id)];
}

TokenId Tokenizer::find_token(std::string_view name) const {
  const StringTable& tokens = state_->data.tokens;
  for (std::size_t idx = 0; idx < tokens.size() && !name.empty(); ++idx) {
    if (tokens[idx] == name) return static_cast<TokenId>(idx);
  }
  return kNoToken;
}

TokenType Tokenizer::type(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocab_size()) return TokenType::kUndefined;
  return type_of(state_->data, id);
}

bool Tokenizer::is_end_of_generation(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < vocab_size() && state_->ends[static_cast<std::size_t>(id)] != 0;
}

bool Tokenizer::is_control(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < vocab_size() && state_->hidden[static_cast<std::size_t>(id)] != 0;
}

const SpecialIds& Tokenizer::special() const {
  return state_->data.special;
}
const VocabData& Tokenizer::data() const {
  return state_->data;
}
bool Tokenizer::has_leading_space() const {
  return state_->data.add_space_prefix;
}

}  // namespace hearth::text
