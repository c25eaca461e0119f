// Recorded-style answers of every family, cut at every byte: the same calls, texts and notes.
#include "generate/tools/call_parser.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "data_path.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

const fs::path kStreams = fs::path(HEARTH_SOURCE_DIR) / "tests" / "data" / "tools";

Json read_file(const fs::path& path) {
  std::ifstream file(path);
  return Json::parse(file);
}

std::shared_ptr<const ToolSet> recorded_tools() {
  std::vector<Tool> tools;
  const Json file = read_file(kStreams / "tools.json");
  for (const Json& tool : file["tools"])
    tools.push_back({tool["name"], tool["description"], tool["parameters"].dump()});
  auto made = ToolSet::make(tools);
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

struct Heard {
  std::string text, reasoning;
  std::vector<ToolCall> calls;
  std::vector<std::string> notes;
};

void hear(ShownText shown, Heard& heard) {
  heard.text += shown.answer;
  heard.reasoning += shown.reasoning;
  for (CallPiece& piece : shown.calls) {
    if (piece.withdrawn) {
      ASSERT_EQ(piece.call_idx + 1, heard.calls.size());
      heard.calls.pop_back();
      continue;
    }
    if (piece.call_idx == heard.calls.size()) heard.calls.push_back({piece.id, piece.name, {}});
    ASSERT_EQ(piece.call_idx + 1, heard.calls.size());
    heard.calls.back().arguments += piece.arguments;
  }
  heard.notes.insert(heard.notes.end(), shown.notes.begin(), shown.notes.end());
}

Heard hear_all(const CallParserOptions& options, const std::vector<std::string_view>& pieces) {
  const auto parser = make_call_parser(options);
  Heard heard;
  for (const std::string_view piece : pieces) hear(parser->feed(piece), heard);
  hear(parser->flush(), heard);
  return heard;
}

void expect_same(const Heard& a, const Heard& b, const std::string& where) {
  ASSERT_EQ(a.text, b.text) << where;
  ASSERT_EQ(a.reasoning, b.reasoning) << where;
  ASSERT_EQ(a.notes, b.notes) << where;
  ASSERT_EQ(a.calls.size(), b.calls.size()) << where;
  for (std::size_t i = 0; i < a.calls.size(); ++i) {
    ASSERT_EQ(a.calls[i].name, b.calls[i].name) << where;
    ASSERT_EQ(a.calls[i].id, b.calls[i].id) << where;
    ASSERT_EQ(a.calls[i].arguments, b.calls[i].arguments) << where;
  }
}

void expect_as_recorded(const Heard& heard, const Json& stream, const std::string& where) {
  EXPECT_EQ(heard.text, stream["shown"].get<std::string>()) << where;
  EXPECT_EQ(heard.reasoning, stream.value("reasoning", "")) << where;
  EXPECT_EQ(heard.notes.size(), stream["notes"].get<std::size_t>())
      << where << ": " << ::testing::PrintToString(heard.notes);
  ASSERT_EQ(heard.calls.size(), stream["calls"].size()) << where << ": " << ::testing::PrintToString(heard.notes);
  for (std::size_t i = 0; i < heard.calls.size(); ++i) {
    EXPECT_EQ(heard.calls[i].name, stream["calls"][i]["name"].get<std::string>()) << where;
    EXPECT_EQ(Json::parse(heard.calls[i].arguments, nullptr, false), stream["calls"][i]["arguments"])
        << where << ": " << heard.calls[i].arguments;
    if (stream.contains("ids")) {
      EXPECT_EQ(heard.calls[i].id, stream["ids"][i].get<std::string>()) << where;
    }
  }
}

std::vector<std::string_view> bytes_of(std::string_view text) {
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  return bytes;
}

/// Cut once at every byte, and into single bytes.
void expect_any_cut(const CallParserOptions& options, const std::string& text, const Heard& whole,
                    const std::string& where) {
  const std::string_view all = text;
  for (std::size_t cut = 0; cut < all.size(); ++cut) {
    expect_same(whole, hear_all(options, {all.substr(0, cut), all.substr(cut)}), where);
    if (::testing::Test::HasFatalFailure()) return;
  }
  expect_same(whole, hear_all(options, bytes_of(all)), where + ", byte by byte");
}

TEST(CallParser, RecordedAnswersOfEveryFamilyHoweverTheyAreCut) {
  const auto tools = recorded_tools();
  std::size_t n_streams = 0;
  for (const CallFamily& family : call_families()) {
    const fs::path path = kStreams / (std::string(family.name) + ".json");
    ASSERT_TRUE(fs::exists(path)) << path;
    const Json file = read_file(path);
    for (const Json& stream : file["streams"]) {
      const std::string where = std::string(family.name) + ": " + stream["case"].get<std::string>();
      const std::string text = stream["text"];
      CallParserOptions options{.family = &family, .tools = tools, .telling = CallTelling::kWhole, .taken_ids = {}};
      const Heard whole = hear_all(options, {text});
      expect_as_recorded(whole, stream, where);
      expect_any_cut(options, text, whole, where);
      options.telling = CallTelling::kGrowing;
      const Heard growing = hear_all(options, {text});
      expect_same(growing, hear_all(options, bytes_of(text)), where + " (growing)");
      for (std::size_t n = 0; n < text.size();
           n += 1 + text.size() / 6) {  // cut short anywhere, a call is whole or none
        for (const ToolCall& call : hear_all(options, bytes_of(std::string_view(text).substr(0, n))).calls)
          ASSERT_TRUE(Json::accept(call.arguments)) << where << ", " << n << " bytes: " << call.arguments;
      }
      if (HasFatalFailure()) return;
      ++n_streams;
    }
  }
  EXPECT_GE(n_streams, 200u);
}

TEST(CallParser, ScrapsOfAnswersHoweverTheyAreCut) {
  const char* const asked = std::getenv("HEARTH_TEST_SCRAPS");  // 100000 is the full campaign
  const int n_texts = asked ? std::atoi(asked) : 200;
  const auto tools = recorded_tools();
  std::mt19937 random(7);
  for (const CallFamily& family : call_families()) {
    const Json streams = read_file(kStreams / (std::string(family.name) + ".json"))["streams"];
    const CallParserOptions options{.family = &family, .tools = tools, .telling = CallTelling::kWhole, .taken_ids = {}};
    for (int i = 0; i < n_texts; ++i) {
      std::string text;
      for (auto n = 1 + random() % 6; n-- > 0;) {
        const std::string stream = streams[random() % streams.size()]["text"];
        text += stream.substr(random() % stream.size(), random() % 40);
      }
      const Heard whole = hear_all(options, {text});
      expect_same(whole, hear_all(options, bytes_of(text)), std::string(family.name) + ": " + text);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(CallParser, ArgumentsGrowWhileACallIsHeldToItsFormat) {
  const auto tools = recorded_tools();
  const auto parser = make_call_parser({.family = find_call_family("hermes"),
                                        .tools = tools,
                                        .telling = CallTelling::kGrowing,
                                        .taken_ids = {"call00000"}});
  EXPECT_TRUE(parser->feed("Hm.\n<tool_call>\n{\"name\": \"get_wea").calls.empty());
  ShownText shown = parser->feed("ther\", \"arguments\": {\"ci");
  ASSERT_EQ(shown.calls.size(), 1u);
  EXPECT_EQ(shown.calls[0].name, "get_weather");
  EXPECT_EQ(shown.calls[0].id, "call00001") << "the first is taken";
  EXPECT_EQ(shown.calls[0].arguments, "{\"ci");
  shown = parser->feed("ty\": \"Par");
  ASSERT_EQ(shown.calls.size(), 1u);
  EXPECT_EQ(shown.calls[0].name, "");
  EXPECT_EQ(shown.calls[0].arguments, "ty\": \"Par");
  shown = parser->feed("is\"}}\n</tool_call>");
  ASSERT_EQ(shown.calls.size(), 1u);
  EXPECT_EQ(shown.calls[0].arguments, "is\"}");
}

TEST(CallParser, WithoutToolsEverythingIsText) {
  const auto parser = make_call_parser({.family = find_call_family("hermes"), .tools = {}, .taken_ids = {}});
  EXPECT_EQ(parser->feed("<tool_call>{}").answer, "<tool_call>{}");
}

TEST(CallParser, ALongAnswerThatLooksLikeACallIsReadInLinearSteps) {
  const auto tools = recorded_tools();
  const auto parser = make_call_parser({.family = find_call_family("hermes"), .tools = tools, .taken_ids = {}});
  std::string text = "<tool_call>{\"name\": \"write_file\", \"arguments\": {\"content\": \"";
  text.append(400'000, 'x');
  std::string heard;
  for (std::size_t i = 0; i < text.size(); i += 7) heard += parser->feed(std::string_view(text).substr(i, 7)).answer;
  heard += parser->flush().answer;
  EXPECT_EQ(heard, text);
}

TEST(CallFormat, EveryTemplateSpeaksForItsFamily) {
  const fs::path folder = testing::data_path("templates/templates");
  if (const auto why = testing::missing(folder)) GTEST_SKIP() << *why;
  const std::vector<std::pair<std::string_view, std::string_view>> expected = {
      {"Qwen-Qwen3-0.6B", "hermes"},
      {"Qwen3-Coder", "qwen3-coder"},
      {"Mistral-Small-3.2-24B-Instruct-2506", "mistral"},
      {"mistralai-Mistral-Nemo-Instruct-2407", "mistral-list"},
      {"meta-llama-Llama-3.1-8B-Instruct", "llama-3"},
      {"meta-llama-Llama-3.2-3B-Instruct", "llama-3"},
      {"google-gemma-4-31B-it", "gemma-4"},
      {"openai-gpt-oss-120b", "gpt-oss"},
      {"GLM-4.6", "glm-4.5"},
      {"deepseek-ai-DeepSeek-V3.1", "deepseek-v3.1"},
      {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek-r1"},
      {"deepseek-ai-DeepSeek-V3.2", "deepseek-dsml"},
      {"Kimi-K2-Instruct", "kimi"},
      {"ibm-granite-granite-3.3-2B-Instruct", "granite"},
      {"CohereForAI-c4ai-command-r7b-12-2024-tool_use", "command-r7b"},
      {"CohereForAI-c4ai-command-r-plus-tool_use", "command-r"},
      {"meetkai-functionary-medium-v3.1", "functionary-3.1"},
      {"meetkai-functionary-medium-v3.2", "functionary-3.2"},
      {"fireworks-ai-llama-3-firefunction-v2", "firefunction"},
      {"ort__phi-4-mini", "phi-4"},
      {"Apertus-8B-Instruct", "apertus"},
      {"unsloth-Apriel-1.5", "apriel"},
      {"ByteDance-Seed-OSS", "seed-oss"},
      {"LFM2-8B-A1B", "lfm2"},
      {"LFM2.5-Instruct", "lfm2"},
      {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "hermes"},
      {"google-gemma-2-2b-it", "generic"},
  };
  for (const auto& [file, family] : expected) {
    const std::string source = testing::read_text(folder / (std::string(file) + ".jinja"));
    EXPECT_EQ(choose_call_family(source).family->name, family) << file;
  }
}

}  // namespace
}  // namespace hearth::generate
