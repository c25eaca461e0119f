// Hugging Face's tokenizer.json: the model and its vocabulary, added tokens, and the names in tokenizer_config.json.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "text/byte_alphabet.h"
#include "text/hf_json.h"
#include "text/hf_steps.h"
#include "text/special_names.h"
#include "text/token_index.h"
#include "text/utf8.h"
#include "text/vocab_files.h"

namespace hearth::text {
namespace {

using nlohmann::json;

/// Ids without a token that a file may have; more is a mistake or an attack.
constexpr std::size_t kMostFreeIds = 65536;

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kCorruptedModel, "reading tokenizer.json: " + message);
}

/// The score as the original reads it: its JSON parser rounds the digits, then divides by a power of ten and rounds
/// again. Half of the scores end in another bit by that, and between segmentations of equal sums that bit decides.
double as_originally_read(double score) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof(text), std::abs(score), std::chars_format::scientific).ptr;
  double digits = 0;
  std::uint64_t significand = 0;
  int exponent = 0;
  bool after_point = false;
  const char* at = text;
  for (; at != end && *at != 'e'; ++at) {
    if (*at == '.') {
      after_point = true;
      continue;
    }
    if (*at < '0' || *at > '9') return score;  // infinity
    significand = significand * 10 + static_cast<std::uint64_t>(*at - '0');
    exponent -= after_point ? 1 : 0;
  }
  if (at == end) return score;
  const char* power_text = at[1] == '+' ? at + 2 : at + 1;
  int power = 0;
  std::from_chars(power_text, end, power);
  exponent += power;
  if (std::abs(exponent) > 300) return score;
  double ten = 1;  // powers of ten up to 10^22 are exact; scores need no others
  for (int i = 0; i < std::abs(exponent); ++i) ten *= 10;
  digits = static_cast<double>(significand);
  digits = exponent >= 0 ? digits * ten : digits / ten;
  return score < 0 ? -digits : digits;
}

class TokenizerReader {
 public:
  Result<VocabData> read(std::string_view tokenizer_json, std::string_view config_json) {
    const json root = json::parse(tokenizer_json, nullptr, false);
    if (root.is_discarded()) return bad("it is not JSON");
    const HfObject top(root, "file");
    const json* model = top.find("model");
    if (model == nullptr || !model->is_object()) return bad("it has no \"model\"");
    HEARTH_CHECK(read_model(*model));
    HEARTH_CHECK(read_added_tokens(top));
    HEARTH_CHECK(lay_out_tokens());
    const json none;
    const auto component = [&](const char* key) -> const json& {
      const json* found = top.find(key);
      return found == nullptr ? none : *found;
    };
    HEARTH_CHECK(read_hf_normalizer(component("normalizer"), data_));
    HEARTH_CHECK(read_hf_pre_tokenizer(component("pre_tokenizer"), data_));
    HEARTH_CHECK(read_hf_post_processor(component("post_processor"), data_));
    HEARTH_CHECK(read_hf_decoder(component("decoder"), data_));
    if (!config_json.empty()) HEARTH_CHECK(read_config(config_json));
    settle_special_names(data_);
    keep_added_token_types();
    return std::move(data_);
  }

 private:
  struct Entry {
    std::string text;
    double score = 0;
    TokenType type = TokenType::kNormal;
  };

  Status put(std::uint64_t id, std::string text, std::size_t n_entries) {
    if (id >= n_entries + kMostFreeIds) return bad(fmt::format("the id {} is too high for {} tokens", id, n_entries));
    if (id >= tokens_.size()) tokens_.resize(static_cast<std::size_t>(id) + 1);
    tokens_[static_cast<std::size_t>(id)] = Entry{std::move(text)};
    return {};
  }

  Status read_model(const json& model) {
    const HfObject object(model, "model");
    std::string type = object.type();
    if (type.empty()) {  // files older than the field
      type = object.find("merges") != nullptr ? "BPE" : object.find("unk_id") != nullptr ? "Unigram" : "WordPiece";
    }
    if (type == "BPE") return read_bpe(object);
    if (type == "Unigram") return read_unigram(object);
    if (type == "WordPiece") {
      data_.kind = VocabKind::kWordPiece;
      HEARTH_TRY(data_.continuing_prefix, object.string_or("continuing_subword_prefix", "##"));
      HEARTH_TRY(data_.max_word_chars, object.count("max_input_chars_per_word", 100));
      return read_vocab(object);
    }
    if (type == "WordLevel") {
      data_.kind = VocabKind::kWordLevel;
      return read_vocab(object);
    }
    return object.unsupported("BPE, Unigram, WordPiece and WordLevel");
  }

