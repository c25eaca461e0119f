// The tokenizer as a whole on small vocabularies: special tokens, hostile vocabularies, streams, time.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "random_text.h"
#include "text/byte_alphabet.h"
#include "text/special_names.h"
#include "text/stream_decoder.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

using Ids = std::vector<TokenId>;

/// A SentencePiece-like vocabulary with byte tokens and the words given.
VocabData spm_data(const std::vector<std::pair<std::string, float>>& words) {
  VocabData data;
  data.kind = VocabKind::kSpm;
  const auto add = [&](std::string_view token, TokenType type, float score) {
    data.tokens.push_back(token);
    data.types.push_back(type);
    data.scores.push_back(score);
  };
  add("<unk>", TokenType::kUnknown, 0);
  add("<s>", TokenType::kControl, 0);
  add("</s>", TokenType::kControl, 0);
  for (int byte = 0; byte < 256; ++byte) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    add(std::string{"<0x"} + kDigits[byte / 16] + kDigits[byte % 16] + ">", TokenType::kByte, 0);
  }
  for (const auto& [word, score] : words) add(word, TokenType::kNormal, score);
  data.special.unk = 0;
  data.special.bos = 1;
  data.special.eos = 2;
  data.add_bos = true;
  NormalizerStep spaces;
  spaces.kind = NormalizerStep::Kind::kReplaceText;
  spaces.pattern = " ";
  spaces.content = kVisibleSpace;
  data.normalizers.push_back(spaces);
  add_tokens_by_type(data);
  return data;
}

/// A byte-level BPE vocabulary: the 256 bytes, then the merges' results.
VocabData bpe_data(const std::vector<std::pair<std::string, std::string>>& merges) {
  VocabData data;
  data.kind = VocabKind::kBpe;
  data.pre = "gpt-2";
  for (int byte = 0; byte < 256; ++byte)
    data.tokens.push_back(to_byte_alphabet(std::string(1, static_cast<char>(byte))));
  for (const auto& [left, right] : merges) {
    data.merges.push_back(to_byte_alphabet(left));
    data.merges.push_back(to_byte_alphabet(right));
    data.tokens.push_back(to_byte_alphabet(left + right));
  }
  return data;
}

Tokenizer made(VocabData data) {
  auto tokenizer = Tokenizer::make(std::move(data));
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().message);
  return *tokenizer;
}

TEST(Spm, MergesByScoreAndFallsBackToBytes) {
  const Tokenizer tokenizer = made(spm_data({{"a", -1}, {"b", -2}, {"ab", -3}, {"ba", -0.5F}, {"\xE2\x96\x81", -1}}));
  EXPECT_EQ(tokenizer.encode("aba"), (Ids{1, 259, 262}));
  EXPECT_EQ(tokenizer.encode("aba", {.add_special = false}), (Ids{259, 262}));
  EXPECT_EQ(tokenizer.encode("\xC3\xA9", {.add_special = false}), (Ids{3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(tokenizer.encode("\xFF", {.add_special = false}), (Ids{3 + 0xFF}));
  EXPECT_EQ(tokenizer.encode(" ", {.add_special = false}), (Ids{263}));
}

TEST(SpecialTokens, ArePlainTextUnlessAskedFor) {
  const Tokenizer tokenizer = made(spm_data({{"<", -1}, {"s", -1}, {">", -1}, {"<s", -1}, {"s>", -2}, {"a", -1}}));
  const Ids plain = tokenizer.encode("a<s>a", {.add_special = false});
  EXPECT_EQ(std::ranges::count(plain, 1), 0);
  EXPECT_EQ(tokenizer.decode(plain), "a<s>a");
  EXPECT_EQ(tokenizer.encode("a<s>a", {.add_special = false, .parse_special = true}), (Ids{264, 1, 264}));
  // The name of a byte token is no byte either.
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("<0x41>")), "<0x41>");
}

TEST(SpecialTokens, LongestFirstAndWhiteSpaceRules) {
  VocabData data = bpe_data({});
  const auto add = [&](std::string_view name, AddedToken token) {
    token.id = static_cast<TokenId>(data.tokens.size());
    data.tokens.push_back(name);
    data.added_tokens.push_back(token);
    return token.id;
  };
  const TokenId one = add("<x>", {.special = true});
  const TokenId two = add("<x><x>", {.special = true});
  const TokenId left = add("[L]", {.lstrip = true});
  const TokenId right = add("[R]", {.rstrip = true});
  const TokenId word = add("word", {.single_word = true});
  const Tokenizer tokenizer = made(std::move(data));
  const EncodeOptions all{.parse_special = true};
  EXPECT_EQ(tokenizer.encode("<x><x><x>", all), (Ids{two, one}));
  EXPECT_EQ(tokenizer.encode("a \n[L] b", all), (Ids{'a', left, ' ', 'b'}));
  EXPECT_EQ(tokenizer.encode("a [R] \tb", all), (Ids{'a', ' ', right, 'b'}));
  EXPECT_EQ(tokenizer.encode("word", all), (Ids{word}));
  EXPECT_EQ(tokenizer.encode("words", all).size(), 5U);
  EXPECT_EQ(tokenizer.encode("aword", all).size(), 5U);
  const auto has_word = [&](const Ids& ids) { return std::ranges::count(ids, word) != 0; };
  for (const char* inside : {"\xE2\x80\x8C", "\xE2\x80\x8D", "\xE2\x92\xB6", "\xF0\x9F\x85\xB0", "\xE2\x85\xA7"}) {
    EXPECT_FALSE(has_word(tokenizer.encode(std::string(inside) + "word", all))) << inside;
    EXPECT_FALSE(has_word(tokenizer.encode(std::string("word") + inside, all))) << inside;
  }
  for (const char* outside : {"\xC2\xB2", "\xC2\xBD", "\xE2\x91\xA0", "\xE2\x80\x8B", "\xFF"}) {
    EXPECT_TRUE(has_word(tokenizer.encode(std::string(outside) + "word", all))) << outside;
  }
  EXPECT_EQ(tokenizer.encode("<x>").size(), 3U);
}

TEST(Bpe, MergesInTheOrderOfTheList) {
  const Tokenizer tokenizer = made(bpe_data({{"b", "c"}, {"a", "b"}, {"a", "bc"}}));
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{258}));
  EXPECT_EQ(tokenizer.encode("abab"), (Ids{257, 257}));
}

