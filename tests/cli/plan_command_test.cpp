// Predictions of `hearth plan` beside what the process then really takes, and what `hearth recommend` says.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "synthetic_model.h"

namespace hearth::testing {
namespace {

using Json = nlohmann::json;

/// The most memory a run of the command held; 0 when it failed. Read while it runs, from when it is the command: a
/// child that is still a copy of this program has this program's peak.
std::uint64_t peak_of(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = command_line(arguments);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int spawned = posix_spawn(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) return 0;
  std::uint64_t peak = 0;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    std::ifstream lines("/proc/" + std::to_string(child) + "/status");
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("VmHWM:")) peak = std::stoull(line.substr(6)) * 1024;  // never sinks
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return status == 0 ? peak : 0;
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
  const Size sizes[] = {{768, 2048, 8, 12, 4, 256, "128", "f16"},
                        {1024, 4096, 6, 16, 4, 512, "256", "f32"},
                        {1536, 4608, 6, 16, 8, 512, "512", "q8_0"}};
  const RunOptions probed_once{
      .input = {}, .environment = {"HEARTH_CACHE=" + folder.file("cache")}, .interrupt_after = 0};
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
    const Ran plan =
        run_hearth({"plan", path, "--ctx", n_ctx, "--ubatch", size.ubatch, "--kv", size.kv, "--json"}, probed_once);
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

TEST(CarefulLoad, TheReplyIsRememberedBesideThePrediction) {
  if (const auto why = missing(stories())) GTEST_SKIP() << *why;
  const ScratchFolder folder;
  const RunOptions options{.input = {}, .environment = {"HEARTH_CACHE=" + folder.file("cache")}, .interrupt_after = 0};
  ASSERT_EQ(run_hearth({"plan", stories()}, options).code, 0);
  ASSERT_EQ(run_hearth({"run", stories(), "Once", "--max-tokens", "40"}, options).code, 0);
  const Ran plan = run_hearth({"plan", stories(), "--json"}, options);
  ASSERT_EQ(plan.code, 0) << plan.err;
  const Json last = Json::parse(plan.out).at("last");
  ASSERT_TRUE(last.is_object()) << plan.out;
  EXPECT_GT(last.at("measured_bytes").get<double>(), 1e6);
  EXPECT_GT(last.at("measured_tok_s").get<double>(), 0);
  EXPECT_GT(last.at("predicted_tok_s").get<double>(), 0);
}

TEST(CarefulLoad, ALoadThatCannotFitIsRefusedWithWhatWould) {
  if (const auto why = missing(stories())) GTEST_SKIP() << *why;
  const Ran ran = run_hearth({"run", stories(), "Once", "--ctx", "900000000"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("are free; what would fit: --ctx"), std::string::npos) << ran.err;
}

TEST(CarefulLoad, ADeadLoadIsExplainedThenRefusedThenForced) {
  if (const auto why = missing(stories())) GTEST_SKIP() << *why;
  const ScratchFolder folder;
  const RunOptions options{.input = {}, .environment = {"HEARTH_CACHE=" + folder.file("cache")}, .interrupt_after = 0};
  std::filesystem::create_directories(folder.file("cache/loads"));
  const std::string model = std::filesystem::weakly_canonical(stories()).string();
  const auto leave_ticket = [&] {  // as a process that was killed leaves it
    const Json load = {{"model", model}, {"size_bytes", 1},         {"n_ctx", 2048},   {"ubatch", 512},
                       {"kv", 0},        {"predicted_bytes", 1000}, {"free_bytes", 10}};
    static_cast<void>(folder.write("cache/loads/ticket-x-0.building", load.dump()));
  };
  leave_ticket();
  const std::vector<std::string> words = {"run", stories(), "Once", "--max-tokens", "4"};
  leave_ticket();
  const Ran smaller = run_hearth(words, options);
  EXPECT_EQ(smaller.code, 0);
  EXPECT_NE(smaller.err.find("the process died"), std::string::npos) << smaller.err;
  EXPECT_NE(smaller.err.find("batches of 128"), std::string::npos) << smaller.err;
  EXPECT_EQ(run_hearth(words, options).err.find("the process died"), std::string::npos) << "it worked: forgotten";
  for (int i = 0; i < 2; ++i) {
    leave_ticket();
    static_cast<void>(run_hearth({"doctor", stories()}, options));
  }
  const Ran refused = run_hearth(words, options);
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("the last 2 times"), std::string::npos) << refused.err;
  const Ran doctor = run_hearth({"doctor", stories(), "--json"}, options);
  EXPECT_EQ(doctor.code, 1);
  EXPECT_EQ(Json::parse(doctor.out).at("findings").at(0).at("code"), "load_failed") << doctor.out;
  std::vector<std::string> forced = words;
  forced.emplace_back("--force");
  EXPECT_EQ(run_hearth(forced, options).code, 0);
  EXPECT_EQ(run_hearth(words, options).code, 0);
}

TEST(DoctorCommand, NamesCauseAndCure) {
  const ScratchFolder folder;
  const Ran page = run_hearth({"doctor", folder.write("page.gguf", "<!doctype html>")});
  EXPECT_EQ(page.code, 1);
  EXPECT_NE(page.out.find("invalid_file"), std::string::npos) << page.out;
  EXPECT_NE(page.out.find("cure: "), std::string::npos) << page.out;
  const Ran none = run_hearth({"doctor", folder.file("none.gguf")});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.out.find("file_not_found"), std::string::npos) << none.out;
  const Ran machine = run_hearth({"doctor"});
  EXPECT_EQ(machine.code, 0) << machine.out;
  EXPECT_NE(machine.out.find("engines   native (ready)"), std::string::npos) << machine.out;
}

}  // namespace
}  // namespace hearth::testing
