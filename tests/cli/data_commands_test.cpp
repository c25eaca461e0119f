// The commands that a program would read: logits, tokenize, detokenize, inspect, quantize, perplexity, engines, doctor.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace hearth::testing {
namespace {

using Json = nlohmann::json;

#define NEED(path) \
  if (const auto why = missing(path)) GTEST_SKIP() << *why

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

TEST(LogitsCommand, MatchesTheGoldenModel) {
  const std::string model = golden("llama");
  NEED(model);
  const ScratchFolder folder;
  const std::string out = folder.file("out.f32"), layers = folder.file("layers.f32");
  const Ran ran =
      run_hearth({"logits", model + "/model.gguf", "--tokens", model + "/tokens.json", "--out", out, "--ctx", "256",
                  "--kv", "f32", "--threads", "2", "--ubatch", "16", "--dump-layers", layers, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out), Json({{"n_rows", 48}, {"n_out", 512}, {"output", "logits"}}));
  EXPECT_LE(largest_difference(read_values<float>(out), read_values<float>(model + "/logits.f32")), 1e-3f);
  EXPECT_LE(largest_difference(read_values<float>(layers), read_values<float>(model + "/l_out.f32")), 1e-3f);
}

TEST(LogitsCommand, BitsDoNotDependOnThreadsOrSplitting) {
  const std::string model = golden("llama");
  NEED(model);
  const ScratchFolder folder;
  std::string first;
  for (const std::vector<std::string>& extra : std::vector<std::vector<std::string>>{
           {"--threads", "1"}, {"--threads", "3", "--ubatch", "1"}, {"--ubatch", "7", "--isa", "scalar"}}) {
    const std::string out = folder.file("out.f32");
    std::vector<std::string> words = {"logits", model + "/model.gguf", "--tokens", model + "/tokens.json", "--out",
                                      out};
    words.insert(words.end(), extra.begin(), extra.end());
    const Ran ran = run_hearth(words);
    ASSERT_EQ(ran.code, 0) << ran.err;
    if (first.empty()) first = read_text(out);
    EXPECT_EQ(read_text(out), first);
  }
}

TEST(LogitsCommand, LastIsTheLastRow) {
  const std::string model = golden("llama");
  NEED(model);
  const ScratchFolder folder;
  const std::string all = folder.file("all.f32"), last = folder.file("last.f32");
  const std::vector<std::string> words = {"logits", model + "/model.gguf", "--tokens", model + "/tokens.json", "--out"};
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> asked = words;
    asked.insert(asked.end(), more.begin(), more.end());
    return run_hearth(asked);
  };
  ASSERT_EQ(run({all}).code, 0);
  const Ran ran = run({last, "--last", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out).at("n_rows"), 1);
  EXPECT_TRUE(read_text(all).ends_with(read_text(last)));
  EXPECT_EQ(read_text(last).size(), 512 * sizeof(float));
}

TEST(LogitsCommand, TakesAPlainList) {
  const ScratchFolder folder;
  const std::string script = folder.write("model.json", R"({"hearth_fake": 1})");
  const std::string tokens = folder.write("tokens.json", "[72, 105]");
  const std::string out = folder.file("out.f32");
  const Ran ran = run_hearth({"logits", script, "--tokens", tokens, "--out", out});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(read_values<float>(out).size(), 2u * 259u);
}

TEST(LogitsCommand, EmbeddingModelsGiveHiddenStates) {
  const ScratchFolder folder;
  const std::string script = folder.write("model.json", R"({"hearth_fake": 1, "kind": "encoder"})");
  const std::string tokens = folder.write("tokens.json", R"({"tokens": [72, 105, 33], "other": [[1]]})");
  const std::string out = folder.file("out.f32");
  const Ran ran = run_hearth({"logits", script, "--tokens", tokens, "--out", out, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out).at("output"), "embeddings");
  EXPECT_EQ(read_values<float>(out).size(), 3u * 8u);
}

