// The built-in templates against the models' own, and the choice between them.
#include "text/template_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "data_path.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

const Json kTalk = {{"messages",
                     {{{"role", "system"}, {"content", "Be brief."}},
                      {{"role", "user"}, {"content", "Hi"}},
                      {{"role", "assistant"}, {"content", "Hello."}},
                      {{"role", "user"},
                       {"content", {{{"type", "text"}, {"text", "How "}}, {{"type", "text"}, {"text", "are you?"}}}}}}},
                    {"add_generation_prompt", true}};

std::string rendered(std::string_view name, const Json& values, const RenderOptions& options = {}) {
  const auto source = named_template_source(name);
  if (!source) return source.error().message;
  const auto parsed = ChatTemplate::parse(*source);
  if (!parsed) return parsed.error().message;
  const auto segments = parsed->render(values, options);
  return segments ? join_segments(*segments) : segments.error().message;
}

TEST(NamedTemplates, FrameEveryMessage) {
  EXPECT_EQ(rendered("chatml", kTalk),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello."
            "<|im_end|>\n<|im_start|>user\nHow are you?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(rendered("gemma", kTalk),
            "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n"
            "<start_of_turn>user\nHow are you?<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(rendered("llama-2", kTalk),
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] How are you? [/INST]");
  EXPECT_EQ(rendered("qwen", kTalk), rendered("chatml", kTalk));
  EXPECT_NE(rendered("nosuch", kTalk).find("alpaca, chatml"), std::string::npos);
  for (const NamedTemplate& each : named_templates()) {
    const std::string text = rendered(each.name, kTalk);
    EXPECT_FALSE(text.starts_with('\n')) << each.name;
    EXPECT_EQ(text.find("{"), std::string::npos) << each.name << text;
    for (const char* part : {"Be brief.", "Hi", "Hello.", "How are you?"}) {
      EXPECT_NE(text.find(part), std::string::npos) << each.name << text;
    }
  }
}

/// The oracle's cases for which a built-in template gives the text of a model's own.
TEST(NamedTemplates, GiveWhatTheModelsOwnGive) {
  const auto path = testing::data_path("templates/renders_share.json");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const Json oracle = Json::parse(testing::read_text(path));
  struct Pair {
    const char *name, *model;
    std::vector<const char*> cases;
  };
  const std::vector<const char*> all = {"user_only", "system_multi_turn", "no_system_no_gen"};
  const std::vector<Pair> pairs = {
      {"chatml", "Bielik-11B-v3.0-Instruct", {}},
      {"chatml", "ort__qwen3", {"user_only"}},
      {"gemma", "google-gemma-2-2b-it", {"user_only", "no_system_no_gen"}},
      {"gemma", "ort__gemma-3-chat", all},
      {"phi-4", "ort__phi-4-base", all},
      {"llama-3", "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", {}},
      {"phi-3", "microsoft-Phi-3.5-mini-instruct", {}},
  };
  for (const Pair& pair : pairs) {
    const Json& model = oracle["templates"][pair.model];
    RenderOptions options;
    options.tokens = {{"bos_token", model["bos_token"]}, {"eos_token", model["eos_token"]}};
    for (const char* name : pair.cases) {
      EXPECT_EQ(rendered(pair.name, oracle["cases"][name], options),
                model["renders"][name]["output"].get<std::string>())
          << pair.model << " " << name;
    }
  }
}

TEST(NamedTemplates, GiveWhatThePeersCasesExpect) {
  const auto path = testing::data_path("templates/test-chat-template.cases.json");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const Json oracle = Json::parse(testing::read_text(path));
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"chatml", "teknium/OpenHermes-2.5-Mistral-7B"},
      {"llama-3", "Llama-3"},
      {"phi-3", "Phi-3-small"},
      {"phi-4", "phi-4"},
      {"granite", "ibm-granite/granite-3.0-8b-instruct"},
      {"command-r", "CohereForAI/c4ai-command-r-plus"},
      {"glm-4", "ChatGLM4"},
  };
  std::size_t n = 0;
  for (const Json& entry : oracle["cases"]) {
    for (const auto& [name, model] : pairs) {
      if (entry["name"] != model) continue;
      RenderOptions options;
      options.tokens = {{"bos_token", entry["bos_token"]}, {"eos_token", entry["eos_token"]}};
      const Json values = {{"messages", oracle["messages"]},
                           {"add_generation_prompt", oracle["add_generation_prompt"]}};
      std::string got = rendered(name, values, options), expected = entry["python_jinja2_output"];
      EXPECT_EQ(got, expected) << name << " as " << model;
      ++n;
    }
  }
  EXPECT_EQ(n, pairs.size());
}

TEST(ChooseTemplate, TheCallersThenTheModelsThenOneForTheVocabulary) {
  TemplateCandidates candidates;
  const std::set<std::string, std::less<>> tokens = {"<|im_start|>", "<|im_end|>"};
  candidates.has_token = [&](std::string_view name) { return tokens.contains(name); };
  auto chosen = choose_template(candidates);
  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(chosen->source, "built-in chatml");
  EXPECT_EQ(chosen->why, "the model has no template; its vocabulary has <|im_start|> and <|im_end|>");
  candidates.model_source = "model";
  candidates.model_tool_source = "tools";
  EXPECT_EQ(choose_template(candidates)->source, "model");
  candidates.tools = TemplateCandidates::Tools::kSome;
  EXPECT_EQ(choose_template(candidates)->source, "model (tool_use)");
  candidates.given_name = "llama3";
  EXPECT_EQ(choose_template(candidates)->source, "built-in llama3");
  candidates.given_source = "given";
  candidates.given_origin = "a.jinja";
  EXPECT_EQ(choose_template(candidates)->source, "file a.jinja");
  EXPECT_EQ(choose_template({})->source, "built-in plain");
  EXPECT_NE(choose_template({})->why.find("no template"), std::string::npos);
  EXPECT_FALSE(choose_template({.given_name = "nosuch"}).has_value());
  const auto broken = choose_template({.model_source = "{% if"});
  ASSERT_FALSE(broken.has_value());
  EXPECT_TRUE(broken.error().message.starts_with("model: reading the chat template: line 1")) << broken.error().message;
}

}  // namespace
}  // namespace hearth::text
