// The readers of tokenizer files: real files against known ids, and files that are wrong.
#include "text/vocab_files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data_path.h"
#include "random_text.h"
#include "text/base64.h"
#include "text/charsmap.h"
#include "text/tokenizer.h"

namespace hearth::text {
namespace {

using Ids = std::vector<TokenId>;
using testing::data_path;
using testing::missing;
using testing::read_text;

Tokenizer made(Result<VocabData> data) {
  EXPECT_TRUE(data) << (data ? "" : data.error().message);
  auto tokenizer = Tokenizer::make(std::move(*data));
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().message);
  return *tokenizer;
}

template <typename T>
void expect_refused(const Result<T>& result, std::string_view reason) {
  ASSERT_FALSE(result) << reason;
  EXPECT_NE(result.error().message.find(reason), std::string::npos) << result.error().message;
}

/// The known pairs of a GGUF vocabulary, which hold for the same vocabulary in another file.
void expect_pairs(const Tokenizer& tokenizer, const std::string& name) {
  const auto stem = data_path("tokenizer/ggml-vocab/ggml-vocab-" + name + ".gguf").string();
  const std::string inputs = read_text(stem + ".inp");
  std::istringstream outputs(read_text(stem + ".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  int n_pairs = 0;
  for (std::size_t at = 0; at <= inputs.size(); ++n_pairs) {
    const std::size_t end = std::min(inputs.find(separator, at), inputs.size());
    std::string line;
    std::getline(outputs, line);
    std::istringstream numbers(line);
    Ids ids;
    for (TokenId id = 0; numbers >> id;) ids.push_back(id);
    const std::string text = inputs.substr(at, end - at);
    EXPECT_EQ(tokenizer.encode(text, {.add_special = false}), ids) << "[" << text << "]";
    EXPECT_EQ(tokenizer.decode(ids), text);
    at = end + separator.size();
  }
  EXPECT_EQ(n_pairs, 47);
}

TEST(Tiktoken, Llama3FileGivesTheKnownIds) {
  const auto path = data_path("tokenizer/meta-pytorch-tokenizers/test_tiktoken_tokenizer.model");
  if (const auto why = missing(path)) GTEST_SKIP() << *why;
  const Tokenizer tokenizer = made(parse_tiktoken(
      read_text(path), {.pre = "llama-bpe", .special = {{"<|begin_of_text|>", 128000}, {"<|eot_id|>", 128009}}}));
  EXPECT_EQ(tokenizer.vocab_size(), 128010U);
  EXPECT_EQ(tokenizer.find_token("<|eot_id|>"), 128009);
  EXPECT_TRUE(tokenizer.is_end_of_generation(128009));
  EXPECT_EQ(tokenizer.encode("<|eot_id|>", {.parse_special = true}), (Ids{128009}));
  EXPECT_EQ(tokenizer.token_bytes(128005), "");
  expect_pairs(tokenizer, "llama-bpe");
}

TEST(Tiktoken, QwenFileGivesTheKnownIds) {
  const auto path = data_path("tokenizer/qwen/qwen.tiktoken");
  if (const auto why = missing(path)) GTEST_SKIP() << *why;
  expect_pairs(made(parse_tiktoken(read_text(path), {.pre = "qwen2"})), "qwen2");
}

TEST(Tiktoken, RefusesMalformedFilesWithAReason) {
  const BpeFileOptions options;
  for (const auto& [name, reason] :
       {std::pair{"invalid_base64", "base64"}, {"invalid_rank", "rank"}, {"no_space", "a space"}}) {
    const auto path = data_path(std::string("tokenizer/meta-pytorch-tokenizers/test_tiktoken_") + name + ".model");
    if (const auto why = missing(path)) GTEST_SKIP() << *why;
    expect_refused(parse_tiktoken(read_text(path), options), reason);
  }
  expect_refused(parse_tiktoken("", options), "no tokens");
  expect_refused(parse_tiktoken("YQ== 0\nYg== 0\n", options), "twice");
  expect_refused(parse_tiktoken("YQ== 4000000000\n", options), "too high");
  expect_refused(parse_tiktoken("YQ== -1\n", options), "not a rank");
  expect_refused(parse_tiktoken("YQ== 1x\n", options), "not a rank");
  expect_refused(parse_tiktoken("YQ= 1\n", options), "base64");
  expect_refused(parse_tiktoken("YR== 1\n", options), "base64");
  expect_refused(parse_tiktoken(" 1\n", options), "base64");
  expect_refused(parse_tiktoken("YQ== 0\n", {.special = {{"<s>", 0}}}), "twice");
  expect_refused(parse_tiktoken("YQ== 0\n", {.pre = "nonsense"}), "nonsense");
  EXPECT_TRUE(parse_tiktoken("YQ== 0\r\n\nYg== 1", options));
}

TEST(VocabAndMerges, AreGpt2sPair) {
  const std::string vocab = R"({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u0120ab": 4, "<|endoftext|>": 5})";
  const Tokenizer tokenizer =
      made(parse_vocab_and_merges(vocab, "#version: 0.2\na b\n\xC4\xA0 ab\r\n", {.special = {{"<|endoftext|>", 5}}}));
  EXPECT_EQ(tokenizer.encode("ab ab"), (Ids{2, 4}));
  EXPECT_EQ(tokenizer.decode(Ids{2, 4}), "ab ab");
  EXPECT_TRUE(tokenizer.is_end_of_generation(5));
  expect_refused(parse_vocab_and_merges("[]", "", {}), "object");
  expect_refused(parse_vocab_and_merges("{", "", {}), "object");
  expect_refused(parse_vocab_and_merges(R"({"a": -1})", "", {}), "whole number");
  expect_refused(parse_vocab_and_merges(R"({"a": 1e9})", "", {}), "whole number");
  expect_refused(parse_vocab_and_merges(R"({"a": 99999999})", "", {}), "too high");
  expect_refused(parse_vocab_and_merges(R"({"a": 0, "b": 0})", "", {}), "twice");
  expect_refused(parse_vocab_and_merges(R"({"a": 0})", "ab\n", {}), "two parts");
}

TEST(SentencePiece, ModelsOpenAndLoseNothingTheirNormalizerKeeps) {
  for (const char* name : {"sentencepiece/test_model.model", "sentencepiece/test_ja_model.model",
                           "meta-pytorch-tokenizers/test_sentencepiece.model"}) {
    const auto path = data_path(std::string("tokenizer/") + name);
    if (const auto why = missing(path)) GTEST_SKIP() << *why;
    const Tokenizer tokenizer = made(parse_sentencepiece_model(read_text(path)));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("I saw a girl with a telescope.")), "I saw a girl with a telescope.")
        << name;
  }
}

