// Token names to token bytes, by the vocabulary's decoder steps or, where it names none, by its kind.
#include "text/token_pieces.h"

#include <string>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/model.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

void replace_all(std::string& text, std::string_view pattern, std::string_view content) {
  if (pattern.empty()) return;
  std::size_t at = text.find(pattern);
  if (at == std::string::npos) return;
  std::string out;
  std::size_t done = 0;
  for (; at != std::string::npos; at = text.find(pattern, done)) {
    out.append(text, done, at - done);
    out.append(content);
    done = at + pattern.size();
  }
  out.append(text, done);
  text = std::move(out);
}

/// The steps that a vocabulary without steps of its own stands for.
std::vector<DecoderStep> default_decoders(const VocabData& data) {
  using Kind = DecoderStep::Kind;
  DecoderStep spaces;
  spaces.kind = Kind::kReplaceText;
  spaces.pattern = kVisibleSpace;
  spaces.content = " ";
  DecoderStep bytes;
  bytes.kind = Kind::kByteFallback;
  DecoderStep alphabet;
  alphabet.kind = Kind::kByteLevel;
  switch (data.kind) {
    case VocabKind::kSpm:
    case VocabKind::kUnigram: return {bytes, spaces};
    case VocabKind::kBpe:
      if (data.byte_level) return {alphabet};
      return {bytes, spaces};
    case VocabKind::kWordPiece: {
      if (data.phantom_space) return {spaces};
      DecoderStep words;
      words.kind = Kind::kWordPiece;
      words.content = data.continuing_prefix;
      return {words};
    }
    case VocabKind::kNone:
    case VocabKind::kWordLevel:
    case VocabKind::kGreedy: return {};
  }
  return {};
}

/// Hugging Face's clean-up of spaces that English does not write.
void clean_up(std::string& token) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [pattern, content] : kRules) replace_all(token, pattern, content);
}

void apply(const DecoderStep& step, std::string& token) {
  using Kind = DecoderStep::Kind;
  switch (step.kind) {
    case Kind::kByteLevel: token = from_byte_alphabet(token); return;
    case Kind::kReplaceText: replace_all(token, step.pattern, step.content); return;
    case Kind::kMetaspace: replace_all(token, step.content, " "); return;
    case Kind::kByteFallback:
      if (const auto byte = parse_byte_token(token)) token.assign(1, static_cast<char>(*byte));
      return;
    case Kind::kWordPiece:
      if (!step.content.empty() && token.starts_with(step.content)) {
        token.erase(0, step.content.size());
      } else {
        token.insert(0, " ");
      }
      if (step.cleanup) clean_up(token);
      return;
    case Kind::kBpeSuffix: replace_all(token, step.content, " "); return;
    case Kind::kFuse:
    case Kind::kStrip: return;
  }
}

}  // namespace

StringTable make_token_pieces(const VocabData& data) {
  const std::vector<DecoderStep> steps = data.decoders.empty() ? default_decoders(data) : data.decoders;
  std::vector<bool> verbatim(data.tokens.size(), false);
  for (const AddedToken& token : data.added_tokens) verbatim[static_cast<std::size_t>(token.id)] = true;
  StringTable pieces;
  pieces.reserve(data.tokens.size(), data.tokens.n_bytes());
  for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
    std::string token(data.tokens[idx]);
    const TokenType type = type_of(data, static_cast<TokenId>(idx));
    const bool is_name = type == TokenType::kControl || type == TokenType::kUnknown || type == TokenType::kUserDefined;
    if (type == TokenType::kByte) {
      if (const auto byte = parse_byte_token(token)) token.assign(1, static_cast<char>(*byte));
    } else if (!is_name && !verbatim[idx]) {
      for (const DecoderStep& step : steps) apply(step, token);
    }
    pieces.push_back(token);
  }
  return pieces;
}

}  // namespace hearth::text
