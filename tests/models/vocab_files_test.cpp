// Every GGUF vocabulary with known answers: the ids of the reference, text by text.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "data_path.h"
#include "file/model_file.h"
#include "models/vocab_from_metadata.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

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

TEST_P(VocabFile, ShowsTheTextAgain) {
  const auto path = data_path("tokenizer/ggml-vocab/ggml-vocab-" + GetParam() + ".gguf");
  if (const auto why = missing(path)) GTEST_SKIP() << *why;
  if (GetParam() == "bert-bge") GTEST_SKIP() << "this vocabulary folds case and spaces";
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

INSTANTIATE_TEST_SUITE_P(All, VocabFile,
                         ::testing::Values("bert-bge", "deepseek-coder", "gpt-2", "llama-bpe", "llama-spm", "mpt",
                                           "phi-3", "qwen2", "starcoder"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hearth
