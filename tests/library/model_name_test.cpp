// Names: what people type is understood, what attackers type is refused, and the catalogue is what it says.
#include "library/names/model_name.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "data_path.h"
#include "library/names/catalogue.h"

namespace hearth::library {
namespace {

template <typename Kind>
Kind parsed(std::string_view text) {
  auto name = parse_model_name(text);
  if (!name) {
    ADD_FAILURE() << text << ": " << name.error().message;
    return {};
  }
  if (!std::holds_alternative<Kind>(*name)) {
    ADD_FAILURE() << text << " is of another kind: " << name->index();
    return {};
  }
  EXPECT_EQ(canonical_name(*parse_model_name(canonical_name(*name))), canonical_name(*name)) << text;
  return std::get<Kind>(*name);
}

TEST(ModelNames, OfTheCatalogue) {
  EXPECT_EQ(parsed<CatalogueName>("Llama3.2:3B").name, "llama3.2");
  EXPECT_EQ(parsed<CatalogueName>("Llama3.2:3B").tag, "3b");
  EXPECT_EQ(parsed<CatalogueName>("qwen2.5-1.5b-instruct:q4_k_m").tag, "q4_k_m");
  EXPECT_EQ(parsed<CatalogueName>("smollm2").tag, "");
}

TEST(ModelNames, OfTheHub) {
  const auto plain = parsed<HubName>("hf:owner/Repo-1.5B_x");
  EXPECT_EQ(plain.repository(), "owner/Repo-1.5B_x");
  EXPECT_EQ(plain.file + plain.quant + plain.revision, "");
  EXPECT_EQ(parsed<HubName>("hf:o/r:Q4_K_M@main").quant, "Q4_K_M");
  EXPECT_EQ(parsed<HubName>("HF:o/r:iq3_xxs").quant, "iq3_xxs");
  EXPECT_EQ(parsed<HubName>("hf:o/r:UD-Q4_K_XL").quant, "UD-Q4_K_XL");
  EXPECT_EQ(parsed<HubName>("hf:o/r:BF16/model-00001-of-00002.gguf").file, "BF16/model-00001-of-00002.gguf");
  EXPECT_EQ(parsed<HubName>("hf:o/r@refs/pr/3").revision, "refs/pr/3");
}

TEST(ModelNames, OfTheWebAndOfFiles) {
  EXPECT_EQ(parsed<UrlName>("https://example.org/m.gguf").sha256, "");
  const std::string digest(64, 'A');
  EXPECT_EQ(parsed<UrlName>("https://example.org/m.gguf#sha256=" + digest).sha256, std::string(64, 'a'));
  for (const char* path : {"/models/x", "./x", "../x", "~/x", "model.gguf", "a/b", "folder\\x", ".", "x.safetensors"})
    EXPECT_EQ(parsed<PathName>(path).path, path);
}

TEST(ModelNames, HostileOnesAreRefusedInOnePlainSentence) {
  const std::vector<std::string> hostile = {
      "",
      "hf:",
      "hf:owner",
      "hf:/repo",
      "hf:owner/",
      "hf:../repo",
      "hf:owner/..",
      "hf:owner/repo/more",
      "hf:owner/repo:../../etc/passwd",
      "hf:owner/repo:/etc/passwd",
      "hf:owner/repo:a//b",
      "hf:owner/repo:.hidden",
      "hf:owner/repo:a/../b",
      "hf:owner/repo:a\\b",
      "hf:owner/repo:x.",
      "hf:owner/repo:",
      "hf:owner/repo@",
      "hf:owner/repo@../main",
      "hf:owner/re po",
      "hf:owner/repo%2e%2e",
      "ftp://host/x",
      "file:///etc/passwd",
      "https://",
      "https:///x",
      "https://user:secret@host/x",
      "https://host/x#y",
      "https://host/a b",
      "https://host\\@evil/x",
      "-rf",
      "--help:x",
      "a:b:c",
      "name:",
      ":tag",
      "name..x",
      "name.",
      "C:",
      std::string("nul\0byte", 8),
      "caf\xC3\xA9",
      "\xE2\x80\xAEnames",
      "over\xC0\xAElong",
      "tab\tname",
      "line\nname",
      "\x1b[31mred",
      std::string(4096, 'a'),
      "hf:" + std::string(4096, 'a') + "/b",
      "a" + std::string(200, 'b') + ":c",
  };
  for (const std::string& text : hostile) {
    const auto name = parse_model_name(text);
    EXPECT_FALSE(name) << text;
    if (name) continue;
    EXPECT_EQ(name.error().code, ErrorCode::kInvalidArgument);
    EXPECT_LT(name.error().message.size(), 700u);
    for (const char c : name.error().message) EXPECT_TRUE(c >= ' ' && c < 0x7f) << text;
  }
}

TEST(ModelNames, RandomOnesNeverClimb) {
  std::mt19937 random(1);
  const std::vector<std::string> parts = {"..", "/",  "\\", "hf:", "https://", ":", "@", "%2e%2e", "%00",  "~",
                                          "a",  "Q4", ".",  "-",   "CON",      " ", "#", "?",      "\xff", "e\xCC\x81"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text = i % 3 == 0 ? "hf:o/r" : "";
    for (unsigned n = random() % 8; n > 0; --n) text += parts[random() % parts.size()];
    const auto name = parse_model_name(text);
    if (!name) continue;
    std::string shown;
    if (const auto* own = std::get_if<CatalogueName>(&*name)) shown = own->name + own->tag;
    if (const auto* hub = std::get_if<HubName>(&*name)) shown = hub->owner + hub->repo + hub->file + hub->revision;
    EXPECT_EQ(shown.find(".."), std::string::npos) << text;
    EXPECT_EQ(shown.find('\\'), std::string::npos) << text;
  }
}

TEST(CatalogueFile, EveryNameLeadsToItsModel) {
  const auto catalogue = Catalogue::built_in();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_GE(catalogue->models().size(), 35u);
  for (const CatalogueModel& model : catalogue->models()) {
    const auto found = catalogue->find({model.family, model.size});
    ASSERT_TRUE(found) << model.name();
    EXPECT_EQ(found->model, &model) << model.name();
    const auto quant = catalogue->find({model.family, model.size + "-q4_k_m"});
    ASSERT_TRUE(quant);
    EXPECT_EQ(quant->quant, "Q4_K_M");
    for (const std::string& alias : model.aliases) {
      const auto by_alias = catalogue->find({alias, "q8_0"});
      ASSERT_TRUE(by_alias) << alias;
      EXPECT_EQ(by_alias->model, &model) << alias;
    }
    ASSERT_TRUE(catalogue->find({model.family, ""})) << model.family;
    ASSERT_NE(model.source("gguf"), nullptr) << model.name();
    EXPECT_EQ(model.source("gguf")->engine(), "native");
    EXPECT_FALSE(model.licence.empty() || model.uses.empty() || model.languages.empty()) << model.name();
    ASSERT_TRUE(model.shape) << model.name();
    // The text part of the parameters follows from the shape; only models that see have more.
    const CatalogueShape& s = *model.shape;
    const double layer =
        2.0 * s.dim * s.heads * s.head_dim + 2.0 * s.dim * s.kv_heads * s.head_dim + 3.0 * s.dim * s.ffn;
    const double n = s.layers * layer + static_cast<double>(s.vocab) * s.dim * (s.tied ? 1 : 2);
    const bool sees = std::ranges::find(model.uses, "vision") != model.uses.end();
    EXPECT_NEAR(n / static_cast<double>(model.n_parameters), 1.0, sees ? 0.35 : 0.03) << model.name();
  }
  const auto near = catalogue->find({"llama3.2", "7b"});
  ASSERT_FALSE(near);
  EXPECT_NE(near.error().message.find("llama3.2:3b"), std::string::npos) << near.error().message;
}

TEST(CatalogueFile, ANearMissNamesWhatWasMeant) {
  const auto catalogue = Catalogue::built_in();
  ASSERT_TRUE(catalogue);
  for (const auto& [typed, meant] :
       std::vector<std::pair<std::string, std::string>>{{"lama3.2", "llama3.2"},
                                                        {"llama32", "llama3.2"},
                                                        {"llama-3.2:3b", "llama3.2:3b"},
                                                        {"qwen2.5:q4km", "qwen2.5:q4_k_m"},
                                                        {"qwen2.5:7b-q4-k-m", "qwen2.5:7b-q4_k_m"},
                                                        {"llama3.2:3b-q8", "llama3.2:3b-q8_0"},
                                                        {"llama-3.2-3b-instuct", "llama-3.2-3b-instruct"},
                                                        {"mistrla", "mistral"}}) {
    const auto missed = catalogue->find(*parse_own_name(typed));
    ASSERT_FALSE(missed) << typed;
    EXPECT_EQ(missed.error().code, ErrorCode::kFileNotFound);
    EXPECT_NE(missed.error().message.find("(did you mean " + meant + "?)"), std::string::npos)
        << missed.error().message;
    EXPECT_TRUE(catalogue->find(*parse_own_name(meant))) << meant;
  }
  for (const char* typed : {"xyzzy", "llama3.2:7b", "a"}) {
    const auto missed = catalogue->find(*parse_own_name(typed));
    ASSERT_FALSE(missed) << typed;
    EXPECT_EQ(missed.error().message.find("did you mean"), std::string::npos) << missed.error().message;
  }
  for (const std::string& name : catalogue->spellings()) EXPECT_TRUE(catalogue->find(*parse_own_name(name))) << name;
}

TEST(CatalogueFile, OfAUserExtendsAndReplaces) {
  auto catalogue = Catalogue::built_in();
  ASSERT_TRUE(catalogue);
  const std::size_t before = catalogue->models().size();
  const std::string mine = R"({"hearth_catalogue": 1, "families": [{"name": "llama3.2", "licence": "x", "models": [
    {"size": "3b", "sources": [{"repo": "me/mine", "format": "gguf"}]},
    {"size": "9b", "sources": [{"repo": "me/nine", "format": "gguf"}]}]}]})";
  ASSERT_TRUE(catalogue->extend(mine, "mine.json"));
  EXPECT_EQ(catalogue->models().size(), before + 1);
  EXPECT_EQ(catalogue->find({"llama3.2", "3b"})->model->sources[0].repo, "me/mine");
  std::string only = mine;
  only.insert(1, "\"replace\": true, ");
  ASSERT_TRUE(catalogue->extend(only, "mine.json"));
  EXPECT_EQ(catalogue->models().size(), 2u);
}

