// The names, and the exceptions that single models need.
#include "text/special_names.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "text/token_index.h"

namespace hearth::text {
namespace {

using Names = std::initializer_list<std::string_view>;

// "<|end_of_sentence|>" as DeepSeek writes it, with full-width bars and U+2581 for spaces.
constexpr std::string_view kDeepSeekEnd =
    "<\xEF\xBD\x9C"
    "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>";
constexpr std::string_view kDeepSeekFimBegin =
    "<\xEF\xBD\x9C"
    "fim\xE2\x96\x81"
    "begin\xEF\xBD\x9C>";
constexpr std::string_view kDeepSeekFimHole =
    "<\xEF\xBD\x9C"
    "fim\xE2\x96\x81hole\xEF\xBD\x9C>";
constexpr std::string_view kDeepSeekFimEnd =
    "<\xEF\xBD\x9C"
    "fim\xE2\x96\x81"
    "end\xEF\xBD\x9C>";

const Names kEndOfTurn = {"<|eot_id|>",        "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
                          "<|end_of_text|>",   "<EOT>",      "_<EOT>",  "[EOT]",         kDeepSeekEnd,
                          "<end_of_utterance>"};
const Names kEndOfMessage = {"<|eom_id|>"};
const Names kFimPrefix = {"<|fim_prefix|>", "<fim-prefix>",      "<fim_prefix>",    kDeepSeekFimBegin,
                          "<PRE>",          "\xE2\x96\x81<PRE>", "<|code_prefix|>", "<|prefix|>"};
const Names kFimSuffix = {"<|fim_suffix|>", "<fim-suffix>",      "<fim_suffix>",    kDeepSeekFimHole,
                          "<SUF>",          "\xE2\x96\x81<SUF>", "<|code_suffix|>", "<|suffix|>"};
const Names kFimMiddle = {"<|fim_middle|>", "<fim-middle>",      "<fim_middle>",    kDeepSeekFimEnd,
                          "<MID>",          "\xE2\x96\x81<MID>", "<|code_middle|>", "<|middle|>"};
const Names kFimPad = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"};
const Names kFimRepo = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"};
const Names kFimSeparator = {"<|file_sep|>"};
const Names kEndOfGeneration = {"<|eot_id|>",
                                "<|im_end|>",
                                "<|end|>",
                                "<|return|>",
                                "<|call|>",
                                "<|flush|>",
                                "<|calls|>",
                                "<end_of_turn>",
                                "<|endoftext|>",
                                "</s>",
                                "<|eom_id|>",
                                "<EOT>",
                                "_<EOT>",
                                "[EOT]",
                                "[EOS]",
                                "<|end_of_text|>",
                                "<end_of_utterance>",
                                "<eos>",
                                "<turn|>",
                                "<|tool_response>",
                                kDeepSeekEnd,
                                "[e~["};
// The frame of the harmony format: control tokens that must stay visible, because replies are parsed by them.
const Names kVisibleControl = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

class Settler {
 public:
  explicit Settler(VocabData& data) : data_(data), index_(&data.tokens, TokenIndex::Fill::kNothing) {
    // Of all the tokens only those that look like a name: every name above begins with one of these characters.
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      const std::string_view token = data.tokens[idx];
      if (!token.empty() && std::string_view("<[_\xE2").find(token[0]) != std::string_view::npos) {
        index_.insert(static_cast<TokenId>(idx));
      }
    }
  }

  void run() {
    SpecialIds& special = data_.special;
    find(kEndOfTurn, special.eot);
    find(kEndOfMessage, special.eom);
    find(kFimPrefix, special.fim_prefix);
    find(kFimSuffix, special.fim_suffix);
    find(kFimMiddle, special.fim_middle);
    find(kFimPad, special.fim_pad);
    find(kFimRepo, special.fim_repo);
    find(kFimSeparator, special.fim_separator);
    for (const TokenId id : {special.fim_pad, special.fim_repo, special.fim_separator}) add_end(id);
    for (const std::string_view name : kEndOfGeneration) {
      const TokenId id = index_.find(name);
      if (id == kNoToken) continue;
      set_control(id);
      add_end(id);
    }
    for (const std::string_view name : kVisibleControl) show(index_.find(name));
    for (const TokenId id : {special.eos, special.eot, special.eom}) add_end(id);
    except_single_models();
  }

