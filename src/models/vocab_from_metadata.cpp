// GGUF's tokenizer keys, with the defaults and exceptions that the reference implementation gives them.
#include "models/vocab_from_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "text/pre_tokenizer.h"
#include "text/special_names.h"
#include "text/utf8.h"

namespace hearth {
namespace {

using text::kNoToken;
using text::NormalizerStep;
using text::PreTokenizerStep;
using text::SpecialIds;
using text::TokenId;
using text::TokenType;
using text::VocabData;
using text::VocabKind;

constexpr std::string_view kModelKey = "tokenizer.ggml.model";
constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";
constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";

struct IdKey {
  std::string_view name;
  TokenId SpecialIds::* id;
};
constexpr IdKey kIdKeys[] = {
    {"bos_token_id", &SpecialIds::bos},
    {"eos_token_id", &SpecialIds::eos},
    {"eot_token_id", &SpecialIds::eot},
    {"eom_token_id", &SpecialIds::eom},
    {"unknown_token_id", &SpecialIds::unk},
    {"seperator_token_id", &SpecialIds::sep},  // spelled so in files
    {"padding_token_id", &SpecialIds::pad},
    {"cls_token_id", &SpecialIds::cls},
    {"mask_token_id", &SpecialIds::mask},
    {"fim_pre_token_id", &SpecialIds::fim_prefix},
    {"fim_suf_token_id", &SpecialIds::fim_suffix},
    {"fim_mid_token_id", &SpecialIds::fim_middle},
    {"fim_pad_token_id", &SpecialIds::fim_pad},
    {"fim_rep_token_id", &SpecialIds::fim_repo},
    {"fim_sep_token_id", &SpecialIds::fim_separator},
    {"prefix_token_id", &SpecialIds::fim_prefix},
    {"suffix_token_id", &SpecialIds::fim_suffix},
    {"middle_token_id", &SpecialIds::fim_middle},
};

std::unexpected<Error> corrupted(std::string message) {
  return fail(ErrorCode::kCorruptedModel, "reading the tokenizer: " + message);
}

/// RWKV writes bytes as \xHH, \t, \n, \r and \\ inside its tokens.
Result<std::string> unescape(std::string_view token) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '\\' || i + 1 == token.size()) {
      out.push_back(token[i]);
      continue;
    }
    const char what = token[++i];
    if (what == 'x') {
      if (token.size() - i < 3 || digit(token[i + 1]) < 0 || digit(token[i + 2]) < 0) {
        return corrupted(fmt::format("the token {} has \\x without two hexadecimal digits", quote_untrusted(token)));
      }
      out.push_back(static_cast<char>(digit(token[i + 1]) * 16 + digit(token[i + 2])));
      i += 2;
    } else {
      out.push_back(what == 't' ? '\t' : what == 'n' ? '\n' : what == 'r' ? '\r' : what);
    }
  }
  return out;
}

class Reader {
 public:
  explicit Reader(const ModelFile& file) : file_(file) {}

  Result<VocabData> read() {
    HEARTH_TRY(model_, file_.require<std::string>(kModelKey));
    HEARTH_TRY(data_.pre, file_.value_or<std::string>("tokenizer.ggml.pre", std::string()));
    if (model_ == "none" || model_ == "no_vocab") {
      data_.pre.clear();
      return std::move(data_);
    }
    HEARTH_CHECK(read_kind());
    HEARTH_CHECK(read_tokens());
    HEARTH_CHECK(read_special_ids());
    HEARTH_CHECK(read_flags());
    text::settle_special_names(data_);
    text::add_tokens_by_type(data_);
    HEARTH_CHECK(set_token_flags());
    return std::move(data_);
  }