TEST(SentencePiece, EveryTruncationIsRefusedOrOpens) {
  const auto path = data_path("tokenizer/sentencepiece/test_model.model");
  if (const auto why = missing(path)) GTEST_SKIP() << *why;
  const std::string bytes = read_text(path);
  for (std::size_t length = 0; length < bytes.size(); length += length < 2000 ? 1 : 4999) {
    const auto data = parse_sentencepiece_model(std::string_view(bytes).substr(0, length));
    if (data) {
      EXPECT_FALSE(data->tokens.empty());
    } else {
      EXPECT_FALSE(data.error().message.empty());
    }
  }
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::string broken = bytes.substr(0, 4000 + random() % 4000);
    for (int i = 0; i < 5; ++i) broken[random() % broken.size()] = static_cast<char>(random());
    auto data = parse_sentencepiece_model(broken);
    if (!data) continue;
    const auto tokenizer = Tokenizer::make(std::move(*data));
    if (tokenizer) static_cast<void>(tokenizer->decode(tokenizer->encode(testing::random_bytes(random, 100))));
  }
}

TEST(SentencePiece, RefusesWithAReason) {
  expect_refused(parse_sentencepiece_model(""), "no pieces");
  expect_refused(parse_sentencepiece_model("\x0A"), "breaks off");
  expect_refused(parse_sentencepiece_model("\x0A\xFF\xFF\xFF\xFF\x0F"), "breaks off");
  expect_refused(parse_sentencepiece_model(std::string_view("\x0A\x02\x0A\x00", 4)), "empty");
  expect_refused(parse_sentencepiece_model("\x0A\x05\x0A\x01"
                                           "a\x18\x09"),
                 "type 9");
  expect_refused(parse_sentencepiece_model("\x0A\x03\x0A\x01"
                                           "a\x12\x02\x18\x03"),
                 "its type is 3");
  EXPECT_TRUE(
      parse_sentencepiece_model("\x0A\x03\x0A\x01"
                                "a"));
}

