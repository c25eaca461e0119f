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

TEST(RunCommand, AfterTwoDashesNoWordIsAFlag) {
  const ScratchFolder folder;
  const Ran ran = run_hearth({"run", script(folder, "-x hello", "hi"), "--greedy", "--", "-x hello"});
  EXPECT_EQ(ran.out, "hi") << ran.err;
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
  EXPECT_EQ(json.at("receipt").at("prompt").at("tokens"), 2);
  ASSERT_EQ(json.at("logprobs").size(), 3u);  // the end too
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

TEST(RunCommand, AFormHoldsTheAnswer) {
  const ScratchFolder folder;
  const std::string model = script(folder, "Q", "perhaps");
  const std::string schema =
      folder.write("person.json", R"({"type": "object", "properties": {"name": {"enum": ["Ann", "Bob"]}},
                                      "required": ["name"], "additionalProperties": false})");
  const Ran held = run_hearth({"run", model, "Q", "--greedy", "--schema", schema, "--quiet"});
  ASSERT_EQ(held.code, 0) << held.err;
  const std::string name = Json::parse(held.out).at("name");
  EXPECT_TRUE(name == "Ann" || name == "Bob") << held.out;
  EXPECT_EQ(run_hearth({"run", model, "Q", "--greedy", "--choice", "no", "--choice", "never"}).out.substr(0, 1), "n");
  EXPECT_EQ(run_hearth({"run", model, "Q", "--greedy", "--regex", "per[f]ect"}).out, "perfect");
  const std::string grammar = folder.write("pet.gbnf", "root ::= \"c\" \"at\"");
  EXPECT_EQ(run_hearth({"run", model, "Q", "--greedy", "--grammar", grammar}).out, "cat");
  const Ran object = run_hearth({"run", model, "Q", "--greedy", "--json-mode", "--max-tokens", "40"});
  EXPECT_TRUE(Json::parse(object.out).is_object()) << object.out << object.err;
  const Ran torn = run_hearth({"run", model, "Q", "--choice", "a", "--choice", "\xff"});
  EXPECT_EQ(torn.code, 1);
  EXPECT_NE(torn.err.find("choice 2 is not valid UTF-8"), std::string::npos) << torn.err;
  const Ran both = run_hearth({"run", model, "Q", "--json-mode", "--grammar", grammar});
  EXPECT_EQ(both.code, 2);
  EXPECT_NE(both.err.find("exclude each other"), std::string::npos) << both.err;
  const Ran unknown = run_hearth({"run", model, "Q", "--schema", folder.write("n.json", R"({"not": {}})")});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_NE(unknown.err.find("not"), std::string::npos) << unknown.err;
}

TEST(RunCommand, AReceiptTellsWhatHappened) {
  const ScratchFolder folder;
  const std::string model = script(folder, "Q", "hi");
  const Ran ran = run_hearth({"run", model, "Q", "--greedy", "--receipt", "--quiet"});
  EXPECT_EQ(ran.out, "hi");
  const Json receipt = Json::parse(ran.err);
  EXPECT_EQ(receipt.at("engine"), "fake");
  EXPECT_EQ(receipt.at("options").at("temperature").at("source"), "caller");
  EXPECT_EQ(receipt.at("template"), "none: the text as it stands");
  const Ran whole = run_hearth({"run", model, "Q", "--greedy", "--json"});
  EXPECT_EQ(Json::parse(whole.out).at("receipt").at("completion_tokens"), 3);  // and the end
}

/// A model that calls a tool in the form of the hermes family, and answers when it has the result.
std::vector<std::string> asking(const ScratchFolder& folder, const std::string& tool) {
  const std::string chat_template = folder.write("template.jinja", kToolTemplate);
  const std::string model = folder.write("caller.json", R"({"hearth_fake": 1, "replies": [
      {"after": "12 degrees;assistant:", "say": "It is mild."},
      {"after": "", "say": "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>"}]})");
  return {"run", model, "Is it cold in Oslo?", "--greedy", "--template", chat_template, "--tool", tool};
}

std::vector<std::string> with(std::vector<std::string> words, std::initializer_list<std::string> more) {
  words.insert(words.end(), more);
  return words;
}

constexpr const char* kWeather =
    R"({"type": "function", "function": {"name": "weather", "description": "How warm it is.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}})";