 private:
  Status read_kind() {
    SpecialIds& ids = data_.special;
    if (model_ == "llama") {
      data_.kind = VocabKind::kSpm;
      data_.pre.clear();
      data_.add_bos = true;
      data_.add_space_prefix = true;
      ids.bos = 1;
      ids.eos = 2;
      ids.unk = 0;
    } else if (model_ == "gpt2") {
      if (data_.pre.empty()) data_.pre = "default";
      ids.bos = 11;
      ids.eos = 11;
      return read_bpe();
    } else if (model_ == "gemma4") {
      data_.pre = "gemma4";
      return read_bpe();
    } else if (model_ == "whitespace") {
      data_.pre.clear();
      return read_whitespace_bpe();
    } else if (model_ == "bert") {
      data_.kind = VocabKind::kWordPiece;
      data_.pre.clear();
      data_.phantom_space = true;
      data_.max_word_chars = 100;  // BERT's own limit, which the file does not tell
      data_.add_bos = data_.add_sep = true;
      data_.add_space_prefix = true;
      ids.bos = 101;
      ids.unk = 100;
      ids.sep = 102;
      ids.pad = 0;
      ids.mask = 103;
    } else if (model_ == "t5") {
      data_.kind = VocabKind::kUnigram;
      data_.pre.clear();
      data_.add_eos = true;
      ids.eos = 1;
      ids.unk = 2;
      ids.pad = 0;
    } else if (model_ == "rwkv") {
      data_.kind = VocabKind::kGreedy;
      data_.pre.clear();
    } else {
      return fail(ErrorCode::kUnsupportedModel,
                  fmt::format("reading the tokenizer: {} is {}; supported are llama (SentencePiece), gpt2 and gemma4 "
                              "(BPE), bert (WordPiece), t5 (unigram), rwkv, whitespace, none",
                              kModelKey, quote_untrusted(model_)));
    }
    return {};
  }

  Status read_bpe() {
    data_.kind = VocabKind::kBpe;
    data_.drop_unknown = true;  // else a byte that StarCoder lacks would become its unknown token, <|endoftext|>
    HEARTH_TRY(const text::PreTokenizerTraits traits, text::pre_tokenizer_traits(data_.pre));
    data_.add_bos = traits.add_bos;
    data_.add_sep = traits.add_sep;
    if (traits.no_bos) data_.special.bos = kNoToken;
    if (data_.pre == "kimi-k2" && !file_.find_metadata(kMergesKey)) {
      data_.merge_by_token_rank = true;
      return {};
    }
    return read_merges();
  }

  Status read_whitespace_bpe() {
    data_.kind = VocabKind::kBpe;
    data_.byte_fallback = true;
    data_.special.bos = data_.special.eos = 11;
    PreTokenizerStep words;
    words.kind = PreTokenizerStep::Kind::kWhitespaceSplit;
    data_.pre_tokenizers.push_back(words);
    HEARTH_TRY(const bool lowercase, file_.value_or<bool>("tokenizer.ggml.normalizer.lowercase", false));
    if (lowercase) {
      NormalizerStep step;
      step.kind = NormalizerStep::Kind::kLowercase;
      data_.normalizers.push_back(step);
    }
    return read_merges();
  }

  /// "left right": the first space after the first byte divides.
  Status read_merges() {
    HEARTH_TRY(const StringArray merges, file_.require_strings(kMergesKey));
    std::size_t rank = 0;
    data_.merges.reserve(2 * merges.size(), n_string_bytes(kMergesKey));
    for (const std::string_view merge : merges) {
      const std::size_t space = merge.find(' ', 1);
      if (space == std::string_view::npos || space + 1 == merge.size()) {
        return corrupted(fmt::format("{}: entry {} is {}, expected two parts with a space between", kMergesKey, rank,
                                     quote_untrusted(merge)));
      }
      data_.merges.push_back(merge.substr(0, space));
      data_.merges.push_back(merge.substr(space + 1));
      ++rank;
    }
    return {};
  }

  /// An upper bound of the bytes of all strings of an array.
  [[nodiscard]] std::size_t n_string_bytes(std::string_view key) const {
    const auto value = file_.find_metadata(key);
    const auto* array = value ? std::get_if<MetadataArray>(&value->value) : nullptr;
    return array ? array->bytes.size() - 8 * array->count : 0;
  }

