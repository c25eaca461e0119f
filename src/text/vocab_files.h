// Readers of tokenizer files other than GGUF: SentencePiece, tiktoken, vocab.json + merges.txt, Hugging Face.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/vocab_data.h"

namespace hearth::text {

/// A SentencePiece `.model` (ModelProto) of type BPE or unigram, with its normalizer. Adds no BOS or EOS by itself.
Result<VocabData> parse_sentencepiece_model(std::string_view bytes);

/// What a list of tokens leaves unsaid.
struct BpeFileOptions {
  std::string pre = "gpt-2";                             // the split pattern, by GGUF's name for it
  std::vector<std::pair<std::string, TokenId>> special;  // control tokens and their ids
};

/// A tiktoken file: one "base64 rank" per line, merges by rank.
Result<VocabData> parse_tiktoken(std::string_view bytes, const BpeFileOptions& options);

/// GPT-2's pair of files: a JSON object of token to id, and one merge per line.
Result<VocabData> parse_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                         const BpeFileOptions& options);

/// Hugging Face's tokenizer.json; tokenizer_config.json, where not empty, names BOS, EOS and the rest. A component that
/// we do not have is refused by its name.
Result<VocabData> parse_hf_tokenizer(std::string_view tokenizer_json, std::string_view config_json = {});

}  // namespace hearth::text