TEST(TokenizeCommand, ThereAndBackAgain) {
  NEED(stories());
  const std::string text = "Once upon a time, <s> there was\n\n a caf\xC3\xA9 \xF0\x9F\x94\xA5 \xFF end ";
  const Ran json = run_hearth({"tokenize", stories(), "--json"}, {.input = text});
  ASSERT_EQ(json.code, 0) << json.err;
  const auto tokens = Json::parse(json.out).get<std::vector<int>>();
  EXPECT_EQ(tokens.front(), 1) << "BOS";
  const Ran plain = run_hearth({"tokenize", stories(), "--no-special"}, {.input = text});
  const Ran back = run_hearth({"detokenize", stories()}, {.input = plain.out});
  EXPECT_EQ(back.out, text);
  EXPECT_EQ(run_hearth({"detokenize", stories()}, {.input = json.out}).out, text);
  const Ran names = run_hearth({"tokenize", stories(), "--names"}, {.input = "Once"});
  EXPECT_TRUE(names.out.starts_with("1\t")) << names.out;
}

TEST(TokenizeCommand, SpecialTextIsPlainUnlessParsed) {
  const Ran plain = run_hearth({"tokenize", "demo", "--engine", "fake", "--json", "--no-special"}, {.input = "<eos>"});
  EXPECT_EQ(Json::parse(plain.out).size(), 5u);
  const Ran parsed = run_hearth({"tokenize", "demo", "--engine", "fake", "--json", "--no-special", "--parse-special"},
                                {.input = "<eos>"});
  EXPECT_EQ(Json::parse(parsed.out), Json::array({257}));
  const Ran shown = run_hearth({"detokenize", "demo", "--engine", "fake", "--special", "--json"}, {.input = "257 72"});
  EXPECT_EQ(Json::parse(shown.out), "<eos>H");
}

