// `hearth run`: text to the character, streaming, stop strings, interruption, loops.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace hearth::testing {
namespace {

using Json = nlohmann::json;

#define NEED_STORIES() \
  if (const auto why = missing(stories())) GTEST_SKIP() << *why

/// A scripted model: what it says after what.
std::string script(const ScratchFolder& folder, const std::string& after, const std::string& say,
                   const std::string& more = "") {
  const Json reply = {{"after", after}, {"say", say}};
  return folder.write("script.json", R"({"hearth_fake": 1, "replies": [)" + reply.dump() + "]" + more + "}");
}

TEST(RunCommand, GreedyStoryIsRightToTheCharacter) {
  NEED_STORIES();
  const Json expected = Json::parse(read_text(data_path("weights/stories260K/greedy_expected.json")));
  const auto n = std::to_string(expected.at("generated_ids").size());
  const Ran ran = run_hearth({"run", stories(), "", "--greedy", "--max-tokens", n});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, expected.at("text").get<std::string>());
  EXPECT_NE(ran.err.find("tok/s prefill; ttft"), std::string::npos) << ran.err;
  const Ran json = run_hearth({"run", stories(), "", "--temperature", "0", "--max-tokens", n, "--json"});
  EXPECT_EQ(Json::parse(json.out).at("tokens"), expected.at("generated_ids"));
}

TEST(RunCommand, PromptsComeFromArgumentsOrStandardInput) {
  NEED_STORIES();
  const Ran given = run_hearth({"run", stories(), "Once upon a time", "--greedy", "--max-tokens", "20", "--quiet"});
  EXPECT_EQ(given.code, 0) << given.err;
  EXPECT_EQ(given.err, "");
  EXPECT_TRUE(given.out.starts_with(", there was a little girl")) << given.out;
  const Ran piped = run_hearth({"run", stories(), "--greedy", "--max-tokens", "20"}, {.input = "Once upon a time\n"});
  EXPECT_EQ(piped.out, given.out);
}

TEST(RunCommand, SameSeedSameText) {
  NEED_STORIES();
  const std::vector<std::string> words = {"run",          stories(), "The",       "--seed", "5",
                                          "--max-tokens", "30",      "--threads", "1"};
  const Ran first = run_hearth(words);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(run_hearth(words).out, first.out);
  EXPECT_NE(first.err.find("seed 5"), std::string::npos);
  auto other = words;
  other[4] = "6";
  EXPECT_NE(run_hearth(other).out, first.out);
}

TEST(RunCommand, StopStringsAreNotShown) {
  NEED_STORIES();
  const Ran ran = run_hearth({"run", stories(), "", "--greedy", "--stop", " named Lily", "--stop", "zebra"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Once upon a time, there was a little girl");
  EXPECT_NE(ran.err.find("stop_string"), std::string::npos);
}

TEST(RunCommand, EverySamplingFlagIsHeard) {
  const ScratchFolder folder;
  const std::string model = script(folder, "Q", "hello");
  const Ran banned = run_hearth({"run", model, "Q", "--greedy", "--logit-bias", "104=-inf", "--max-tokens", "1"});
  EXPECT_EQ(banned.code, 0) << banned.err;
  EXPECT_NE(banned.out, "h");
  const Ran all = run_hearth({"run",
                              model,
                              "Q",
                              "--max-tokens",
                              "5",
                              "--temperature",
                              "0.1",
                              "--top-k",
                              "5",
                              "--top-p",
                              "0.5",
                              "--min-p",
                              "0.1",
                              "--typical-p",
                              "0.9",
                              "--repetition-penalty",
                              "1.1",
                              "--presence-penalty",
                              "-0.5",
                              "--frequency-penalty",
                              "0.1",
                              "--penalty-window",
                              "-1",
                              "--dry-multiplier",
                              "0.5",
                              "--xtc-probability",
                              "0",
                              "--seed",
                              "3",
                              "--sample-order",
                              "penalties,top_k,temperature"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(all.out, "hello");
  const Ran mirostat = run_hearth({"run", model, "Q", "--mirostat", "2", "--mirostat-tau", "3", "--seed", "1"});
  EXPECT_EQ(mirostat.code, 0) << mirostat.err;
}

TEST(RunCommand, JsonTellsTokensAndLogprobs) {
  const ScratchFolder folder;
  const Ran ran = run_hearth({"run", script(folder, "Q", "hi"), "Q", "--greedy", "--json", "--logprobs", "2"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json.at("text"), "hi");
  EXPECT_EQ(json.at("reason"), "stop");
  EXPECT_EQ(json.at("prompt_tokens"), 2);
  ASSERT_EQ(json.at("logprobs").size(), 2u);
  EXPECT_EQ(json.at("logprobs")[0].at("top").size(), 2u);
  EXPECT_EQ(json.at("logprobs")[0].at("name"), "h");
}

TEST(RunCommand, ALoopContinuesTheText) {
  const ScratchFolder folder;
  const std::string model = folder.write(
      "script.json",
      R"({"hearth_fake": 1, "replies": [{"after": "one", "say": "two"}, {"after": "twothree", "say": "four"}]})");
  const Ran ran = run_hearth({"run", model, "-i", "--greedy"}, {.input = "one\nthree\n"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "two\nfour\n");
}

TEST(RunCommand, CtrlCStopsAndKeepsWhatWasSaid) {
  const ScratchFolder folder;
  const std::string model = script(folder, "Q", std::string(2000, 'x'), R"(, "delay_per_token_ms": 5)");
  const Ran ran = run_hearth({"run", model, "Q", "--greedy"}, {.interrupt_after = 5});
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("xxxxx"));
  EXPECT_LT(ran.out.size(), 2000u);
  EXPECT_NE(ran.err.find("cancelled"), std::string::npos) << ran.err;
}

TEST(RunCommand, ErrorsOfTheEngineArriveAfterTheText) {
  const ScratchFolder folder;
  const std::string model =
      script(folder, "Q", "0123456789",
             R"(, "failures": [{"call": "evaluate", "number": 4, "message": "the cable is out; plug it in"}])");
  const Ran ran = run_hearth({"run", model, "Q", "--greedy"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "012");
  EXPECT_EQ(ran.err, "hearth: the cable is out; plug it in\n");
}

TEST(RunCommand, TheFakeCanBeTriedWithoutAFile) {
  const Ran ran = run_hearth({"run", "demo", "Hello", "--engine", "fake", "--greedy"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("fake engine"), std::string::npos);
}

TEST(RunCommand, ALogIsWrittenOnRequest) {
  NEED_STORIES();
  const Ran ran = run_hearth({"run", stories(), "Once", "--greedy", "--max-tokens", "2", "--log"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.err.find("native_model.cpp:"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace hearth::testing
