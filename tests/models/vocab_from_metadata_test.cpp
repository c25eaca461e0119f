// Tokenizer metadata that is missing, mistyped, too short, out of range or of a kind we do not have.
#include "models/vocab_from_metadata.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>

#include "text/tokenizer.h"

namespace hearth {
namespace {

using text::TokenId;
using text::VocabData;
using text::VocabKind;

/// Metadata made in the test: no tensors, no file.
class MadeFile final : public ModelFile {
 public:
  MadeFile& set(const std::string& key, std::string text) {
    texts_.push_back(std::move(text));
    return put(key, ValueType::kString, std::string_view(texts_.back()));
  }
  MadeFile& set(const std::string& key, const char* text) { return set(key, std::string(text)); }
  MadeFile& set_id(const std::string& key, std::uint64_t value) { return put(key, ValueType::kU32, value); }
  MadeFile& set_flag(const std::string& key, bool value) { return put(key, ValueType::kBool, value); }

  MadeFile& set_strings(const std::string& key, const std::vector<std::string>& strings) {
    std::string bytes;
    std::vector<std::uint32_t> marks;
    for (std::size_t i = 0; i < strings.size(); ++i) {
      if (i % StringArray::kStride == 0) marks.push_back(static_cast<std::uint32_t>(bytes.size()));
      const std::uint64_t length = strings[i].size();
      bytes.append(reinterpret_cast<const char*>(&length), 8);
      bytes += strings[i];
    }
    marks_.push_back(std::move(marks));
    return put_array(key, ValueType::kString, strings.size(), std::move(bytes), marks_.back().data());
  }
  template <typename T>
  MadeFile& set_array(const std::string& key, ValueType element, const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return put_array(key, element, values.size(), std::move(bytes), nullptr);
  }
  MadeFile& erase(const std::string& key) {
    values_.erase(key);
    return *this;
  }

  [[nodiscard]] std::string format() const override { return "made"; }
  [[nodiscard]] std::vector<std::filesystem::path> paths() const override { return {}; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return 0; }
  [[nodiscard]] std::size_t n_metadata() const override { return values_.size(); }
  [[nodiscard]] MetadataEntry metadata(std::size_t idx) const override {
    const auto at = std::next(values_.begin(), static_cast<std::ptrdiff_t>(idx));
    return {at->first, at->second};
  }
  [[nodiscard]] std::optional<MetadataValue> find_metadata(std::string_view key) const override {
    const auto found = values_.find(std::string(key));
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return {}; }
  [[nodiscard]] const TensorInfo* find_tensor(std::string_view) const override { return nullptr; }
  [[nodiscard]] Status read_tensor_range(const TensorInfo&, std::uint64_t, std::span<std::byte>) const override {
    return fail(ErrorCode::kInternal, "a made file has no tensors");
  }

 private:
  template <typename T>
  MadeFile& put(const std::string& key, ValueType type, T value) {
    MetadataValue entry;
    entry.type = type;
    entry.value = value;
    values_[key] = entry;
    return *this;
  }
  MadeFile& put_array(const std::string& key, ValueType element, std::uint64_t count, std::string bytes,
                      const std::uint32_t* marks) {
    texts_.push_back(std::move(bytes));
    MetadataArray array;
    array.element = element;
    array.count = count;
    array.bytes = std::as_bytes(std::span(texts_.back()));
    array.marks = marks;
    return put(key, ValueType::kArray, array);
  }

  std::map<std::string, MetadataValue> values_;
  std::deque<std::string> texts_;
  std::deque<std::vector<std::uint32_t>> marks_;
};

MadeFile spm_file() {
  MadeFile file;
  file.set("tokenizer.ggml.model", "llama");
  file.set_strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "a", "b", "ab"});
  file.set_array<float>("tokenizer.ggml.scores", ValueType::kF32, {0, 0, 0, -1, -2, -3});
  file.set_array<std::int32_t>("tokenizer.ggml.token_type", ValueType::kI32, {2, 3, 3, 1, 1, 1});
  return file;
}

MadeFile bpe_file(const std::string& pre) {
  MadeFile file;
  file.set("tokenizer.ggml.model", "gpt2");
  file.set("tokenizer.ggml.pre", pre);
  file.set_strings("tokenizer.ggml.tokens", {"a", "b", "ab", "<|endoftext|>"});
  file.set_strings("tokenizer.ggml.merges", {"a b"});
  file.set_id("tokenizer.ggml.bos_token_id", 3).set_id("tokenizer.ggml.eos_token_id", 3);
  return file;
}

void expect_refused(const MadeFile& file, std::string_view reason, ErrorCode code = ErrorCode::kCorruptedModel) {
  const auto data = vocab_from_metadata(file);
  ASSERT_FALSE(data) << reason;
  EXPECT_EQ(data.error().code, code) << data.error().message;
  EXPECT_NE(data.error().message.find(reason), std::string::npos) << data.error().message;
}