TEST(RunCommand, CallsOfToolsAreTheAnswer) {
  const ScratchFolder folder;
  const std::string tool = folder.write("weather.json", std::string(kWeather) + "}");
  const Ran ran = run_hearth(asking(folder, tool));
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "{\"name\":\"weather\",\"arguments\":{\"city\":\"Oslo\"}}\n");
  const Ran json = run_hearth(with(asking(folder, tool), {"--json"}));
  EXPECT_EQ(Json::parse(json.out).at("tool_calls")[0].at("arguments").at("city"), "Oslo");
  EXPECT_EQ(Json::parse(json.out).at("reason"), "tool_calls");
}

TEST(RunCommand, ACommandAnswersCalls) {
  const ScratchFolder folder;
  const std::string heard = folder.file("heard");
  const auto with_command = [&](const Json& command) {
    return folder.write("weather.json", std::string(kWeather) + R"(, "command": )" + command.dump() + "}");
  };
  const std::string tool = with_command({"sh", "-c", "cat > " + heard + "; echo 12 degrees"});
  const Ran ran = run_hearth(asking(folder, tool));
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "It is mild.");
  EXPECT_EQ(Json::parse(read_text(heard)).at("city"), "Oslo");
  EXPECT_NE(ran.err.find("weather({\"city\": \"Oslo\"}) -> 12 degrees"), std::string::npos) << ran.err;

  const std::string failing = with_command({"sh", "-c", "echo no idea; exit 3"});
  const Ran failed = run_hearth(with(asking(folder, failing), {"--json", "--max-steps", "2"}));
  const Json result = Json::parse(failed.out).at("tool_results").at(0);
  EXPECT_EQ(result.at("failed"), true);
  EXPECT_EQ(result.at("text"), "error: sh failed with exit code 3: no idea");
  EXPECT_NE(failed.err.find("limit of 2 steps"), std::string::npos) << failed.err;

  const Ran quiet = run_hearth(with(asking(folder, failing), {"--quiet", "--max-steps", "1"}));
  EXPECT_EQ(quiet.out, "");
  EXPECT_NE(quiet.err.find("limit of 1 steps"), std::string::npos) << quiet.err;

  const Ran absent = run_hearth(with(asking(folder, with_command({"./nowhere"})), {"--json", "--max-steps", "2"}));
  EXPECT_NE(absent.out.find("starting ./nowhere: No such file"), std::string::npos) << absent.out;
  const Ran wrong = run_hearth(asking(folder, with_command("ls")));
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("expected a list of texts"), std::string::npos) << wrong.err;
}

TEST(RunCommand, WhatWasReadIsThereAtTheNextStart) {
  NEED_STORIES();
  const ScratchFolder folder;
  const std::vector<std::string> words = {"run",
                                          stories(),
                                          "Once upon a time there was a little cat who",
                                          "--greedy",
                                          "--max-tokens",
                                          "8",
                                          "--json",
                                          "--reuse",
                                          "--cache",
                                          folder.file("cache")};
  const Json first = Json::parse(run_hearth(words).out), second = Json::parse(run_hearth(words).out);
  EXPECT_EQ(first.at("receipt").at("prompt").at("restored"), 0);
  EXPECT_GT(second.at("receipt").at("prompt").at("restored"), 5);
  EXPECT_EQ(second.at("text"), first.at("text"));
  const Ran off = run_hearth({"run", stories(), "Once", "--reuse", "--cache", "off"});
  EXPECT_EQ(off.code, 2);
  EXPECT_NE(off.err.find("--cache"), std::string::npos) << off.err;
}

TEST(RunCommand, GuessesChangeNothing) {
  NEED_STORIES();
  std::vector<std::string> words = {"run", stories(), "Once", "--greedy", "--max-tokens", "60", "--json"};
  const Json plain = Json::parse(run_hearth(words).out);
  EXPECT_TRUE(plain.at("receipt").at("speculation").at("how").get<std::string>().starts_with("off"));
  words.insert(words.end(), {"--draft", stories()});
  const Json guessed = Json::parse(run_hearth(words).out);
  EXPECT_EQ(guessed.at("tokens"), plain.at("tokens"));
  EXPECT_TRUE(guessed.at("receipt").at("speculation").at("how").get<std::string>().starts_with("draft"));
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
