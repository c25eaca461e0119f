// hearth bench and hearth synth, on a small model: the shape of what they print.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "data_path.h"

namespace hearth::testing {
namespace {

using Json = nlohmann::json;

TEST(BenchCommand, RowsSpeedsAndLimits) {
  const auto model = data_path("golden/arch/llama/model.gguf");
  if (const auto why = missing(model)) GTEST_SKIP() << *why;
  const ScratchFolder folder;
  const Ran ran =
      run_hearth({"bench", model.string(), "--prompts", "16,32", "--depths", "0,24", "--decode", "4", "--threads",
                  "1,2", "--rounds", "2", "--sustain", "0.2", "--json", "--plot", folder.file("p.svg")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  ASSERT_EQ(json.at("results").size(), 8u);
  std::vector<std::string> tests;
  for (const Json& row : json.at("results")) {
    tests.push_back(row.at("test"));
    EXPECT_GT(row.at("tok_s").get<double>(), 0);
    EXPECT_LE(row.at("tok_s_min"), row.at("tok_s"));
    EXPECT_GE(row.at("tok_s_max"), row.at("tok_s"));
    const bool decoding = tests.back().starts_with("tg");
    EXPECT_GT(row.at(decoding ? "gb_s" : "gop_s").get<double>(), 0);
    EXPECT_GT(row.at(decoding ? "limit_gb_s" : "limit_gop_s").get<double>(), 0);
  }
  EXPECT_EQ(tests, (std::vector<std::string>{"pp16", "pp32", "tg4", "tg4@24", "pp16", "pp32", "tg4", "tg4@24"}));
  EXPECT_GT(json.at("peak_memory_bytes"), json.at("weight_bytes"));
  EXPECT_LT(json.at("bytes_per_token"), json.at("weight_bytes"));  // of the embedding table one row is read
  EXPECT_GE(json.at("sustained").size(), 10u);
  EXPECT_TRUE(read_text(folder.file("p.svg")).starts_with("<svg"));
  const Ran table = run_hearth({"bench", model.string(), "--rounds", "1"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_NE(table.out.find("of the limit"), std::string::npos);
}

TEST(BenchCommand, TheLimitOfPromptsIsThatOfTheirOperands) {
  const auto bf16 = data_path("golden/quant/BF16/model.gguf"), q4 = data_path("golden/quant/Q4_0/model.gguf");
  if (const auto why = missing(bf16)) GTEST_SKIP() << *why;
  const auto bench = [](const std::filesystem::path& model, std::vector<std::string> more) {
    more.insert(more.begin(), {"bench", model.string(), "--prompts", "16", "--decode", "4", "--rounds", "1"});
    return run_hearth(more);
  };
  EXPECT_NE(bench(q4, {}).out.find("GOP/s int8"), std::string::npos);
  EXPECT_NE(bench(bf16, {}).out.find("GOP/s float"), std::string::npos);
  const Ran rounded = bench(bf16, {"--bf16-activations"});
  EXPECT_NE(rounded.out.find("GOP/s bf16"), std::string::npos);
  EXPECT_EQ(rounded.err, "");
  const Ran none = bench(q4, {"--bf16-activations"});
  EXPECT_EQ(none.code, 0);
  EXPECT_NE(none.err.find("changes nothing"), std::string::npos) << none.err;
}

TEST(BenchCommand, StreamsVerifyingAndTheTextLoop) {
  const auto model = data_path("golden/arch/llama/model.gguf");
  if (const auto why = missing(model)) GTEST_SKIP() << *why;
  const std::vector<std::string> asked = {"bench",     model.string(), "--prompts", "16",       "--decode",
                                          "4",         "--threads",    "1",         "--rounds", "1",
                                          "--streams", "1,3",          "--verify",  "2"};
  std::vector<std::string> as_json = asked;
  as_json.emplace_back("--json");
  const Ran ran = run_hearth(as_json);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  std::vector<std::string> tests;
  for (const Json& row : json.at("results")) {
    tests.push_back(row.at("test"));
    EXPECT_EQ(row.at("of_one_token").is_null(), tests.back() != "vf3");
    EXPECT_EQ(row.at("gb_s").is_null(), tests.back() == "pp16");
  }
  EXPECT_EQ(tests, (std::vector<std::string>{"pp16", "tg4", "tg4x3", "vf3"}));
  ASSERT_EQ(json.at("text_loop").size(), 1u);
  EXPECT_GT(json.at("text_loop").at(0).at("outside_share"), 0.0);
  EXPECT_LT(json.at("text_loop").at(0).at("outside_share"), 1.0);
  const Ran table = run_hearth(asked);
  EXPECT_NE(table.out.find("x of one token"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("text loop, 1 threads: "), std::string::npos) << table.out;
}

TEST(BenchCommand, Mistakes) {
  const auto model = data_path("golden/arch/llama/model.gguf");
  if (const auto why = missing(model)) GTEST_SKIP() << *why;
  EXPECT_EQ(run_hearth({"bench"}).code, 2);
  EXPECT_EQ(run_hearth({"bench", model.string(), "--synthetic", "llama-3.2-1b:Q4_0"}).code, 2);
  const Ran unknown = run_hearth({"bench", "--synthetic", "lama-3.2-1b:Q4_0"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("did you mean llama-3.2-1b?"), std::string::npos) << unknown.err;
  EXPECT_EQ(run_hearth({"synth", "smollm2-360m", "out"}).code, 2);
  const Ran engine = run_hearth({"bench", "--synthetic", "smollm2-360m:Q4_0", "--engine", "fake"});
  EXPECT_EQ(engine.code, 2);
  EXPECT_NE(engine.err.find("hearth synth"), std::string::npos) << engine.err;
  EXPECT_EQ(run_hearth({"bench", model.string(), "--isa", "avx9000"}).code, 2);
  const Ran longer = run_hearth({"bench", model.string(), "--prompts", "1000000"});
  EXPECT_EQ(longer.code, 1);
  EXPECT_NE(longer.err.find("--prompts"), std::string::npos) << longer.err;
}

TEST(SynthCommand, TheFileOpensAndRuns) {
  const ScratchFolder folder;
  const std::string out = folder.file("random.gguf");
  const Ran ran = run_hearth({"synth", "smollm2-360m:Q2_K", out});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Ran inspected = run_hearth({"inspect", out, "--json"});
  ASSERT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_TRUE(Json::parse(inspected.out).at("runs"));
  EXPECT_EQ(run_hearth({"bench", out, "--prompts", "8", "--decode", "2", "--rounds", "1"}).code, 0);
}

}  // namespace
}  // namespace hearth::testing
