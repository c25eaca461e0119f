// Every mistake gets the right exit code and one sentence that names the cure.
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/process.h"

namespace hearth::testing {
namespace {

/// One line on standard error, beginning with the program's name and holding every part; nothing on standard output.
void expect_refused(int code, const std::vector<std::string>& arguments, const std::vector<std::string>& parts,
                    const RunOptions& options = {}) {
  const Ran ran = run_hearth(arguments, options);
  std::string command;
  for (const std::string& word : arguments) command += word + " ";
  EXPECT_EQ(ran.code, code) << command << "\n" << ran.err;
  EXPECT_EQ(ran.out, "") << command;
  EXPECT_TRUE(ran.err.starts_with("hearth: ")) << command << ran.err;
  EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << command << ran.err;
  for (const std::string& part : parts) EXPECT_NE(ran.err.find(part), std::string::npos) << part << " in " << ran.err;
}

TEST(Mistakes, InTheCommandLine) {
  const Ran nothing = run_hearth({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_NE(nothing.err.find("Usage: hearth COMMAND"), std::string::npos);
  expect_refused(2, {"rum"}, {"no command \"rum\" (did you mean run?)"});
  expect_refused(2, {"run"}, {"MODEL", "hearth run --help"});
  expect_refused(2, {"run", "m", "p", "--frobnicate"}, {"no flag --frobnicate;"});
  expect_refused(2, {"run", "m", "p", "--temprature=1"}, {"no flag --temprature", "--temperature"});
  expect_refused(2, {"run", "m", "p", "extra"}, {"extra"});
  expect_refused(2, {"run", "m", "p", "--ctx", "0"}, {"--ctx", "whole number from 1"});
  expect_refused(2, {"run", "m", "p", "--ctx", "many"}, {"--ctx", "many"});
  expect_refused(2, {"run", "m", "p", "--ctx"}, {"--ctx"});
  expect_refused(2, {"run", "m", "p", "--temperature", "-1"}, {"--temperature", "from 0"});
  expect_refused(2, {"run", "m", "p", "--top-p", "1.5"}, {"--top-p", "from 0 to 1"});
  expect_refused(2, {"run", "m", "p", "--seed", "-3"}, {"--seed"});
  expect_refused(2, {"run", "m", "p", "--kv", "q3"}, {"--kv", "f16, f32, q8_0"});
  expect_refused(2, {"run", "m", "p", "--stop", ""}, {"--stop"});
  expect_refused(2, {"run", "m", "p", "--logit-bias", "x=1"}, {"--logit-bias", "ID=BIAS"});
  expect_refused(2, {"run", "m", "p", "--sample-order", "top_k,magic"}, {"--sample-order", "magic"});
  expect_refused(2, {"run", "m", "p", "--logprobs", "3"}, {"--json"});
  expect_refused(2, {"run", "m", "p", "--max-tokens", "3", "--max-tokens", "4"}, {"--max-tokens", "more than once"});
  expect_refused(2, {"run", "m", "p", "--max-tokens"}, {"--max-tokens needs a value"});
  expect_refused(2, {"run", "m", "p", "--quiet=much"}, {"--quiet takes no value"});
  expect_refused(2, {"run", "m", "-x hello"}, {"put -- before"});
  expect_refused(2, {"chat", "m", "--logprobs", "3"}, {"--logprobs", "run --json"});
  expect_refused(2, {"run", "m", "p", "--template", "plain"}, {"--template", "--chat"});
  expect_refused(2, {"run", "m", "p", "--thinking", "off"}, {"--thinking", "--chat"});
  expect_refused(2, {"run", "m", "p", "--context", "drop-oldest"}, {"--context", "--chat"});
  expect_refused(2, {"run", "m", "p", "--max-steps", "8"}, {"--max-steps", "--tool"});
  expect_refused(2, {"run", "m", "p", "--tool-choice", "auto"}, {"--tool-choice", "--tool"});
  expect_refused(2, {"run", "m", "p", "--greedy", "--temperature", "1"}, {"--greedy", "--temperature"});
  expect_refused(2, {"run", "m", "p", "--greedy", "--mirostat", "2"}, {"--greedy", "--mirostat"});
  expect_refused(2, {"run", "m", "p", "--isa", "avx9000"}, {"avx9000", "scalar", "hearth doctor"});
  expect_refused(2, {"run", "m", "p", "--engine", "steam"}, {"steam", "native", "hearth engines"});
  expect_refused(2, {"tokenize", "m", "--engine", "steam"}, {"steam"});
  expect_refused(2, {"tokenize", "m", "--json", "--names"}, {"--json", "--names"});
  expect_refused(2, {"logits", "m"}, {"--tokens", "--out"});
  expect_refused(2, {"quantize", "a", "b", "Q9_Z"}, {"Q9_Z", "Q4_K_M"});
  expect_refused(2, {"quantize", "a"}, {"OUT"});
  expect_refused(2, {"doctor", "--isa", "x"}, {"\"x\""});
}

TEST(Mistakes, InTheEnvironmentAndConfiguration) {
  expect_refused(2, {"engines"}, {"HEARTH_THREADS", "many"}, {.environment = {"HEARTH_THREADS=many"}});
  expect_refused(2, {"run", "m", "p"}, {"avx9000"}, {.environment = {"HEARTH_ISA=avx9000"}});
  const ScratchFolder folder;
  const std::string bad = folder.write("config.json", R"({"threds": 4})");
  expect_refused(2, {"engines"}, {"threds", "\"threads\"", bad}, {.environment = {"HEARTH_CONFIG=" + bad}});
  expect_refused(2, {"engines"}, {"nowhere.json"}, {.environment = {"HEARTH_CONFIG=" + folder.file("nowhere.json")}});
  const std::string torn = folder.write("torn.json", "{\n  \"threads\": }");
  expect_refused(2, {"engines"}, {torn, "line 2, column 14"}, {.environment = {"HEARTH_CONFIG=" + torn}});
  const std::string good = folder.write("good.json", R"({"threads": 1, "isa": "scalar"})");
  const Ran ran = run_hearth({"doctor"}, {.environment = {"HEARTH_CONFIG=" + good}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("of \"scalar\""), std::string::npos);
}

TEST(Mistakes, InTheModelFile) {
  const ScratchFolder folder;
  const std::vector<std::string> commands[] = {{"run", "", "p"},
                                               {"inspect", ""},
                                               {"tokenize", ""},
                                               {"detokenize", ""},
                                               {"perplexity", "", folder.write("t", "text")}};
  const std::string directory = folder.file("");
  const std::string empty = folder.write("empty.gguf", "");
  const std::string web = folder.write("page.gguf", "<!DOCTYPE html><html>");
  const std::string pointer =
      folder.write("pointer.gguf", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  const std::string noise = folder.write("noise.gguf", "abcdefgh");
  const std::string cut = folder.write("cut.gguf", std::string("GGUF\x03\0\0\0\x05", 9));
  for (std::vector<std::string> words : commands) {
    const auto refused = [&](const std::string& path, const std::vector<std::string>& parts) {
      words[1] = path;
      expect_refused(1, words, parts);
    };
    refused(folder.file("missing.gguf"), {"missing.gguf", "No such file"});
    refused(directory, {"not a regular file"});
    refused(empty, {"empty.gguf", "it is empty"});
    refused(web, {"web page", "download it again"});
    refused(pointer, {"git lfs pull"});
    refused(noise, {"61 62 63", "GGUF"});
    refused(cut, {"cut.gguf"});
  }
  expect_refused(1, {"quantize", empty, folder.file("out"), "Q4_0"}, {"empty.gguf"});
  const std::string script = folder.write("script.json", R"({"hearth_fake": 1, "replays": []})");
  expect_refused(1, {"run", script, "p"}, {"replays", "unknown"});
  expect_refused(1, {"run", folder.file("x"), "p", "--engine", "fake"}, {"demo"});
  expect_refused(1, {"run", script, "p", "--engine", "native"}, {"script.json"});
}

TEST(Mistakes, InATruncatedModel) {
  if (const auto why = missing(stories())) GTEST_SKIP() << *why;
  const std::string whole = read_text(stories());
  const ScratchFolder folder;
  for (const std::size_t size : {std::size_t{100}, whole.size() / 10, whole.size() - 1}) {
    const std::string path = folder.write("cut.gguf", whole.substr(0, size));
    expect_refused(1, {"run", path, "p"}, {"cut.gguf"});
    expect_refused(1, {"inspect", path}, {"cut.gguf"});
  }
}

TEST(Mistakes, InTheTokens) {
  const ScratchFolder folder;
  const std::string model = folder.write("model.json", R"({"hearth_fake": 1, "n_ctx": 16})");
  const auto refused = [&](const std::string& json, const std::vector<std::string>& parts) {
    const std::string path = folder.write("tokens.json", json);
    expect_refused(1, {"logits", model, "--tokens", path, "--out", folder.file("out.f32")}, parts);
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.f32"))) << "nothing is left behind";
  };
  refused("", {"tokens.json", "JSON"});
  refused("[1, 2", {"JSON"});
  refused("{}", {"\"tokens\""});
  refused("[]", {"no tokens"});
  refused("7", {"list of token ids"});
  refused("[1, \"two\"]", {"entry 1", "two"});
  refused("[1, -2]", {"entry 1", "-2"});
  refused("[1.5]", {"entry 0", "1.5"});
  refused("[99999999999]", {"entry 0"});
  refused("[[1]]", {"entry 0"});
  refused("[1, 259]", {"token 259", "vocabulary of 259"});
  refused(R"({"tokens": [1, 2], "n_ctx": 17})", {"context of 17"});
  refused("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", {"17 new tokens", "16"});
  const std::string fine = folder.write("fine.json", "[1, 2]");
  expect_refused(1, {"logits", model, "--tokens", folder.file("none.json"), "--out", "x"},
                 {"none.json", "No such file"});
  expect_refused(1, {"logits", model, "--tokens", fine, "--out", folder.file("no/such/folder/x")}, {"no/such/folder"});
  expect_refused(1, {"logits", model, "--tokens", fine, "--out", folder.file("o"), "--ctx", "17"}, {"context of 17"});
  expect_refused(1, {"detokenize", model}, {"entry 1", "x"}, {.input = "1 x"});
  expect_refused(1, {"detokenize", model}, {"token 300", "259"}, {.input = "[300]"});
}

TEST(Mistakes, InThePrompt) {
  const ScratchFolder folder;
  const std::string model = folder.write("model.json", R"({"hearth_fake": 1, "n_ctx": 16})");
  expect_refused(1, {"run", model, "a prompt of many more than sixteen bytes", "--greedy"},
                 {"16 positions", "shorten"});
  expect_refused(1, {"run", model, "", "--no-special", "--greedy"}, {"no tokens"});
  const std::string encoder = folder.write("encoder.json", R"({"hearth_fake": 1, "kind": "encoder"})");
  expect_refused(1, {"run", encoder, "p"}, {"embedding model"});
  expect_refused(1, {"perplexity", encoder, folder.write("t", "text")}, {"logits"});
  expect_refused(1, {"perplexity", model, folder.write("t", "")}, {"at least 2"});
  expect_refused(1, {"perplexity", model, folder.file("none.txt")}, {"none.txt"});
}

TEST(Help, IsThereForEveryCommand) {
  const Ran all = run_hearth({"--help"});
  EXPECT_EQ(all.code, 0);
  EXPECT_EQ(all.err, "");
  for (const char* command :
       {"run", "inspect", "tokenize", "detokenize", "logits", "perplexity", "quantize", "engines", "doctor"}) {
    EXPECT_NE(all.out.find(std::string("\n  ") + command), std::string::npos) << command;
    const Ran help = run_hearth({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.out.find("hearth " + std::string(command)), std::string::npos) << help.out;
  }
}

TEST(Version, IsToldFast) {
  const Ran ran = run_hearth({"--version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with("hearth ")) << ran.out;
  const std::string project = read_text(std::filesystem::path(HEARTH_SOURCE_DIR) / "CMakeLists.txt");
  const std::string version = ran.out.substr(7, ran.out.size() - 8);
  EXPECT_NE(project.find("project(hearth VERSION " + version + " "), std::string::npos) << version;
}

}  // namespace
}  // namespace hearth::testing