TEST(Bpe, ByTokenRankEveryCutCounts) {
  VocabData data = bpe_data({});
  for (const char* token : {"aa", "aaa"}) data.tokens.push_back(token);
  data.merge_by_token_rank = true;
  const Tokenizer tokenizer = made(std::move(data));
  EXPECT_EQ(tokenizer.encode("aaaa"), (Ids{256, 256}));
  EXPECT_EQ(tokenizer.encode("aaa"), (Ids{257}));
}

TEST(Bpe, WhatHasNoTokenNeverBecomesTheUnknownTokenOfAByteLevelVocabulary) {
  VocabData data = bpe_data({{"!", "?"}});
  StringTable tokens;  // without byte 0xF5, whose place the end of text takes
  for (std::size_t i = 0; i < data.tokens.size(); ++i) tokens.push_back(i == 0xF5 ? "<|endoftext|>" : data.tokens[i]);
  data.tokens = std::move(tokens);
  data.types.assign(data.tokens.size(), TokenType::kNormal);
  data.types[0xF5] = TokenType::kControl;
  data.special.unk = data.special.eos = 0xF5;
  data.drop_unknown = true;
  EXPECT_EQ(made(data).encode("b\xF5z"), (Ids{'b', 'z'}));
  EXPECT_EQ(made(data).encode("\xF5!\xF5\xF5?\xF5"), (Ids{256}));  // what is left over meets, and merges
  EXPECT_TRUE(made(data).encode("\xF5\xF5").empty());
  data.drop_unknown = false;
  EXPECT_EQ(made(data).encode("a\xF5z"), (Ids{'a', 0xF5, 'z'}));
}

TEST(Bpe, UserDefinedLettersAreNoBytes) {
  VocabData data = bpe_data({});
  StringTable tokens;  // without byte 0xF8, whose name in the byte alphabet is the letter U+00F8
  for (std::size_t i = 0; i < data.tokens.size(); ++i) tokens.push_back(i == 0xF8 ? "other" : data.tokens[i]);
  tokens.push_back("\xC3\xB8");
  data.tokens = std::move(tokens);
  data.types.assign(data.tokens.size(), TokenType::kNormal);
  data.types[256] = TokenType::kUserDefined;
  data.drop_unknown = true;
  add_tokens_by_type(data);
  const Tokenizer tokenizer = made(std::move(data));
  EXPECT_EQ(tokenizer.encode("\xC3\xB8"), (Ids{256}));
  EXPECT_EQ(tokenizer.decode(Ids{256}), "\xC3\xB8");
  EXPECT_EQ(tokenizer.encode("a\xF8"), (Ids{'a'}));
}

