// `hearth cache` and the cache behind every command that loads a model.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "cli/process.h"

namespace hearth::testing {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

class CacheCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = missing(stories())) GTEST_SKIP() << *why;
    fs::copy_file(stories(), model_);
  }
  [[nodiscard]] RunOptions environment() const { return {.environment = {"HEARTH_CACHE=" + cache_}}; }
  /// The log of a run and what it said.
  [[nodiscard]] Ran tell() const {
    return run_hearth({"run", model_, "Once", "--greedy", "--max-tokens", "8", "--log"}, environment());
  }
  [[nodiscard]] Json list() const { return Json::parse(run_hearth({"cache", "--json"}, environment()).out); }

  ScratchFolder folder_;
  std::string model_ = folder_.file("model.gguf"), cache_ = folder_.file("cache");
};

TEST_F(CacheCommand, LogitsAreTheSameBitsWithAndWithoutIt) {
  const std::string ids = folder_.write("ids.json", "[1, 403, 407, 261, 378]");
  std::vector<std::string> logits;
  for (const std::string& name : {std::string("off"), cache_, cache_}) {
    const std::string out = folder_.file("logits");
    const Ran ran = run_hearth({"logits", model_, "--tokens", ids, "--out", out, "--cache", name});
    ASSERT_EQ(ran.code, 0) << ran.err;
    logits.push_back(read_text(out));
  }
  EXPECT_FALSE(logits[0].empty());
  EXPECT_EQ(logits[1], logits[0]);
  EXPECT_EQ(logits[2], logits[0]);
}

TEST_F(CacheCommand, TheLogSaysWhereTheWeightsAre) {
  const Ran first = tell(), second = tell();
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.err.find("packed into the cache"), std::string::npos) << first.err;
  EXPECT_NE(second.err.find("packed weights from the cache"), std::string::npos) << second.err;
  EXPECT_EQ(second.out, first.out);
  const Ran off =
      run_hearth({"run", model_, "Once", "--greedy", "--max-tokens", "8", "--log", "--cache", "off"}, environment());
  EXPECT_NE(off.err.find("packed in memory"), std::string::npos) << off.err;
  EXPECT_EQ(off.out, first.out);
}

TEST_F(CacheCommand, ListsVerifiesAndClears) {
  EXPECT_EQ(tell().code, 0);
  const Json files = list().at("files");
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].at("model"), model_);
  EXPECT_EQ(files[0].at("state"), "ready");
  EXPECT_NE(run_hearth({"cache"}, environment()).out.find(model_), std::string::npos);
  EXPECT_EQ(run_hearth({"cache", "verify"}, environment()).code, 0);

  const std::string path = files[0].at("path");
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(70'000).put('\x55').put('\xAA');
  const Ran damaged = run_hearth({"cache", "verify"}, environment());
  EXPECT_EQ(damaged.code, 1);
  EXPECT_NE(damaged.err.find("1 of 1 files were damaged"), std::string::npos) << damaged.err;
  EXPECT_FALSE(fs::exists(path));

  EXPECT_EQ(tell().code, 0);
  EXPECT_EQ(run_hearth({"cache", "--limit", "1"}, environment()).code, 0);
  EXPECT_EQ(list().at("files").size(), 1u);
  fs::remove(model_);
  EXPECT_EQ(list().at("files")[0].at("state"), "model is gone");
  EXPECT_EQ(run_hearth({"cache", "clear"}, environment()).code, 0);
  EXPECT_TRUE(list().at("files").empty());
}

TEST_F(CacheCommand, ProcessesThatStartAtOnceSayTheSame) {
  std::vector<Ran> ran(6);
  std::vector<std::thread> threads;
  for (Ran& one : ran) threads.emplace_back([&] { one = tell(); });
  for (std::thread& thread : threads) thread.join();
  for (const Ran& one : ran) {
    EXPECT_EQ(one.code, 0) << one.err;
    EXPECT_EQ(one.out, ran[0].out);
  }
  const Json files = list().at("files");
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(run_hearth({"cache", "verify"}, environment()).code, 0);
}

TEST_F(CacheCommand, FolderAndLimitComeFromTheSettings) {
  const std::string config =
      folder_.write("config.json", Json({{"cache", folder_.file("elsewhere")}, {"cache_gb", 3}}).dump());
  const Ran ran = run_hearth({"cache", "--json"}, {.environment = {"HEARTH_CONFIG=" + config}});
  EXPECT_EQ(Json::parse(ran.out).at("folder"), folder_.file("elsewhere"));
  EXPECT_EQ(Json::parse(ran.out).at("limit_bytes"), 3'000'000'000);
  const Ran base = run_hearth({"cache", "--json"}, {.environment = {"XDG_CACHE_HOME=" + folder_.file("base")}});
  EXPECT_EQ(Json::parse(base.out).at("folder"), folder_.file("base") + "/hearth/weights");
  EXPECT_NE(run_hearth({"cache"}).out.find("the cache is off"), std::string::npos);
  EXPECT_EQ(run_hearth({"cache", "burn"}, environment()).code, 2);
}

}  // namespace
}  // namespace hearth::testing