  /// {"token": id, ...} and the unknown token by name.
  Status read_vocab(const HfObject& object) {
    const json* vocab = object.find("vocab");
    if (vocab == nullptr || !vocab->is_object()) return object.bad("\"vocab\" should be an object");
    for (const auto& [token, id] : vocab->items()) {
      if (!id.is_number_unsigned()) return object.bad(fmt::format("the id of \"{}\" is not a whole number", token));
      HEARTH_CHECK(put(id.get<std::uint64_t>(), token, vocab->size()));
    }
    HEARTH_TRY(unknown_name_, object.string_or("unk_token", ""));
    return {};
  }

  Status read_bpe(const HfObject& object) {
    data_.kind = VocabKind::kBpe;
    HEARTH_CHECK(read_vocab(object));
    data_.drop_unknown = unknown_name_.empty();
    HEARTH_TRY(data_.continuing_prefix, object.string_or("continuing_subword_prefix", ""));
    HEARTH_TRY(data_.end_of_word_suffix, object.string_or("end_of_word_suffix", ""));
    HEARTH_TRY(data_.fuse_unk, object.boolean("fuse_unk", false));
    HEARTH_TRY(data_.byte_fallback, object.boolean("byte_fallback", false));
    HEARTH_TRY(data_.ignore_merges, object.boolean("ignore_merges", false));
    const json* merges = object.find("merges");
    if (merges == nullptr || (merges->is_object() && merges->empty())) return {};
    if (!merges->is_array()) return object.bad("\"merges\" should be a list");
    const json& vocab = *object.find("vocab");
    for (const json& merge : *merges) HEARTH_CHECK(read_merge(object, merge, vocab));
    return {};
  }

  /// ["left", "right"], or in older files "left right", where parts with spaces are told by the vocabulary.
  Status read_merge(const HfObject& object, const json& merge, const json& vocab) {
    const auto add = [&](std::string_view left, std::string_view right) {
      data_.merges.push_back(left);
      data_.merges.push_back(right);
      return Status();
    };
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      return add(merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
    }
    if (!merge.is_string()) return object.bad("a merge is neither a string nor a pair of strings");
    const std::string_view text = merge.get_ref<const std::string&>();
    const bool one_space = std::ranges::count(text, ' ') == 1;
    for (std::size_t space = text.find(' ', 1); space < text.size() - 1; space = text.find(' ', space + 1)) {
      const std::string_view left = text.substr(0, space);
      const std::string_view right = text.substr(space + 1);
      if (one_space || (vocab.contains(left) && vocab.contains(right))) return add(left, right);
    }
    return object.bad(fmt::format("the merge \"{}\" is not two parts with a space between", to_valid_utf8(text)));
  }