TEST(Charsmap, ShortAndBrokenOnes) {
  EXPECT_TRUE(Charsmap::parse(""));
  for (std::size_t length = 1; length <= 8; ++length) {
    for (int fill = 0; fill < 256; ++fill) {
      EXPECT_FALSE(Charsmap::parse(std::string(length, static_cast<char>(fill)))) << length << " " << fill;
    }
  }
  // A trie of any content must neither run out of bounds nor forever.
  std::mt19937 random(6);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = {16, 0, 0, 0};
    for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<char>(random() % 3 == 0 ? random() : random() % 4));
    bytes += std::string("ab\0", 3);
    const auto map = Charsmap::parse(bytes);
    ASSERT_TRUE(map);
    const auto match = map->longest(testing::random_bytes(random, 400));
    if (match) {
      EXPECT_LE(match->replacement.size(), 2U);
    }
  }
}

TEST(Base64, IsStrict) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("aGVhcnRo"), "hearth");
  EXPECT_EQ(decode_base64("aGVhcnQ="), "heart");
  EXPECT_EQ(decode_base64("aGVhcg=="), "hear");
  for (const char* text :
       {"a", "aa", "aaa", "a===", "====", "aGVhcg=a", "aGVh cg==", "aGVhcg==aGVh", "-_-_", "aGVhch=="}) {
    EXPECT_FALSE(decode_base64(text)) << text;
  }
}

nlohmann::json small_hf() {
  return nlohmann::json::parse(R"({
    "added_tokens": [{"id": 4, "content": "<s>", "special": true, "normalized": false}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3}, "merges": [["a", "b"]], "unk_token": "<unk>"}})");
}

TEST(HuggingFace, SmallFile) {
  const Tokenizer tokenizer = made(parse_hf_tokenizer(small_hf().dump()));
  EXPECT_EQ(tokenizer.encode("abxa"), (Ids{2, 3, 0}));
  EXPECT_EQ(tokenizer.encode("<s>a", {.parse_special = true}), (Ids{4, 0}));
  EXPECT_EQ(tokenizer.encode("<s>a").back(), 0);
  EXPECT_EQ(tokenizer.special().unk, 3);
}

TEST(HuggingFace, ConfigNamesSpecialTokens) {
  const auto data =
      parse_hf_tokenizer(small_hf().dump(), R"({"bos_token": {"content": "<s>"}, "add_bos_token": true})");
  const Tokenizer tokenizer = made(data);
  EXPECT_EQ(tokenizer.encode("a"), (Ids{4, 0}));
  expect_refused(parse_hf_tokenizer(small_hf().dump(), "[]"), "tokenizer_config.json");
}

TEST(HuggingFace, TheConfigsUnknownTokenIsNotTheModels) {
  auto root = small_hf();
  root["model"]["unk_token"] = nullptr;
  const Tokenizer tokenizer = made(parse_hf_tokenizer(root.dump(), R"({"unk_token": "<s>"})"));
  EXPECT_EQ(tokenizer.special().unk, 4);
  EXPECT_EQ(tokenizer.encode("axbx"), (Ids{2}));  // without a token for it, "x" leaves before the merging
  root["model"]["vocab"]["<0x78>"] = 5;
  root["model"]["byte_fallback"] = true;
  EXPECT_EQ(made(parse_hf_tokenizer(root.dump(), R"({"unk_token": "<s>"})")).encode("axb\xC3\xA9"), (Ids{0, 5, 1}));
}

TEST(HuggingFace, RefusesComponentsByName) {
  const std::pair<const char*, const char*> kComponents[] = {
      {"normalizer", R"({"type": "Frobnicate"})"},
      {"normalizer", R"({"type": "Sequence", "normalizers": [{"type": "Frobnicate"}]})"},
      {"pre_tokenizer", R"({"type": "Frobnicate"})"},
      {"pre_tokenizer", R"({"type": "UnicodeScripts"})"},
      {"post_processor", R"({"type": "Frobnicate"})"},
      {"decoder", R"({"type": "CTC"})"},
      {"decoder", R"({})"},
      {"model", R"({"type": "Frobnicate", "vocab": {"a": 0}})"},
  };
  for (const auto& [key, component] : kComponents) {
    nlohmann::json file = small_hf();
    file[key] = nlohmann::json::parse(component);
    const auto data = parse_hf_tokenizer(file.dump());
    ASSERT_FALSE(data) << component;
    EXPECT_EQ(data.error().code, ErrorCode::kUnsupportedModel) << data.error().message;
    EXPECT_NE(data.error().message.find("not supported"), std::string::npos) << data.error().message;
  }
}