 private:
  [[nodiscard]] bool ends(std::string_view name) const {
    const TokenId id = index_.find(name);
    return id != kNoToken && std::ranges::find(data_.end_of_generation, id) != data_.end_of_generation.end();
  }
  void set_type(TokenId id, TokenType type) { data_.types[static_cast<std::size_t>(id)] = type; }
  /// A token found by its name becomes a control token, unless it is one that text itself merges to: "</s>" is an
  /// ordinary word of some vocabularies, which ends a reply but must not change how text is read.
  void set_control(TokenId id) {
    if (data_.types[static_cast<std::size_t>(id)] != TokenType::kNormal || !is_merged(id))
      set_type(id, TokenType::kControl);
  }
  [[nodiscard]] bool is_merged(TokenId id) const {
    const std::string_view name = data_.tokens[static_cast<std::size_t>(id)];
    for (std::size_t i = 0; i + 1 < data_.merges.size(); i += 2) {
      const std::string_view left = data_.merges[i];
      if (left.size() + data_.merges[i + 1].size() == name.size() && name.starts_with(left) &&
          name.ends_with(data_.merges[i + 1])) {
        return true;
      }
    }
    return data_.merge_by_token_rank;  // there, every token that is no special one was merged
  }
  void add_end(TokenId id) {
    auto& ids = data_.end_of_generation;
    if (id != kNoToken && std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  }
  void remove_end(TokenId id) { std::erase(data_.end_of_generation, id); }

  void find(Names names, TokenId& id) {
    for (const std::string_view name : names) {
      if (id != kNoToken) return;
      id = index_.find(name);
      if (id != kNoToken) set_control(id);
    }
  }

  /// Visible, but still only found in text where special tokens are asked for.
  void show(TokenId id) {
    if (id == kNoToken) return;
    set_type(id, TokenType::kUserDefined);
    const auto known = std::ranges::find(data_.added_tokens, id, &AddedToken::id);
    if (known != data_.added_tokens.end()) {
      known->special = true;
    } else {
      data_.added_tokens.push_back({.id = id, .special = true});
    }
  }

  void except_single_models() {
    // Harmony and Solar: <|end|> closes a message inside a reply.
    const bool harmony = ends("<|return|>") && (ends("<|call|>") || ends("<|calls|>"));
    const bool solar = ends("<|flush|>") && (ends("<|call|>") || ends("<|calls|>"));
    if ((harmony || solar) && ends("<|end|>")) {
      const TokenId end = index_.find("<|end|>");
      remove_end(end);
      show(end);
    }
    // Gemma 4: </s> is a piece of markup like any other.
    if (ends("<|tool_response>") && ends("</s>")) {
      const TokenId closing = index_.find("</s>");
      remove_end(closing);
      set_type(closing, TokenType::kNormal);
    }
    std::ranges::sort(data_.end_of_generation);
  }

  VocabData& data_;
  TokenIndex index_;
};

}  // namespace

void settle_special_names(VocabData& data) {
  if (data.types.empty()) data.types.assign(data.tokens.size(), TokenType::kNormal);
  Settler(data).run();
}

void add_tokens_by_type(VocabData& data) {
  std::vector<bool> known(data.tokens.size(), false);
  for (const AddedToken& token : data.added_tokens) known[static_cast<std::size_t>(token.id)] = true;
  for (std::size_t idx = 0; idx < data.types.size(); ++idx) {
    const TokenType type = data.types[idx];
    const bool special = type == TokenType::kControl || type == TokenType::kUnknown;
    if ((!special && type != TokenType::kUserDefined) || known[idx]) continue;
    data.added_tokens.push_back({.id = static_cast<TokenId>(idx), .special = special});
  }
}

}  // namespace hearth::text
