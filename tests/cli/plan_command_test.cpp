// Predictions of `hearth plan` beside what the process then really takes, and what `hearth recommend` says.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "synthetic_model.h"

namespace hearth::testing {
namespace {

using Json = nlohmann::json;

/// The most memory a run of the command held; 0 when it failed.
std::uint64_t peak_of(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = command_line(arguments);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child || status != 0) return 0;
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

TEST(PlanCommand, PredictsThePeakOfThreeSizesWithinFivePercent) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's shadow memory hides what is measured";
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer's shadow memory hides what is measured";
#endif
#endif
  if (!std::string(HEARTH_EMULATOR).empty()) GTEST_SKIP() << "an emulator's memory hides what is measured";
  const ScratchFolder folder;
  struct Size {
    std::size_t dim, ffn, n_layers, n_heads, n_kv_heads, n_ctx;
    const char *ubatch, *kv;
  };
  const Size sizes[] = {{768, 2048, 8, 12, 4, 512, "128", "f16"},
                        {1024, 4096, 7, 16, 4, 768, "256", "f32"},
                        {1536, 4608, 7, 16, 8, 512, "512", "q8_0"}};
  for (const Size& size : sizes) {
    const std::string path = folder.file("model.gguf");
    ASSERT_GT(write_synthetic_llama(path,
                                    {.dim = size.dim,
                                     .ffn = size.ffn,
                                     .n_layers = size.n_layers,
                                     .n_heads = size.n_heads,
                                     .n_kv_heads = size.n_kv_heads,
                                     .vocab = 8000},
                                    1),
              0u);
    Json tokens = Json::array();
    for (std::size_t i = 0; i < size.n_ctx; ++i) tokens.push_back(i * 7 % 8000);
    const std::string n_ctx = std::to_string(size.n_ctx);
    const Ran plan = run_hearth({"plan", path, "--ctx", n_ctx, "--ubatch", size.ubatch, "--kv", size.kv, "--json"});
    ASSERT_EQ(plan.code, 0) << plan.err;
    const double predicted = Json::parse(plan.out).at("memory").at("predicted_bytes");
    const auto peak = static_cast<double>(
        peak_of({"logits", path, "--tokens", folder.write("t.json", tokens.dump()), "--out", folder.file("o"), "--ctx",
                 n_ctx, "--ubatch", size.ubatch, "--kv", size.kv, "--threads", "2", "--cache", "off"}));
    ASSERT_GT(peak, 0);
    EXPECT_NEAR(predicted / peak, 1, 0.05)
        << "dim " << size.dim << ": predicted " << predicted / 1e6 << " MB, measured " << peak / 1e6;
  }
}

TEST(PlanCommand, SaysWhatFitsAndWhatWould) {
  if (const auto why = missing(stories())) GTEST_SKIP() << *why;
  const Ran fits = run_hearth({"plan", stories()});
  ASSERT_EQ(fits.code, 0) << fits.err;
  EXPECT_NE(fits.out.find("stories260K.gguf: fits"), std::string::npos) << fits.out;
  EXPECT_NE(fits.out.find("tok/s"), std::string::npos) << fits.out;
  const Ran large = run_hearth({"plan", stories(), "--ctx", "400000000", "--json"});
  ASSERT_EQ(large.code, 0) << large.err;
  const Json json = Json::parse(large.out);
  EXPECT_EQ(json.at("fits"), false);
  EXPECT_EQ(json.at("verdict"), "does not fit");
  ASSERT_FALSE(json.at("proposals").empty());
  EXPECT_NE(json.at("proposals")[0].at("what").get<std::string>().find("--ctx"), std::string::npos);
}

TEST(PlanCommand, RefusesWhatIsNoModel) {
  const ScratchFolder folder;
  const Ran ran = run_hearth({"plan", folder.write("page.gguf", "<!doctype html>")});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("it is a web page"), std::string::npos) << ran.err;
}

TEST(RecommendCommand, PicksForAClassOfDevices) {
  const Ran ran = run_hearth({"recommend", "--device", "phone-4", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json.at("device"), "phone-4");
  ASSERT_FALSE(json.at("picks").empty());
  EXPECT_EQ(json.at("picks")[0].at("verdict"), "fits");
  EXPECT_LE(json.at("picks")[0].at("bytes").get<double>(), 1.2e9);
  const Ran large = run_hearth({"recommend", "--device", "computer-64", "--for", "code"});
  ASSERT_EQ(large.code, 0) << large.err;
  EXPECT_NE(large.out.find("fits with"), std::string::npos) << large.out;
  EXPECT_EQ(run_hearth({"recommend", "--device", "toaster"}).code, 2);
}

}  // namespace
}  // namespace hearth::testing