TEST(InspectCommand, TellsWhatAPersonWantsToKnow) {
  NEED(stories());
  const Ran text = run_hearth({"inspect", stories(), "--tensors", "--metadata"});
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part :
       {"architecture", "llama", "tokenizer", "memory", "token_embd.weight", "F32", "llama.block_count"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  const Ran json = run_hearth({"inspect", stories(), "--json", "--tensors", "--ctx", "256"});
  ASSERT_EQ(json.code, 0) << json.err;
  const Json report = Json::parse(json.out);
  EXPECT_EQ(report.at("runs"), true);
  EXPECT_EQ(report.at("shape").at("n_layers"), 5);
  EXPECT_EQ(report.at("tokenizer").at("tokens"), 512);
  // 5 layers x 4 KV heads x 8 dimensions x (key + value) x 2 bytes
  EXPECT_EQ(report.at("memory").at("kv_bytes_per_token").at("f16"), 5 * 4 * 8 * 2 * 2);
  EXPECT_EQ(report.at("tensors").size(), 48u);
}

TEST(InspectCommand, ExplainsWhatCannotRun) {
  const auto vocabularies = data_path("tokenizer/ggml-vocab");
  NEED(vocabularies);
  const Ran ran = run_hearth({"inspect", (vocabularies / "ggml-vocab-llama-bpe.gguf").string()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("cannot run"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("128256 tokens"), std::string::npos) << ran.out;
}

TEST(QuantizeCommand, SmallerFilesStillTellTheStory) {
  NEED(stories());
  const ScratchFolder folder;
  const std::string text = folder.write("text.txt",
                                        "Once upon a time, there was a little girl named Lily. She loved to play "
                                        "outside in the park. One day, she saw a big, red ball.");
  for (const auto& [type, limit] :
       std::vector<std::pair<std::string, double>>{{"F16", 1e-4}, {"Q8_0", 1e-2}, {"Q4_K_M", 0.5}, {"q4_0", 0.5}}) {
    const std::string out = folder.file(type + ".gguf");
    const Ran ran = run_hearth({"quantize", stories(), out, type, "--json", "--threads", "2"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const Json report = Json::parse(ran.out);
    EXPECT_LT(report.at("tensor_bytes_after"), report.at("tensor_bytes_before"));
    const Ran measured = run_hearth({"perplexity", out, text, "--against", stories(), "--json"});
    ASSERT_EQ(measured.code, 0) << measured.err;
    const Json distance = Json::parse(measured.out);
    EXPECT_LT(distance.at("against").at("kl_mean").get<double>(), limit) << type;
    EXPECT_GE(distance.at("against").at("kl_mean").get<double>(), 0.0) << type;
    EXPECT_EQ(run_hearth({"run", out, "Once upon a time", "--greedy", "--max-tokens", "5"}).code, 0);
  }
}

TEST(QuantizeCommand, BytesDoNotDependOnThreads) {
  NEED(stories());
  const ScratchFolder folder;
  ASSERT_EQ(run_hearth({"quantize", stories(), folder.file("a"), "Q5_0", "--threads", "1"}).code, 0);
  ASSERT_EQ(run_hearth({"quantize", stories(), folder.file("b"), "Q5_0", "--threads", "3"}).code, 0);
  EXPECT_EQ(read_text(folder.file("a")), read_text(folder.file("b")));
}

TEST(QuantizeCommand, TwiceMustBeAskedFor) {
  NEED(stories());
  const ScratchFolder folder;
  const std::string once = folder.file("once.gguf"), twice = folder.file("twice.gguf");
  ASSERT_EQ(run_hearth({"quantize", stories(), once, "Q8_0"}).code, 0);
  const Ran refused = run_hearth({"quantize", once, twice, "Q4_0"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("quantized already"), std::string::npos) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(twice));
  EXPECT_EQ(run_hearth({"quantize", once, twice, "Q4_0", "--allow-requantize", "--pure"}).code, 0);
  EXPECT_EQ(run_hearth({"quantize", once, once, "Q8_0"}).code, 1) << "a file does not overwrite its source";
}

TEST(PerplexityCommand, AgreesWithDoublePrecision) {
  NEED(stories());
  const Json cases = Json::parse(read_text(data_path("weights/stories260K/logits_nll_expected.json"))).at("cases");
  const ScratchFolder folder;
  std::size_t n_compared = 0;
  for (const auto& [name, value] : cases.items()) {
    if (!value.contains("text") || !value.contains("mean_nll")) continue;
    const std::string text = folder.write("text.txt", value.at("text").get<std::string>());
    const Ran ran = run_hearth({"perplexity", stories(), text, "--kv", "f32", "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_NEAR(Json::parse(ran.out).at("nll").get<double>(), value.at("mean_nll").get<double>(), 1e-4) << name;
    ++n_compared;
  }
  EXPECT_GT(n_compared, 0u);
}

TEST(PerplexityCommand, AModelIsNoDistanceFromItself) {
  NEED(stories());
  const auto text = data_path("text/botchan.txt");
  const ScratchFolder folder;
  const std::string part =
      folder.write("part.txt", missing(text) ? std::string(6000, 'a') : read_text(text).substr(0, 6000));
  const Ran ran = run_hearth({"perplexity", stories(), part, "--against", stories(), "--ctx", "128", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json report = Json::parse(ran.out);
  EXPECT_GT(report.at("n_windows"), 3);
  EXPECT_EQ(report.at("against").at("kl_mean"), 0.0);
  EXPECT_EQ(report.at("against").at("top1_agreement"), 1.0);
  EXPECT_EQ(report.at("against").at("nll"), report.at("nll"));
}

TEST(EnginesCommand, ListsNativeAndFake) {
  const Ran text = run_hearth({"engines"});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("native"), std::string::npos);
  const Json list = Json::parse(run_hearth({"engines", "--json"}).out);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].at("name"), "native");
  EXPECT_EQ(list[0].at("ready"), true);
  EXPECT_EQ(list[1].at("name"), "fake");
}

TEST(DoctorCommand, ShowsTheMachine) {
  const Ran text = run_hearth({"doctor"});
  EXPECT_EQ(text.code, 0);
  for (const char* part : {"CPU", "memory", "kernel tables", "scalar", "Q4_K", "locked memory"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part;
  const Json json = Json::parse(run_hearth({"doctor", "--json", "--isa", "scalar"}).out);
  EXPECT_EQ(json.at("matmul").at("Q4_K"), "scalar");
  EXPECT_GT(json.at("memory").at("total_bytes"), 0);
  const Json forced = Json::parse(run_hearth({"doctor", "--json"}, {.environment = {"HEARTH_ISA=scalar"}}).out);
  EXPECT_EQ(forced.at("matmul").at("Q4_K"), "scalar");
}

}  // namespace
}  // namespace hearth::testing