TEST(HuggingFace, RefusesWhatIsMalformed) {
  const auto with = [](const char* pointer, const char* value) {
    nlohmann::json file = small_hf();
    file[nlohmann::json::json_pointer(pointer)] = nlohmann::json::parse(value);
    return parse_hf_tokenizer(file.dump());
  };
  expect_refused(parse_hf_tokenizer(""), "not JSON");
  expect_refused(parse_hf_tokenizer("[1]"), "model");
  expect_refused(parse_hf_tokenizer("\"x\""), "model");
  expect_refused(parse_hf_tokenizer(std::string(100000, '[')), "not JSON");
  expect_refused(with("/model/vocab", "[]"), "vocab");
  expect_refused(with("/model/vocab/a", "-3"), "whole number");
  expect_refused(with("/model/vocab/a", "900000"), "too high");
  expect_refused(with("/model/unk_token", "\"?\""), "unknown token");
  expect_refused(with("/model/unk_token", "7"), "unk_token");
  expect_refused(with("/model/merges", "[7]"), "merge");
  expect_refused(with("/model/merges", "[\"ab\"]"), "merge");
  expect_refused(with("/model/merges", "\"a b\""), "merges");
  expect_refused(with("/model/fuse_unk", "1"), "fuse_unk");
  expect_refused(with("/added_tokens", "{\"id\": 1}"), "added_tokens");
  expect_refused(with("/added_tokens/0/id", "4000000000"), "too high");
  expect_refused(with("/added_tokens/0/content", "null"), "content");
  expect_refused(with("/normalizer", R"({"type": "Replace", "pattern": {"Other": "x"}, "content": ""})"), "pattern");
  expect_refused(with("/normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "%%%"})"), "base64");
  expect_refused(with("/pre_tokenizer", R"({"type": "Split", "pattern": {"String": "x"}, "behavior": "Odd"})"),
                 "behavior");
  expect_refused(with("/pre_tokenizer", R"({"type": "Metaspace", "replacement": ""})"), "replacement");
  expect_refused(with("/decoder", R"({"type": "Strip", "content": " ", "start": -1})"), "start");
  expect_refused(with("/post_processor", R"({"type": "TemplateProcessing", "single": []})"), "place for the text");
  expect_refused(with("/post_processor", R"({"type": "TemplateProcessing", "special_tokens": {},
                      "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]})"),
                 "does not know");
  std::string nested = "{\"type\": \"NFC\"}";
  for (int i = 0; i < 50; ++i) nested = R"({"type": "Sequence", "normalizers": [)" + nested + "]}";
  expect_refused(with("/normalizer", nested.c_str()), "too deep");
}

/// What the components ask for is made, or refused, when the tokenizer is: patterns, maps, ids.
TEST(HuggingFace, RefusedWhenCompiled) {
  const auto refused = [](const char* key, const char* component, std::string_view reason) {
    nlohmann::json file = small_hf();
    file[key] = nlohmann::json::parse(component);
    auto data = parse_hf_tokenizer(file.dump());
    ASSERT_TRUE(data) << data.error().message;
    expect_refused(Tokenizer::make(std::move(*data)), reason);
  };
  refused("pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"})", "pattern");
  refused("normalizer", R"({"type": "Replace", "pattern": {"Regex": "\\1"}, "content": ""})", "pattern");
  refused("normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "AAAA"})", "charsmap");
  refused("post_processor", R"({"type": "BertProcessing", "sep": ["x", 7000], "cls": ["y", 1]})", "template");
}

TEST(HuggingFace, RealFilesOpen) {
  for (const char* name : {"llama2", "phi-2", "phi-3-mini", "added-tokens"}) {
    const auto folder = data_path(std::string("tokenizer/hf-json/") + name);
    if (const auto why = missing(folder)) GTEST_SKIP() << *why;
    const Tokenizer tokenizer =
        made(parse_hf_tokenizer(read_text(folder / "tokenizer.json"), read_text(folder / "tokenizer_config.json")));
    if (std::string_view(name) == "added-tokens") {
      EXPECT_EQ(tokenizer.find_token("<|user|>"), 32010);
      EXPECT_EQ(tokenizer.encode("<|user|>\n", {.parse_special = true}).front(), 32010);
      continue;
    }
    const std::string text = "Hello  world, it's 12345!\n\n\xC3\xA9\xE4\xB8\x80 fin";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << name;
  }
}

}  // namespace
}  // namespace hearth::text