TEST(Bpe, RandomBytesGoThereAndBack) {
  const Tokenizer tokenizer = made(bpe_data({{"a", "b"}, {"\xC3", "\xA9"}, {" ", "a"}, {" a", "b"}}));
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    const std::string bytes = testing::random_bytes(random, 80);
    const Ids ids = tokenizer.encode(bytes);
    ASSERT_EQ(tokenizer.decode(ids), bytes);
    StreamDecoder stream(tokenizer);
    std::string shown;
    for (const TokenId id : ids) {
      const std::string part = stream.feed(id);
      ASSERT_EQ(to_valid_utf8(part), part);
      shown += part;
    }
    ASSERT_EQ(shown + stream.flush(), to_valid_utf8(bytes));
  }
}

TEST(Spm, RandomBytesGoThereAndBack) {
  const Tokenizer tokenizer = made(spm_data({{"a", -1},
                                             {"b", -2},
                                             {"ab", -3},
                                             {"\xE2\x96\x81", -1},
                                             {"\xE2\x96\x81"
                                              "a",
                                              -1}}));
  std::mt19937 random(4);
  for (int round = 0; round < 3000; ++round) {
    const std::string bytes = round % 2 == 0 ? testing::random_bytes(random, 80) : testing::random_text(random, 40);
    if (bytes.find(kVisibleSpace) != std::string::npos) continue;
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(bytes)), bytes);
  }
}

TEST(HostileVocabularies, AreRefusedWithAReason) {
  const auto refused = [](VocabData data, std::string_view reason) {
    const auto tokenizer = Tokenizer::make(std::move(data));
    ASSERT_FALSE(tokenizer);
    EXPECT_NE(tokenizer.error().message.find(reason), std::string::npos) << tokenizer.error().message;
  };
  VocabData data = spm_data({});
  data.scores.pop_back();
  refused(data, "scores");
  data = spm_data({});
  data.types.push_back(TokenType::kNormal);
  refused(data, "types");
  data = spm_data({});
  data.scores[5] = std::numeric_limits<float>::quiet_NaN();
  refused(data, "not a number");
  data = spm_data({});
  data.special.eos = 1 << 20;
  refused(data, "EOS");
  data = spm_data({});
  data.special.bos = -7;
  refused(data, "BOS");
  data = spm_data({});
  data.added_tokens.push_back({.id = -1});
  refused(data, "added");
  data = spm_data({});
  data.end_of_generation.push_back(100000);
  refused(data, "end-of-generation");
  refused(VocabData{.kind = VocabKind::kBpe}, "empty");
}

TEST(HostileVocabularies, OddTokensAreHarmless) {
  VocabData data = bpe_data({{"a", "b"}});
  data.tokens.push_back("");                         // empty
  data.tokens.push_back(to_byte_alphabet("a"));      // a duplicate: the first one counts
  data.tokens.push_back(std::string(1 << 20, 'a'));  // huge
  data.tokens.push_back("\xFF\xFE");                 // not UTF-8
  for (const char* part : {"no", "such", "x", "y", "a", "zz"}) data.merges.push_back(part);
  for (const bool ignore_merges : {false, true}) {
    VocabData copy = data;
    copy.pre.clear();
    copy.byte_level = true;
    copy.ignore_merges = ignore_merges;
    const Tokenizer tokenizer = made(std::move(copy));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("xyab nosuch azz")), "xyab nosuch azz");
    EXPECT_EQ(tokenizer.encode("a"), (Ids{'a'}));
    const std::string many(1 << 20, 'a');
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(many)), many);
    EXPECT_EQ(tokenizer.token_bytes(-1), "");
    EXPECT_EQ(tokenizer.token_bytes(1 << 30), "");
    EXPECT_EQ(tokenizer.decode(Ids{-5, 1 << 29, std::numeric_limits<TokenId>::min()}), "");
    EXPECT_FALSE(tokenizer.is_end_of_generation(-1));
  }
}

TEST(HostileVocabularies, NoVocabularyAtAll) {
  const Tokenizer tokenizer = made(VocabData{});
  EXPECT_TRUE(tokenizer.encode("abc").empty());
  EXPECT_EQ(tokenizer.decode(Ids{1, 2}), "");
  EXPECT_EQ(tokenizer.vocab_size(), 0U);
}