  /// [["token", score], ...]
  Status read_unigram(const HfObject& object) {
    data_.kind = VocabKind::kUnigram;
    data_.fuse_unk = true;
    HEARTH_TRY(data_.byte_fallback, object.boolean("byte_fallback", false));
    HEARTH_TRY(const json* vocab, object.array("vocab"));
    for (const json& item : *vocab) {
      if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_number()) {
        return object.bad(fmt::format("entry {} of \"vocab\" is not a token and its score", tokens_.size()));
      }
      tokens_.push_back(Entry{item[0].get<std::string>(), as_originally_read(item[1].get<double>())});
    }
    if (object.find("unk_id") != nullptr) {
      HEARTH_TRY(const std::uint32_t unknown, object.count("unk_id", 0));
      if (unknown >= tokens_.size())
        return object.bad(fmt::format("\"unk_id\" is {} of {} tokens", unknown, tokens_.size()));
      data_.special.unk = static_cast<TokenId>(unknown);
    }
    return {};
  }

  Status read_added_tokens(const HfObject& top) {
    const json* list = top.find("added_tokens");
    if (list == nullptr) return {};
    if (!list->is_array()) return bad("\"added_tokens\" should be a list");
    const std::size_t n_entries = tokens_.size() + list->size();
    for (const json& item : *list) {
      const HfObject object(item, "added token");
      const json* id = object.find("id");
      if (id == nullptr || !id->is_number_unsigned()) return object.bad("\"id\" should be a whole number");
      HEARTH_TRY(std::string content, object.string("content"));
      HEARTH_CHECK(put(id->get<std::uint64_t>(), content, n_entries));
      AddedToken token;
      token.id = static_cast<TokenId>(id->get<std::uint64_t>());
      HEARTH_TRY(token.special, object.boolean("special", false));
      HEARTH_TRY(token.lstrip, object.boolean("lstrip", false));
      HEARTH_TRY(token.rstrip, object.boolean("rstrip", false));
      HEARTH_TRY(token.single_word, object.boolean("single_word", false));
      HEARTH_TRY(token.normalized, object.boolean("normalized", !token.special));
      tokens_[static_cast<std::size_t>(token.id)]->type = token.special ? TokenType::kControl : TokenType::kUserDefined;
      data_.added_tokens.push_back(token);
    }
    return {};
  }

  Status lay_out_tokens() {
    for (const auto& entry : tokens_) {
      data_.tokens.push_back(entry ? std::string_view(entry->text) : std::string_view());
      data_.scores.push_back(entry ? entry->score : 0);
      TokenType type = entry ? entry->type : TokenType::kUnused;
      if (data_.byte_fallback && type == TokenType::kNormal && parse_byte_token(entry->text)) type = TokenType::kByte;
      data_.types.push_back(type);
    }
    if (data_.kind != VocabKind::kUnigram) data_.scores.clear();
    tokens_.clear();
    if (!unknown_name_.empty()) {
      data_.special.unk = TokenIndex(&data_.tokens).find(unknown_name_);
      if (data_.special.unk == kNoToken)
        return bad(fmt::format("the unknown token \"{}\" is not in the vocabulary", unknown_name_));
    }
    return {};
  }

  /// A name in the config: the string itself, or an object with its "content".
  static std::optional<std::string> config_name(const HfObject& config, const char* key) {
    const json* found = config.find(key);
    if (found == nullptr) return std::nullopt;
    if (found->is_string()) return found->get<std::string>();
    if (found->is_object() && found->contains("content") && (*found)["content"].is_string()) {
      return (*found)["content"].get<std::string>();
    }
    return std::nullopt;
  }

  Status read_config(std::string_view config_json) {
    const json root = json::parse(config_json, nullptr, false);
    if (!root.is_object()) {
      return fail(ErrorCode::kCorruptedModel, "reading tokenizer_config.json: it is not a JSON object");
    }
    const HfObject config(root, "tokenizer_config.json");
    const TokenIndex index(&data_.tokens);
    const std::pair<const char*, TokenId SpecialIds::*> names[] = {
        {"bos_token", &SpecialIds::bos},  {"eos_token", &SpecialIds::eos}, {"unk_token", &SpecialIds::unk},
        {"sep_token", &SpecialIds::sep},  {"pad_token", &SpecialIds::pad}, {"cls_token", &SpecialIds::cls},
        {"mask_token", &SpecialIds::mask}};
    for (const auto& [key, id] : names) {
      const auto name = config_name(config, key);
      if (name && data_.special.*id == kNoToken) data_.special.*id = index.find(*name);
    }
    // Where the file has a template, it already says what goes around a text.
    HEARTH_TRY(const bool add_bos, config.boolean("add_bos_token", false));
    HEARTH_TRY(const bool add_eos, config.boolean("add_eos_token", false));
    data_.add_bos = add_bos && !data_.text_template;
    data_.add_eos = add_eos && !data_.text_template;
    return {};
  }

  /// Names make tokens control tokens (ends of turns); those found in text must then be asked for like the others.
  void keep_added_token_types() {
    for (AddedToken& token : data_.added_tokens) {
      if (data_.types[static_cast<std::size_t>(token.id)] == TokenType::kControl) token.special = true;
    }
  }

  VocabData data_;
  std::vector<std::optional<Entry>> tokens_;
  std::string unknown_name_;
};

}  // namespace

Result<VocabData> parse_hf_tokenizer(std::string_view tokenizer_json, std::string_view config_json) {
  return TokenizerReader().read(tokenizer_json, config_json);
}

}  // namespace hearth::text