TEST(VocabFromMetadata, DefaultsOfEachKind) {
  const auto spm = vocab_from_metadata(spm_file());
  ASSERT_TRUE(spm) << spm.error().message;
  EXPECT_EQ(spm->kind, VocabKind::kSpm);
  EXPECT_TRUE(spm->add_bos);
  EXPECT_FALSE(spm->add_eos);
  EXPECT_TRUE(spm->add_space_prefix);
  EXPECT_EQ(spm->special.bos, 1);
  EXPECT_EQ(spm->special.eos, 2);
  EXPECT_EQ(spm->special.unk, 0);
  EXPECT_EQ(spm->end_of_generation, (std::vector<TokenId>{2}));

  const auto bpe = vocab_from_metadata(bpe_file("gpt-2"));
  ASSERT_TRUE(bpe) << bpe.error().message;
  EXPECT_EQ(bpe->kind, VocabKind::kBpe);
  EXPECT_FALSE(bpe->add_bos);
  EXPECT_EQ(bpe->end_of_generation, (std::vector<TokenId>{3}));
  const auto llama3 = vocab_from_metadata(bpe_file("llama-bpe"));
  ASSERT_TRUE(llama3);
  EXPECT_TRUE(llama3->add_bos);
}

TEST(VocabFromMetadata, TextNeverBecomesTheUnknownTokenOfABpe) {
  MadeFile file = bpe_file("gpt-2");
  file.set_id("tokenizer.ggml.unknown_token_id", 3);
  auto data = vocab_from_metadata(file);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->special.unk, 3);
  const auto tokenizer = text::Tokenizer::make(std::move(*data));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("azb"), (std::vector<TokenId>{2}));
  EXPECT_TRUE(tokenizer->encode("\xF5").empty());
}

TEST(VocabFromMetadata, LongWordsAreUnknownToBert) {
  MadeFile file;
  file.set("tokenizer.ggml.model", "bert");
  file.set_strings("tokenizer.ggml.tokens", {"[UNK]", "[CLS]", "[SEP]",
                                             "\xE2\x96\x81"
                                             "a",
                                             "a"});
  file.set_id("tokenizer.ggml.unknown_token_id", 0).set_id("tokenizer.ggml.cls_token_id", 1);
  file.set_id("tokenizer.ggml.bos_token_id", 1).set_id("tokenizer.ggml.seperator_token_id", 2);
  file.set_id("tokenizer.ggml.padding_token_id", 0).set_id("tokenizer.ggml.mask_token_id", 0);
  auto data = vocab_from_metadata(file);
  ASSERT_TRUE(data) << data.error().message;
  const auto tokenizer = text::Tokenizer::make(std::move(*data));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("aa"), (std::vector<TokenId>{1, 3, 4, 2}));
  EXPECT_EQ(tokenizer->encode(std::string(100, 'a')).size(), 102U);
  EXPECT_EQ(tokenizer->encode(std::string(101, 'a')), (std::vector<TokenId>{1, 0, 2}));
}

TEST(VocabFromMetadata, FlagsOverrideDefaults) {
  MadeFile file = spm_file();
  file.set_flag("tokenizer.ggml.add_bos_token", false).set_flag("tokenizer.ggml.add_eos_token", true);
  file.set_flag("tokenizer.ggml.add_space_prefix", false);
  const auto data = vocab_from_metadata(file);
  ASSERT_TRUE(data);
  const auto tokenizer = text::Tokenizer::make(*data);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode("ab"), (std::vector<TokenId>{5, 2}));
}

TEST(VocabFromMetadata, NoVocabulary) {
  for (const char* model : {"none", "no_vocab"}) {
    MadeFile file;
    file.set("tokenizer.ggml.model", model);
    const auto data = vocab_from_metadata(file);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->kind, VocabKind::kNone);
  }
}

TEST(VocabFromMetadata, RefusesWhatItDoesNotHave) {
  expect_refused(MadeFile(), "tokenizer.ggml.model");
  expect_refused(spm_file().set("tokenizer.ggml.model", "plamo9"), "plamo9", ErrorCode::kUnsupportedModel);
  expect_refused(bpe_file("no-such-pre"), "no-such-pre", ErrorCode::kUnsupportedModel);
  expect_refused(spm_file().erase("tokenizer.ggml.tokens"), "tokenizer.ggml.tokens");
  expect_refused(bpe_file("gpt-2").erase("tokenizer.ggml.merges"), "tokenizer.ggml.merges");
}