TEST(WordPiece, WordStartsBeginWordsOnly) {
  VocabData data;
  data.kind = VocabKind::kWordPiece;
  data.phantom_space = true;
  for (const char* token : {"[UNK]", "\xE2\x96\x81san", "to", "\xE2\x96\x81to", "fresh", "\xE2\x96\x81"}) {
    data.tokens.push_back(token);
  }
  data.types.assign(6, TokenType::kNormal);
  data.types[0] = TokenType::kUnknown;
  data.special.unk = 0;
  PreTokenizerStep words;
  words.kind = PreTokenizerStep::Kind::kWhitespaceSplit;
  data.pre_tokenizers.push_back(words);
  const Tokenizer tokenizer = made(std::move(data));
  EXPECT_EQ(tokenizer.encode("santo to sanfresh fresh"), (Ids{1, 2, 3, 1, 4, 0}));
  // A visible space inside a word is that character, not the start of another word.
  EXPECT_EQ(tokenizer.encode("san\xE2\x96\x81to"), (Ids{1, 5, 2}));
  EXPECT_EQ(tokenizer.encode("\xE2\x96\x81san"), (Ids{0}));
}

TEST(Streams, HoldBackIncompleteCharactersAndTheLeadingSpace) {
  VocabData data = spm_data({{"\xE2\x96\x81Hi", -1}});
  data.add_space_prefix = true;
  const Tokenizer tokenizer = made(std::move(data));
  StreamDecoder stream(tokenizer);
  EXPECT_EQ(stream.feed(1), "");
  EXPECT_EQ(stream.feed(259), "Hi");
  EXPECT_EQ(stream.feed(259), " Hi");
  EXPECT_EQ(stream.feed(3 + 0xE2), "");
  EXPECT_EQ(stream.feed(3 + 0x82), "");
  EXPECT_EQ(stream.feed(3 + 0xAC), "\xE2\x82\xAC");
  EXPECT_EQ(stream.feed(3 + 0xE2), "");
  EXPECT_EQ(stream.feed(259), "\xEF\xBF\xBD Hi");
  EXPECT_EQ(stream.feed(3 + 0xF0), "");
  EXPECT_EQ(stream.flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.flush(), "");
  StreamDecoder continued(tokenizer, {.show_special = true, .strip_leading_space = false});
  EXPECT_EQ(continued.feed(259), " Hi");
  EXPECT_EQ(continued.feed(2), "</s>");
}

TEST(SpecialNames, EndTheReply) {
  VocabData data = bpe_data({});
  for (const char* name : {"<|im_end|>", "<|endoftext|>", "<|fim_pad|>", "plain"}) data.tokens.push_back(name);
  data.special.eos = 257;
  settle_special_names(data);
  add_tokens_by_type(data);
  const Tokenizer tokenizer = made(std::move(data));
  EXPECT_TRUE(tokenizer.is_end_of_generation(256));
  EXPECT_TRUE(tokenizer.is_end_of_generation(257));
  EXPECT_TRUE(tokenizer.is_end_of_generation(258));
  EXPECT_FALSE(tokenizer.is_end_of_generation(259));
  EXPECT_TRUE(tokenizer.is_control(256));
  EXPECT_EQ(tokenizer.special().eot, 256);
  EXPECT_EQ(tokenizer.encode("<|im_end|>", {.parse_special = true}), (Ids{256}));
}

TEST(SpecialNames, HarmonyKeepsItsFrameVisible) {
  VocabData data = bpe_data({});
  for (const char* name : {"<|end|>", "<|return|>", "<|call|>", "<|channel|>"}) data.tokens.push_back(name);
  settle_special_names(data);
  add_tokens_by_type(data);
  const Tokenizer tokenizer = made(std::move(data));
  EXPECT_FALSE(tokenizer.is_end_of_generation(256));
  EXPECT_TRUE(tokenizer.is_end_of_generation(257));
  EXPECT_FALSE(tokenizer.is_control(256));
  EXPECT_FALSE(tokenizer.is_control(259));
  EXPECT_GT(tokenizer.encode("<|channel|>").size(), 1U);
  EXPECT_EQ(tokenizer.encode("<|channel|>", {.parse_special = true}), (Ids{259}));
}

}  // namespace
}  // namespace hearth::text