  Status read_tokens() {
    HEARTH_TRY(const StringArray tokens, file_.require_strings(kTokensKey));
    if (tokens.empty() || tokens.size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
      return corrupted(fmt::format("{} has {} entries", kTokensKey, tokens.size()));
    }
    data_.tokens.reserve(tokens.size(), n_string_bytes(kTokensKey));
    for (const std::string_view token : tokens) {
      if (data_.kind == VocabKind::kGreedy) {
        HEARTH_TRY(const std::string bytes, unescape(token));
        data_.tokens.push_back(bytes);
      } else {
        data_.tokens.push_back(token);
      }
    }
    HEARTH_CHECK(read_scores(tokens.size()));
    return read_types(tokens.size());
  }

  Status read_scores(std::size_t n_tokens) {
    constexpr std::string_view kKey = "tokenizer.ggml.scores";
    const auto value = file_.find_metadata(kKey);
    if (!value) return {};
    const auto* array = std::get_if<MetadataArray>(&value->value);
    if (array != nullptr && array->element == ValueType::kI32) {
      HEARTH_TRY(const std::vector<std::int32_t> whole, convert_array<std::int32_t>(kKey, *value, n_tokens));
      data_.scores.assign(whole.begin(), whole.end());
      return {};
    }
    HEARTH_TRY(data_.scores, convert_array<double>(kKey, *value, n_tokens));
    return {};
  }

  Status read_types(std::size_t n_tokens) {
    constexpr std::string_view kKey = "tokenizer.ggml.token_type";
    data_.types.assign(n_tokens, TokenType::kNormal);
    const auto value = file_.find_metadata(kKey);
    if (!value) return {};
    HEARTH_TRY(const std::vector<std::int32_t> types, convert_array<std::int32_t>(kKey, *value, n_tokens));
    for (std::size_t i = 0; i < n_tokens; ++i) {
      const bool known = types[i] >= 0 && types[i] <= static_cast<int>(TokenType::kByte);
      data_.types[i] = known ? static_cast<TokenType>(types[i]) : TokenType::kUndefined;
    }
    return {};
  }

  Status read_special_ids() {
    const auto n_tokens = static_cast<std::int64_t>(data_.tokens.size());
    for (const IdKey& entry : kIdKeys) {
      TokenId& id = data_.special.*entry.id;
      if (id >= n_tokens) id = kNoToken;  // the kind's usual id, in a vocabulary too small for it
      const std::string key = fmt::format("tokenizer.ggml.{}", entry.name);
      HEARTH_TRY(const auto found, file_.find<std::int64_t>(key));
      if (!found) continue;
      const bool none = *found == -1 || *found == 0xFFFFFFFF;
      if (!none && (*found < 0 || *found >= n_tokens)) {
        return corrupted(fmt::format("{} is {}, but there are {} tokens", key, *found, n_tokens));
      }
      id = none ? kNoToken : static_cast<TokenId>(*found);
    }
    return {};
  }

  Status read_flags() {
    HEARTH_TRY(data_.add_space_prefix, file_.value_or<bool>("tokenizer.ggml.add_space_prefix", data_.add_space_prefix));
    HEARTH_TRY(const bool merge_spaces, file_.value_or<bool>("tokenizer.ggml.remove_extra_whitespaces", false));
    const bool forced_frame = data_.kind == VocabKind::kWordPiece;  // [CLS] ... [SEP] whatever the file says
    HEARTH_TRY(const bool add_bos, file_.value_or<bool>("tokenizer.ggml.add_bos_token", data_.add_bos));
    HEARTH_TRY(const bool add_eos, file_.value_or<bool>("tokenizer.ggml.add_eos_token", data_.add_eos));
    HEARTH_TRY(const bool add_sep, file_.value_or<bool>("tokenizer.ggml.add_sep_token", data_.add_sep));
    data_.add_bos = add_bos || forced_frame || data_.pre == "gemma4";
    data_.add_eos = add_eos && !forced_frame;
    // The reference appends a separator to WordPiece texts only.
    data_.add_sep = add_sep && forced_frame;
    HEARTH_CHECK(check_flag(data_.add_bos, data_.special.bos, "add_bos_token", "bos_token_id"));
    HEARTH_CHECK(check_flag(data_.add_eos, data_.special.eos, "add_eos_token", "eos_token_id"));
    HEARTH_CHECK(check_flag(data_.add_sep, data_.special.sep, "add_sep_token", "seperator_token_id"));
    switch (data_.kind) {
      case VocabKind::kSpm: add_spm_spaces(); return {};
      case VocabKind::kWordPiece: return add_bert_steps();
      case VocabKind::kUnigram: return add_unigram_steps(merge_spaces);
      default: data_.add_space_prefix = false; return {};
    }
  }