TEST(VocabFromMetadata, RefusesArraysOfTheWrongTypeOrLength) {
  const std::string scores = "tokenizer.ggml.scores";
  const std::string types = "tokenizer.ggml.token_type";
  expect_refused(spm_file().set_array<float>(scores, ValueType::kF32, {0, 0}), "scores");
  expect_refused(spm_file().set_array<float>(scores, ValueType::kF32, {}), "scores");
  expect_refused(spm_file().set_array<std::uint8_t>(scores, ValueType::kU8, {0, 0, 0, 0, 0, 0}), "scores");
  expect_refused(spm_file().set(scores, "text"), "scores");
  expect_refused(spm_file().set_strings(scores, {"0", "0", "0", "0", "0", "0"}), "scores");
  expect_refused(spm_file().set_array<std::int32_t>(types, ValueType::kI32, {1}), "token_type");
  expect_refused(spm_file().set_array<float>(types, ValueType::kF32, {1, 1, 1, 1, 1, 1}), "token_type");
  expect_refused(spm_file().set_id(types, 1), "token_type");
  expect_refused(spm_file().set_array<std::int32_t>("tokenizer.ggml.tokens", ValueType::kI32, {1, 2}), "tokens");
  expect_refused(spm_file().set_strings("tokenizer.ggml.tokens", {}), "tokens");
  expect_refused(bpe_file("gpt-2").set_array<std::int32_t>("tokenizer.ggml.merges", ValueType::kI32, {1}), "merges");
  for (const char* merge : {"", "ab", "a ", " b"}) {
    expect_refused(bpe_file("gpt-2").set_strings("tokenizer.ggml.merges", {merge}), "merges");
  }
  EXPECT_TRUE(vocab_from_metadata(spm_file().set_array<std::int32_t>(scores, ValueType::kI32, {0, 0, 0, 1, 2, 3})));
  // Types beyond those known are no type.
  const auto odd =
      vocab_from_metadata(spm_file().set_array<std::int32_t>(types, ValueType::kI32, {2, 3, 3, 99, -1, 1}));
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->types[3], text::TokenType::kUndefined);
}

TEST(VocabFromMetadata, RefusesIdsOutOfRange) {
  for (const char* key : {"bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "mask", "fim_pre", "prefix"}) {
    const std::string name = std::string("tokenizer.ggml.") + key + "_token_id";
    expect_refused(spm_file().set_id(name, 6), name);
    expect_refused(spm_file().set_id(name, 0x80000000U), name);
    expect_refused(spm_file().set(name, "1"), name);
  }
  const auto none = vocab_from_metadata(spm_file().set_id("tokenizer.ggml.padding_token_id", 0xFFFFFFFF));
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->special.pad, text::kNoToken);
  expect_refused(spm_file().set_id("tokenizer.ggml.bos_token_id", 0xFFFFFFFF), "add_bos_token");
}

TEST(VocabFromMetadata, CharsmapsOfEveryShortLength) {
  MadeFile file;
  file.set("tokenizer.ggml.model", "t5");
  file.set_strings("tokenizer.ggml.tokens", {"<pad>", "</s>", "<unk>", "a"});
  file.set_array<float>("tokenizer.ggml.scores", ValueType::kF32, {0, 0, 0, -1});
  file.set_array<std::int32_t>("tokenizer.ggml.token_type", ValueType::kI32, {3, 3, 2, 1});
  const std::string key = "tokenizer.ggml.precompiled_charsmap";
  for (std::size_t length = 0; length <= 16; ++length) {
    for (const std::uint8_t fill : {0x00, 0x01, 0x04, 0x08, 0xFF}) {
      std::vector<std::uint8_t> bytes(length, fill);
      file.set_array<std::uint8_t>(key, ValueType::kU8, bytes);
      const auto data = vocab_from_metadata(file);
      ASSERT_TRUE(data) << data.error().message;
      const auto tokenizer = text::Tokenizer::make(*data);
      if (tokenizer) {
        EXPECT_FALSE(tokenizer->encode("abc \xFF").empty());
      } else {
        EXPECT_NE(tokenizer.error().message.find("charsmap"), std::string::npos);
      }
      EXPECT_EQ(length == 0, tokenizer.has_value() && length < 9);
    }
  }
  expect_refused(file.set_array<float>(key, ValueType::kF32, {1}), "precompiled_charsmap");
  expect_refused(file.set(key, "text"), "precompiled_charsmap");
}

TEST(VocabFromMetadata, RwkvTokensAreUnescaped) {
  MadeFile file;
  file.set("tokenizer.ggml.model", "rwkv");
  file.set_strings("tokenizer.ggml.tokens", {"<s>", "\\x00", "\\n", "\\t", "\\\\", "a", "ab", "\\xff"});
  const auto data = vocab_from_metadata(file);
  ASSERT_TRUE(data) << data.error().message;
  const auto tokenizer = text::Tokenizer::make(*data);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode(std::string("\0\n\t\\aba\xFF", 8)), (std::vector<TokenId>{1, 2, 3, 4, 6, 5, 7}));
  expect_refused(file.set_strings("tokenizer.ggml.tokens", {"\\x0"}), "hexadecimal");
  expect_refused(file.set_strings("tokenizer.ggml.tokens", {"\\xZZ"}), "hexadecimal");
}

TEST(VocabFromMetadata, PhiThreeTokensSwallowSpaceBehindThem) {
  MadeFile file = spm_file();
  file.set("general.name", "Phi-3 mini");
  const auto data = vocab_from_metadata(file);
  ASSERT_TRUE(data);
  for (const text::AddedToken& token : data->added_tokens) EXPECT_EQ(token.rstrip, token.id == 2) << token.id;
}

}  // namespace
}  // namespace hearth
