// Formats that come again are not compiled again, within bounds, and never across principals.
#include <gtest/gtest.h>

#include <array>

#include "engine/fake/byte_vocabulary.h"
#include "generate/constraint_mask.h"

namespace hearth::generate {
namespace {

OutputFormat choices(std::vector<std::string> texts) {
  return {.kind = OutputFormat::Kind::kChoices, .source = {}, .choices = std::move(texts)};
}

/// The only token that may come first.
Token first_of(FormatMasks& masks, const OutputFormat& format, const AnswerBounds& bounds) {
  const auto made = masks.make(format, bounds);
  EXPECT_TRUE(made) << made.error().message;
  const auto allowed = *made->masks.at(0)->allowed(0);
  for (std::size_t i = 0; i < allowed.size() * 32; ++i)
    if (allowed[i / 32] >> (i % 32) & 1) return static_cast<Token>(i);
  return -1;
}

TEST(FormatMasks, KeepWhatComesAgain) {
  const fake::ByteVocabulary vocabulary;
  FormatMasks masks(vocabulary);
  const AnswerBounds ann = {.max_tokens = 10, .n = 1, .principal = "ann"};
  EXPECT_EQ(first_of(masks, choices({"yes"}), ann), 'y');
  EXPECT_EQ(first_of(masks, choices({"yes"}), ann), 'y');
  EXPECT_EQ(masks.n_kept(), 1u);
  EXPECT_EQ(first_of(masks, choices({"no"}), ann), 'n');
  EXPECT_EQ(first_of(masks, choices({"n", "o"}), ann), 'n') << "another list with the same letters";
  EXPECT_EQ(masks.n_kept(), 3u);
  EXPECT_EQ(first_of(masks, choices({"yes"}), {.max_tokens = 10, .n = 1, .principal = "bob"}), 'y');
  EXPECT_EQ(masks.n_kept(), 4u) << "what was learned for one serves no other";
  EXPECT_FALSE(masks.make(choices({"yes"}), {.max_tokens = 2, .n = 1, .principal = "ann"})) << "3 tokens are needed";
  EXPECT_EQ(masks.make(choices({"yes"}), {.max_tokens = 3, .n = 4, .principal = "ann"})->masks.size(), 4u);
  for (int i = 0; i < 100; ++i) first_of(masks, choices({"x" + std::to_string(i)}), ann);
  EXPECT_EQ(masks.n_kept(), FormatMasks::kMostKept);
  EXPECT_FALSE(masks.make({.kind = OutputFormat::Kind::kRegex, .source = "(", .choices = {}}, ann));
  EXPECT_EQ(masks.n_kept(), FormatMasks::kMostKept) << "what cannot be compiled is not kept";
}

}  // namespace
}  // namespace hearth::generate