  static Status check_flag(bool wanted, TokenId id, std::string_view flag, std::string_view key) {
    if (!wanted || id != kNoToken) return {};
    return corrupted(fmt::format("tokenizer.ggml.{} is true, but tokenizer.ggml.{} is not set", flag, key));
  }

  void add_spm_spaces() {
    NormalizerStep step;
    if (data_.add_space_prefix) {
      step.kind = NormalizerStep::Kind::kPrepend;
      step.content = " ";
      data_.normalizers.push_back(step);
    }
    step.kind = NormalizerStep::Kind::kReplaceText;
    step.pattern = " ";
    step.content = text::kVisibleSpace;
    data_.normalizers.push_back(step);
  }

  Status add_bert_steps() {
    NormalizerStep step;
    step.kind = NormalizerStep::Kind::kBert;
    HEARTH_TRY(step.lowercase, file_.value_or<bool>("tokenizer.ggml.normalizer.lowercase", true));
    HEARTH_TRY(step.strip_accents, file_.value_or<bool>("tokenizer.ggml.normalizer.strip_accents", step.lowercase));
    data_.normalizers.push_back(step);
    PreTokenizerStep words;
    words.kind = PreTokenizerStep::Kind::kBert;
    data_.pre_tokenizers.push_back(words);
    return {};
  }

  Status add_unigram_steps(bool merge_spaces) {
    NormalizerStep step;
    step.kind = NormalizerStep::Kind::kSentencePiece;
    step.add_dummy_prefix = data_.add_space_prefix;
    step.remove_extra_spaces = merge_spaces;
    constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
    if (const auto value = file_.find_metadata(kKey)) {
      const auto* array = std::get_if<MetadataArray>(&value->value);
      if (array == nullptr || (array->element != ValueType::kU8 && array->element != ValueType::kI8)) {
        return corrupted(
            fmt::format("{} is {}, expected an array of bytes", describe_key(kKey, *value), describe_type(*value)));
      }
      step.content.assign(reinterpret_cast<const char*>(array->bytes.data()), array->bytes.size());
    }
    data_.normalizers.push_back(std::move(step));
    return {};
  }

  /// White space that single models' added tokens swallow: known by name only, because files have no key for it.
  Status set_token_flags() {
    HEARTH_TRY(std::string name, file_.value_or<std::string>("general.name", std::string()));
    HEARTH_TRY(const std::string pre, file_.value_or<std::string>("tokenizer.ggml.pre", std::string()));
    HEARTH_TRY(const std::string arch, file_.value_or<std::string>("general.architecture", std::string()));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const bool phi3 = name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos;
    const bool jina = pre.starts_with("jina-v2-") || arch == "nomic-bert-moe" || arch == "jina-bert-v3";
    const bool modern_bert = name.find("modern-bert") != std::string::npos;
    for (text::AddedToken& token : data_.added_tokens) {
      const std::string_view spelled = data_.tokens[static_cast<std::size_t>(token.id)];
      if (jina) {
        token.lstrip = spelled == "<mask>";
      } else if (phi3) {
        token.rstrip = spelled != "<unk>" && spelled != "<s>" && spelled != "<|endoftext|>";
      } else if (modern_bert) {
        token.lstrip = spelled == "[MASK]";
      }
    }
    return {};
  }

  const ModelFile& file_;
  std::string model_;
  VocabData data_;
};

}  // namespace

Result<VocabData> vocab_from_metadata(const ModelFile& file) {
  return Reader(file).read();
}

}  // namespace hearth
