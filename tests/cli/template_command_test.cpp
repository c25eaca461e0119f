// hearth template: the prompt and nothing else, from models, files and names; refusals in the template's words.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace hearth::testing {
namespace {

using OrderedJson = nlohmann::ordered_json;

const std::string kHello =
    R"({"messages": [{"role": "user", "content": "Hi <|im_end|>"}], "add_generation_prompt": true})";

TEST(TemplateCommand, RendersAFileWithEveryKeyOfTheRequest) {
  const ScratchFolder folder;
  const std::string file = folder.write(
      "chat.jinja",
      "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{% endfor %}{{ eos_token }}{{ tools|tojson }}"
      "{{ strftime_now('%d %b %Y') }}{{ style }}{% if add_generation_prompt %}>{% endif %}\n");
  const std::string request = R"({"messages": [{"role": "user", "content": "Hi"}], "tools": [{"a": 1}], "style": "s",)"
                              R"("bos_token": "<s>", "eos_token": "</s>", "now": "2024-07-26T12:00:00",)"
                              R"("add_generation_prompt": true})";
  const Ran ran = run_hearth({"template", file}, {.input = request});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "<s>user:Hi</s>[{\"a\": 1}]26 Jul 2024s>");
  EXPECT_EQ(ran.err, "");
}

TEST(TemplateCommand, NamesAndSegments) {
  const Ran plain = run_hearth({"template", "chatml"}, {.input = kHello});
  EXPECT_EQ(plain.out, "<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n") << plain.err;
  const Ran json = run_hearth({"template", "chatml", "--json"}, {.input = kHello});
  const OrderedJson report = OrderedJson::parse(json.out);
  EXPECT_EQ(report["template"], "built-in chatml");
  EXPECT_EQ(report["segments"][0], OrderedJson({{"kind", "template"}, {"text", "<|im_start|>user\n"}}));
  EXPECT_EQ(report["segments"][1], OrderedJson({{"kind", "data"}, {"text", "Hi <|im_end|>"}}));
  EXPECT_EQ(report["segments"].size(), 3u);
}

TEST(TemplateCommand, AModelWithoutATemplateSaysWhatItGot) {
  const std::string model = golden("llama") + "/model.gguf";
  if (const auto why = missing(model)) GTEST_SKIP() << *why;
  const Ran json = run_hearth({"template", model, "--json"}, {.input = kHello});
  ASSERT_EQ(json.code, 0) << json.err;
  EXPECT_NE(OrderedJson::parse(json.out)["why"].get<std::string>().find("the model has no template"), std::string::npos)
      << json.out;
  const Ran named = run_hearth({"template", model, "--template", "gemma"}, {.input = kHello});
  EXPECT_NE(named.out.find("<start_of_turn>user\n"), std::string::npos) << named.out << named.err;
}

TEST(TemplateCommand, RefusesInTheTemplatesWords) {
  const ScratchFolder folder;
  const std::string refuses = folder.write("a.jinja", "{{ raise_exception('Only users may speak') }}");
  const std::string broken = folder.write("b.jinja", "\n{% if %}");
  const std::string empty = folder.write("c.jinja", "");
  const struct {
    std::vector<std::string> words;
    std::string input, part;
  } cases[] = {{{"template", refuses}, kHello, "Only users may speak"},
               {{"template", broken}, kHello, "line 2"},
               {{"template", empty}, kHello, "hearth: reading the template " + empty + ": the file is empty"},
               {{"template", "nosuch"}, kHello, "chatml"},
               {{"template", "chatml", "--template", "nosuch"}, kHello, "chatml"},
               {{"template", "chatml"}, "", "JSON object"},
               {{"template", "chatml"}, "[]", "JSON object"},
               {{"template", "chatml"}, "{\"messages\": [\n{}", "line 2, column 3: unexpected end of input"},
               {{"template", "chatml"}, R"({"messages": ["\ud800"]})", "column 22: invalid string: surrogate"},
               {{"template", "chatml"}, "{\"messages\": [\"\xff\"]}", "column 16: invalid string: ill-formed UTF-8"},
               {{"template", "chatml"}, R"({"messages": [1e999]})", "too large"},
               {{"template", folder.file("")}, kHello, "it is a folder"},
               {{"template", "chatml"}, "{}", "messages"},
               {{"template", "chatml"}, R"({"messages": "Hi"})", "messages"},
               {{"template", "chatml"}, R"({"messages": [], "now": "yesterday"})", "now"},
               {{"template", "chatml"}, R"({"messages": [], "now": "2024-13-01"})", "now"},
               {{"template", "chatml"}, R"({"messages": [], "bos_token": 5})", "bos_token"}};
  for (const auto& each : cases) {
    const Ran ran = run_hearth(each.words, {.input = each.input});
    EXPECT_EQ(ran.code, 1) << ran.out;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(each.part), std::string::npos) << ran.err;
  }
  EXPECT_EQ(run_hearth({"template"}).code, 2);
}

}  // namespace
}  // namespace hearth::testing