TEST(CatalogueFile, IsRefusedWithThePlaceOfTheFault) {
  const auto refused = [](const std::string& json, const std::string& part) {
    const auto catalogue = Catalogue::parse(json, "x.json");
    ASSERT_FALSE(catalogue) << json;
    EXPECT_NE(catalogue.error().message.find(part), std::string::npos) << catalogue.error().message;
  };
  const auto family = [](const std::string& body) {
    return R"({"hearth_catalogue": 1, "families": [{"name": "f", )" + body + "}]}";
  };
  refused("", "JSON");
  refused("[]", "JSON");
  refused(std::string(100'000, '['), "JSON");
  refused("{}", "hearth_catalogue");
  refused(R"({"hearth_catalogue": 2})", "must be 1");
  refused(R"({"hearth_catalogue": 1, "families": [], "x": 1})", "x is not a key");
  refused(family(R"("models": [])"), "at least one model");
  refused(family(R"("models": [{"size": "1b"}])"), "sources");
  refused(family(R"("models": [{"size": "../1b", "sources": [{"repo": "a/b", "format": "gguf"}]}])"), "size");
  refused(family(R"("models": [{"size": "1b", "sources": [{"repo": "a/../b", "format": "gguf"}]}])"), "repo");
  refused(family(R"("models": [{"size": "1b", "sources": [{"repo": "a/b", "format": "exe"}]}])"), "format");
  refused(family(R"("default": "2b", "models": [{"size": "1b", "sources": [{"repo": "a/b", "format": "gguf"}]}])"),
          "default");
}

}  // namespace
}  // namespace hearth::library
