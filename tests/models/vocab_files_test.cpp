// Every GGUF vocabulary with known answers: the ids of the reference, text by text.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <sstream>

#include "data_path.h"
#include "file/model_file.h"
#include "models/vocab_from_metadata.h"
#include "text/random_text.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace hearth {
namespace {

using testing::data_path;
using testing::missing;
using testing::read_text;

Result<text::Tokenizer> open_tokenizer(const std::filesystem::path& path) {
  HEARTH_TRY(const auto file, open_model_file(path));
  HEARTH_TRY(text::VocabData data, vocab_from_metadata(*file));
  return text::Tokenizer::make(std::move(data));
}

struct KnownText {
  std::string text;
  std::vector<text::TokenId> ids;
};

std::vector<KnownText> read_pairs(const std::filesystem::path& stem) {
  const std::string inputs = read_text(stem.string() + ".inp");
  std::istringstream outputs(read_text(stem.string() + ".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<KnownText> pairs;
  for (std::size_t at = 0; at <= inputs.size();) {
    std::size_t end = inputs.find(separator, at);
    if (end == std::string::npos) end = inputs.size();
    std::string line;
    std::getline(outputs, line);  // the file ends without a line for the empty text at the end
    std::istringstream numbers(line);
    KnownText pair;
    pair.text = inputs.substr(at, end - at);
    for (text::TokenId id = 0; numbers >> id;) pair.ids.push_back(id);
    pairs.push_back(std::move(pair));
    at = end + separator.size();
  }
  return pairs;
}

class VocabFile : public ::testing::TestWithParam<std::string> {};

TEST_P(VocabFile, GivesTheReferencesIds) {
  const auto path = data_path("tokenizer/ggml-vocab/ggml-vocab-" + GetParam() + ".gguf");
  if (const auto why = missing(path)) GTEST_SKIP() << *why;
  const auto tokenizer = open_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto pairs = read_pairs(path);
  ASSERT_EQ(pairs.size(), 47U);
  for (const KnownText& pair : pairs) {
    EXPECT_EQ(tokenizer->encode(pair.text, {.add_special = false}), pair.ids) << "text: [" << pair.text << "]";
  }
}

/// Vocabularies that lose nothing; BERT's folds case and spaces.
class LosslessVocabFile : public VocabFile {};

TEST_P(LosslessVocabFile, ShowsTheTextAgain) {
  const auto path = data_path("tokenizer/ggml-vocab/ggml-vocab-" + GetParam() + ".gguf");
  if (const auto why = missing(path)) GTEST_SKIP() << *why;
  const auto tokenizer = open_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  for (const KnownText& pair : read_pairs(path)) {
    EXPECT_EQ(tokenizer->decode(pair.ids), pair.text);
    text::StreamDecoder stream(*tokenizer);
    std::string shown;
    for (const text::TokenId id : pair.ids) shown += stream.feed(id);
    EXPECT_EQ(shown + stream.flush(), pair.text);
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, VocabFile,
                         ::testing::Values("bert-bge", "deepseek-coder", "gpt-2", "llama-bpe", "llama-spm", "mpt",
                                           "phi-3", "qwen2", "starcoder"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(All, LosslessVocabFile,
                         ::testing::Values("deepseek-coder", "gpt-2", "llama-bpe", "llama-spm", "mpt", "phi-3", "qwen2",
                                           "starcoder"),
                         test_name);

TEST(VocabFiles, EveryOneOpensAndLosesNothing) {
  const auto folder = data_path("tokenizer/ggml-vocab");
  if (const auto why = missing(folder)) GTEST_SKIP() << *why;
  int n_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    ++n_files;
    const auto tokenizer = open_tokenizer(entry.path());
    ASSERT_TRUE(tokenizer) << entry.path() << ": " << tokenizer.error().message;
    if (tokenizer->data().kind == text::VocabKind::kWordPiece) continue;  // folds case and spaces
    // Some vocabularies leave out bytes that their training text did not hold.
    bool has_every_byte = true;
    for (int byte = 0; byte < 256; ++byte) {
      const std::string one(1, static_cast<char>(byte));
      const auto ids = tokenizer->encode(one, {.add_special = false});
      has_every_byte &= tokenizer->decode(ids) == one;
      EXPECT_TRUE(std::ranges::none_of(ids, [&](text::TokenId id) { return tokenizer->is_control(id); })) << byte;
    }
    if (!has_every_byte) continue;
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
      const std::string bytes = round % 2 == 0 ? testing::random_bytes(random, 200) : testing::random_text(random, 100);
      if (bytes.find(text::kVisibleSpace) != std::string::npos) continue;
      const auto ids = tokenizer->encode(bytes, {.add_special = false});
      ASSERT_EQ(tokenizer->decode(ids, {.show_special = true}), bytes) << entry.path();
      std::string joined;
      for (const text::TokenId id : ids) joined += tokenizer->token_bytes(id);
      ASSERT_EQ(joined.substr(joined.size() - bytes.size()), bytes) << entry.path();
    }
  }
  EXPECT_GE(n_files, 11);
}

/// Text made to be slow: twice as much may take about twice as long, and a mebibyte only seconds.
class SlowText : public ::testing::TestWithParam<std::string> {};

TEST_P(SlowText, TakesLinearTime) {
  const auto path = data_path("tokenizer/ggml-vocab/ggml-vocab-" + GetParam() + ".gguf");
  if (const auto why = missing(path)) GTEST_SKIP() << *why;
  const auto tokenizer = open_tokenizer(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto cpu_seconds = [&](std::string_view unit, std::size_t n_bytes) {
    std::string text;
    while (text.size() < n_bytes) text += unit;
    double best = 1e9;
    for (int round = 0; round < 2; ++round) {
      const std::clock_t start = std::clock();
      EXPECT_FALSE(tokenizer->encode(text, {.parse_special = true}).empty());
      best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    return best;
  };
  for (const std::string_view unit : {"a", " ", "\xCC\x81", "\xCC\x81\xCC\xA8", "\xFF", "\xE4\xB8", "\n", "A", "0", "!",
                                      "'", "<|", "a ", " \n", "\xE4\xB8\x80", "<s>"}) {
    const double half = cpu_seconds(unit, 1 << 17);
    const double whole = cpu_seconds(unit, 1 << 18);
    EXPECT_LT(whole, 2.5 * half + 0.1) << "[" << unit << "]";
  }
  for (const std::string_view unit : {"a", " ", "\xCC\x81", "\xFF"}) {
    EXPECT_LT(cpu_seconds(unit, 1 << 20), 10) << "[" << unit << "]";
  }
}
INSTANTIATE_TEST_SUITE_P(All, SlowText, ::testing::Values("bert-bge", "deepseek-coder", "llama-bpe", "llama-spm"),
                         test_name);

}  // namespace
}  // namespace hearth
