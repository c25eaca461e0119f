// What a model's files recommend: as the model's info has it, and as generation_config.json says it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "file/temporary_folder.h"
#include "generate/options.h"

namespace hearth::generate {
namespace {

TEST(Recommendation, OfTheModelWhereItMakesSense) {
  ModelInfo info;
  info.recommended = {{"temperature", 0.6}, {"top_k", 20},     {"top_p", 7},
                      {"min_p", -1},        {"top_k", 1e300},  {"penalty_window", 64.5},
                      {"mirostat", 2},      {"unheard of", 1}, {"repetition_penalty", 1.1}};
  const Recommendation found = model_options(info);
  EXPECT_EQ(found.sampling.temperature, 0.6f);
  EXPECT_EQ(found.sampling.top_k, 20);
  EXPECT_EQ(found.sampling.repetition_penalty, 1.1f);
  EXPECT_FALSE(found.sampling.top_p || found.sampling.min_p || found.sampling.penalty_window);
}

TEST(Recommendation, OfAGenerationConfig) {
  const auto found = parse_generation_config(
      R"({"do_sample": true, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05,
          "eos_token_id": [1, 2], "transformers_version": "4.37.0", "max_new_tokens": 2048})");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->sampling.temperature, 0.7f);
  EXPECT_EQ(found->sampling.top_p, 0.8f);
  EXPECT_EQ(found->sampling.top_k, 20);
  EXPECT_EQ(found->sampling.repetition_penalty, 1.05f);
  EXPECT_EQ(found->max_tokens, 2048u);
  const auto greedy = parse_generation_config(R"({"do_sample": false, "temperature": 0.7})");
  ASSERT_TRUE(greedy);
  EXPECT_EQ(greedy->sampling.temperature, 0.0f);
  EXPECT_FALSE(parse_generation_config("[]"));
  EXPECT_FALSE(parse_generation_config("{"));
  EXPECT_TRUE(parse_generation_config(R"({"temperature": "hot", "top_k": null})"));
}

TEST(Recommendation, OfTheFileBesideTheModel) {
  const testing::TemporaryFolder folder;
  const auto model = folder.path() / "model.gguf", config = folder.path() / "generation_config.json";
  ModelInfo info;
  info.recommended = {{"temperature", 0.6}, {"top_k", 20}};
  EXPECT_EQ(recommended_beside(model, info)->sampling.temperature, 0.6f);
  std::ofstream(config) << R"({"temperature": 0.2})";
  const auto found = recommended_beside(model, info);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->sampling.temperature, 0.2f);
  EXPECT_EQ(found->sampling.top_k, 20);
  std::ofstream(config) << "oops";
  const auto broken = recommended_beside(model, info);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find(config.string()), std::string::npos) << broken.error().message;
}

}  // namespace
}  // namespace hearth::generate
