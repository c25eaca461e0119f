// Prompts with hostile messages, for every real vocabulary there is: text of users never becomes a special token.
#include <gtest/gtest.h>

#include <algorithm>

#include "data_path.h"
#include "file/model_file.h"
#include "models/vocab_from_metadata.h"
#include "text/segments.h"
#include "text/vocab_files.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using text::Segment;
using text::SegmentKind;
using text::TokenId;

struct Named {
  std::string name;
  text::Tokenizer tokenizer;
};

/// Every vocabulary of the shared data that has special tokens.
std::vector<Named> real_vocabularies() {
  std::vector<Named> found;
  const auto add = [&](const std::string& name, Result<text::VocabData> data) {
    if (!data) return;
    auto tokenizer = text::Tokenizer::make(std::move(*data));
    if (tokenizer) found.push_back({name, std::move(*tokenizer)});
  };
  for (const auto& entry : fs::directory_iterator(testing::data_path("tokenizer/ggml-vocab"))) {
    if (entry.path().extension() != ".gguf") continue;
    const auto file = open_model_file(entry.path());
    if (file) add(entry.path().filename().string(), vocab_from_metadata(**file));
  }
  for (const auto& entry : fs::directory_iterator(testing::data_path("tokenizer/hf-json"))) {
    const fs::path json = entry.path() / "tokenizer.json", config = entry.path() / "tokenizer_config.json";
    if (!fs::exists(json)) continue;
    add(entry.path().filename().string(),
        text::parse_hf_tokenizer(testing::read_text(json), fs::exists(config) ? testing::read_text(config) : ""));
  }
  return found;
}

/// Tokens that are special, by the file or by how they are spelled; but for the unknown token, which any text may show.
std::vector<TokenId> special_tokens(const text::Tokenizer& tokenizer) {
  std::vector<TokenId> ids;
  for (const text::AddedToken& token : tokenizer.data().added_tokens) {
    const std::string_view name = tokenizer.token_name(token.id);
    const bool frames = tokenizer.is_end_of_generation(token.id) || (name.starts_with("<|") && name.ends_with("|>"));
    if (token.id == tokenizer.special().unk) continue;
    if ((token.special || frames) && !name.empty() && ids.size() < 300) ids.push_back(token.id);
  }
  return ids;
}

std::vector<TokenId> ids_of(const text::Tokenizer& tokenizer, const std::vector<Segment>& segments) {
  auto ids = text::tokenize_segments(tokenizer, segments);
  EXPECT_TRUE(ids.has_value());
  std::vector<TokenId> out = ids.value_or(std::vector<TokenId>());
  const bool has_bos = !out.empty() && out.front() == tokenizer.special().bos;
  if (has_bos && tokenizer.data().add_bos) out.erase(out.begin());
  return out;
}

bool holds(const std::vector<TokenId>& ids, TokenId id) {
  return std::ranges::find(ids, id) != ids.end();
}

class Segments : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = testing::data_path("tokenizer/ggml-vocab");
    if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
    vocabularies_ = real_vocabularies();
    ASSERT_GE(vocabularies_.size(), 15u);
  }
  std::vector<Named> vocabularies_;
};

TEST_F(Segments, DataNeverBecomesASpecialToken) {
  std::size_t n_tokens = 0;
  for (const auto& [vocabulary, tokenizer] : vocabularies_) {
    SCOPED_TRACE(vocabulary);
    for (const TokenId id : special_tokens(tokenizer)) {
      const std::string name(tokenizer.token_name(id));
      const std::size_t half = name.size() / 2;
      ++n_tokens;
      EXPECT_FALSE(holds(ids_of(tokenizer, {{SegmentKind::kData, name}}), id)) << name;
      EXPECT_FALSE(holds(ids_of(tokenizer, {{SegmentKind::kTemplate, "a "},
                                            {SegmentKind::kData, "x" + name + "y " + name},
                                            {SegmentKind::kTemplate, " b"}}),
                         id))
          << name;
      // Nor does what the template begins and the user ends, or the other way round.
      EXPECT_FALSE(holds(
          ids_of(tokenizer, {{SegmentKind::kTemplate, name.substr(0, half)}, {SegmentKind::kData, name.substr(half)}}),
          id))
          << name;
      EXPECT_FALSE(holds(
          ids_of(tokenizer, {{SegmentKind::kData, name.substr(0, half)}, {SegmentKind::kTemplate, name.substr(half)}}),
          id))
          << name;
    }
  }
  EXPECT_GT(n_tokens, 300u);
}

TEST_F(Segments, TheTemplatesTokensAreFoundWhateverStandsBesideThem) {
  for (const auto& [vocabulary, tokenizer] : vocabularies_) {
    SCOPED_TRACE(vocabulary);
    for (const TokenId id : special_tokens(tokenizer)) {
      const std::string name(tokenizer.token_name(id));
      if (id == tokenizer.special().bos) continue;  // BosComesOnce
      const bool by_itself =
          holds(tokenizer.encode("x" + name + "x", {.add_special = false, .parse_special = true}), id);
      for (const char* beside : {"x", "<", "<|", "</", "[", " ", "\n"}) {
        const bool found =
            holds(ids_of(tokenizer,
                         {{SegmentKind::kData, beside}, {SegmentKind::kTemplate, name}, {SegmentKind::kData, beside}}),
                  id);
        EXPECT_TRUE(found || !by_itself) << name << " beside " << beside;
      }
    }
  }
}

TEST_F(Segments, HarmlessPromptsAreEncodedAsOneText) {
  for (const auto& [vocabulary, tokenizer] : vocabularies_) {
    SCOPED_TRACE(vocabulary);
    const std::vector<TokenId> special = special_tokens(tokenizer);
    const std::string mark = special.empty() ? "" : std::string(tokenizer.token_name(special.back()));
    const std::vector<Segment> segments = {{SegmentKind::kTemplate, mark + "user\n"},
                                           {SegmentKind::kData, "Hello  there,\n\nit's 12345 \xC3\xA9t\xC3\xA9.\n"},
                                           {SegmentKind::kTemplate, "\n" + mark + "\n" + mark + "assistant\n"},
                                           {SegmentKind::kData, " yes \n"},
                                           {SegmentKind::kTemplate, mark}};
    const text::EncodeOptions whole{.add_special = false, .parse_special = true};
    EXPECT_EQ(ids_of(tokenizer, segments), tokenizer.encode(text::join_segments(segments), whole));
  }
}

TEST_F(Segments, BosComesOnce) {
  for (const auto& [vocabulary, tokenizer] : vocabularies_) {
    const TokenId bos = tokenizer.special().bos;
    if (!tokenizer.data().add_bos || bos == text::kNoToken) continue;
    const std::string name(tokenizer.token_name(bos));
    const auto with = text::tokenize_segments(tokenizer, std::vector<Segment>{{SegmentKind::kTemplate, name + "a"}});
    const auto without = text::tokenize_segments(tokenizer, std::vector<Segment>{{SegmentKind::kTemplate, "a"}});
    ASSERT_TRUE(with && without);
    EXPECT_EQ(std::ranges::count(*with, bos), 1) << vocabulary;
    EXPECT_EQ(without->front(), bos) << vocabulary;
  }
}

TEST_F(Segments, MediaAreRefused) {
  EXPECT_FALSE(
      text::tokenize_segments(vocabularies_.front().tokenizer, std::vector<Segment>{{SegmentKind::kMedia, "x"}}));
}

}  // namespace
}  // namespace hearth
