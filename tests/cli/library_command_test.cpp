// The model library as people meet it: `hearth pull` from a hub on this machine, names in place of paths, and kills at
// any moment.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/process.h"
#include "library/local_hub.h"

namespace hearth::testing {
namespace {

using LibraryJson = nlohmann::json;
namespace fs = std::filesystem;

class LibraryCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = missing(stories())) GTEST_SKIP() << *why;
    model_ = read_text(stories());
  }
  [[nodiscard]] RunOptions environment(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"HEARTH_HOME=" + home_, "HF_ENDPOINT=" + hub_.url(), "HEARTH_CACHE=off"});
    return {.environment = more};  // the first of a name counts
  }
  [[nodiscard]] Ran hearth(const std::vector<std::string>& arguments) const {
    return run_hearth(arguments, environment());
  }
  /// Runs a command and ends it with SIGKILL after some time. True: it had ended by itself.
  [[nodiscard]] bool killed_after(const std::vector<std::string>& arguments, int ms) const {
    std::vector<std::string> words = command_line(arguments), settings = environment().environment;
    settings.emplace_back("PATH=/usr/bin:/bin");
    std::vector<char*> argv, envp;
    for (std::string& word : words) argv.push_back(word.data());
    for (std::string& setting : settings) envp.push_back(setting.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (const int stream : {1, 2}) posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    EXPECT_EQ(posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    for (int waited = 0; waited < ms; waited += 2) {
      if (waitpid(child, &status, WNOHANG) == child) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return WIFEXITED(status);
  }

  LocalHub hub_;
  ScratchFolder folder_{in_memory()};
  std::string home_ = folder_.file("home"), model_;
};

TEST_F(LibraryCommands, FromNothingToAnAnswerInTwoCommands) {
  hub_.put("o/stories", "stories-Q8_0.gguf", model_);
  const Ran pulled = hearth({"pull", "hf:o/stories"});
  ASSERT_EQ(pulled.code, 0) << pulled.err;
  EXPECT_NE(pulled.out.find("downloaded and verified"), std::string::npos) << pulled.out;
  const std::vector<std::string> tell = {"Once upon", "--greedy", "--max-tokens", "8"};
  const auto told = [&](const std::string& model) {
    std::vector<std::string> words = {"run", model};
    words.insert(words.end(), tell.begin(), tell.end());
    return hearth(words);
  };
  const Ran by_name = told("hf:o/stories"), by_path = told(stories());
  EXPECT_EQ(by_name.code, 0) << by_name.err;
  EXPECT_EQ(by_name.out, by_path.out);
  ASSERT_EQ(hearth({"cp", "hf:o/stories", "tale"}).code, 0);
  EXPECT_EQ(told("tale").out, by_path.out);
  EXPECT_EQ(hearth({"inspect", "tale"}).code, 0);
  EXPECT_EQ(hearth({"verify"}).code, 0);
  EXPECT_NE(hearth({"list"}).out.find("tale"), std::string::npos);
  EXPECT_NE(hearth({"show", "tale"}).out.find("ready"), std::string::npos);
  EXPECT_EQ(LibraryJson::parse(hearth({"list", "--json"}).out)[0]["source"], "hf:o/stories");
  EXPECT_NE(hearth({"rm", "hf:o/stories"}).out.find("stays as tale"), std::string::npos);
  EXPECT_NE(hearth({"rm", "tale"}).out.find("given back"), std::string::npos);
  const Ran gone = told("tale");
  EXPECT_EQ(gone.code, 1);
  EXPECT_NE(gone.err.find("no model has that name"), std::string::npos) << gone.err;
}

TEST_F(LibraryCommands, APlanBeforeTheDownload) {
  const std::string bytes = model_ + noise(8u << 20, 4);
  hub_.put("o/stories", "m.gguf", bytes);
  const Ran plan = hearth({"plan", "hf:o/stories"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_NE(plan.out.find("memory"), std::string::npos) << plan.out;
  EXPECT_LT(hub_.n_sent(), bytes.size() / 4) << "the header alone";
  EXPECT_FALSE(fs::exists(fs::path(home_) / "index.db"));
  EXPECT_NE(hearth({"plan", "nothing-of-that-name"}).err.find("hf:owner/repo"), std::string::npos);
}

TEST_F(LibraryCommands, EventsForPrograms) {
  hub_.put("o/stories", "m.gguf", model_);
  const Ran ran = hearth({"pull", "hf:o/stories", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::vector<LibraryJson> events;
  for (std::size_t at = 0, end = 0; (end = ran.out.find('\n', at)) != std::string::npos; at = end + 1)
    events.push_back(LibraryJson::parse(ran.out.substr(at, end - at)));
  ASSERT_GE(events.size(), 2u);
  EXPECT_EQ(events.front()["event"], "progress");
  EXPECT_EQ(events.back()["event"], "done");
  EXPECT_EQ(events.back()["files"][0]["sha256"], library::sha256_of(model_));
  const Ran missing_repo = hearth({"pull", "hf:o/none", "--json"});
  EXPECT_EQ(missing_repo.code, 1);
  EXPECT_EQ(LibraryJson::parse(missing_repo.out)["code"], "file_not_found");
}

TEST_F(LibraryCommands, WhatComesIsTriedOnceAndShown) {
  hub_.put("o/stories", "m.gguf", model_);
  const RunOptions kept = environment({"HEARTH_CACHE=" + home_ + "/cache", "HEARTH_THREADS=1", "HEARTH_ISA=scalar"});
  const Ran untried = run_hearth({"pull", "hf:o/stories", "--no-try", "--json"}, kept);
  ASSERT_EQ(untried.code, 0) << untried.err;
  EXPECT_NE(run_hearth({"show", "hf:o/stories"}, kept).out.find("not yet: `hearth doctor"), std::string::npos);
  const Ran tried = run_hearth({"pull", "hf:o/stories"}, kept);
  EXPECT_NE(tried.err.find("trying what it can be relied on for"), std::string::npos) << tried.err;
  const Ran shown = run_hearth({"show", "hf:o/stories", "--json"}, kept);
  EXPECT_EQ(LibraryJson::parse(shown.out).at("card").at("seed"), "yes") << shown.out;
  EXPECT_EQ(run_hearth({"pull", "hf:o/stories"}, kept).err.find("trying"), std::string::npos) << "it was tried";
  EXPECT_EQ(hearth({"pull", "hf:o/stories", "--try", "--no-try"}).code, 2);
}

TEST_F(LibraryCommands, OfflineMeansOffline) {
  hub_.put("o/stories", "m.gguf", model_);
  const Ran refused = hearth({"pull", "hf:o/stories", "--offline"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("--offline"), std::string::npos) << refused.err;
  EXPECT_TRUE(hub_.asked().empty());
  ASSERT_EQ(hearth({"pull", "hf:o/stories"}).code, 0);
  hub_.forget();
  const Ran here = run_hearth({"pull", "hf:o/stories"}, environment({"HEARTH_OFFLINE=1"}));
  EXPECT_EQ(here.code, 0) << here.err;
  EXPECT_EQ(hearth({"inspect", "hf:o/stories"}).code, 0);
  EXPECT_TRUE(hub_.asked().empty());
}

TEST_F(LibraryCommands, GatedModelsSayWhatToDo) {
  hub_.set_fault(
      [](const Asked&, Answer& answer) { answer = {.status = 401, .headers = {{"X-Error-Code", "GatedRepo"}}}; });
  const Ran ran = hearth({"pull", "hf:o/gated"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("accept the licence"), std::string::npos) << ran.err;
  const Ran token = run_hearth({"pull", "hf:o/gated"}, environment({"HF_TOKEN=hf_marker_of_a_token"}));
  EXPECT_EQ(hub_.asked().back().headers.at("authorization"), "Bearer hf_marker_of_a_token");
  EXPECT_EQ((token.out + token.err).find("hf_marker"), std::string::npos) << "tokens are never shown";
  for (const auto& entry : fs::recursive_directory_iterator(home_)) {
    if (entry.is_regular_file()) {
      EXPECT_EQ(read_text(entry.path()).find("hf_marker"), std::string::npos) << entry.path();
    }
  }
}

TEST_F(LibraryCommands, ImportAndTheAllowList) {
  ASSERT_EQ(hearth({"import", stories(), "--name", "tale", "--in-place"}).code, 0);
  EXPECT_EQ(hearth({"inspect", "tale"}).code, 0);
  const std::string config = folder_.write("config.json", R"({"allowed_sources": ["hf:good/*"]})");
  const RunOptions strict = environment({"HEARTH_CONFIG=" + config});
  for (const std::string& model : {std::string("tale"), stories()}) {
    const Ran refused = run_hearth({"inspect", model}, strict);
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("allowed_sources"), std::string::npos) << refused.err;
  }
  EXPECT_NE(hearth({"adopt", "--dry-run"}).out.find("no models of other programs"), std::string::npos);
  EXPECT_EQ(hearth({"adopt", "steam"}).code, 2);
}

TEST_F(LibraryCommands, ATransferThatIsKilledAnywhereConverges) {
  // Two chunks and a bit behind a real header; the hub is slow enough that kills hit every phase.
  const std::string bytes = model_ + noise(17u << 20, 1);
  const std::string digest = hub_.put("o/big", "m.gguf", bytes);
  const char* text = std::getenv("HEARTH_KILLS");
  const int n_kills = text ? std::atoi(text) : 4;
  std::mt19937 random(3);
  for (int kill = 0, round = 0; kill < n_kills && round < 4 * n_kills + 20; ++round) {
    if (killed_after({"pull", "hf:o/big"}, 5 + static_cast<int>(random() % 400))) {
      EXPECT_EQ(library::sha256_of(read_text(fs::path(home_) / "blobs" / digest)), digest);
      fs::remove_all(home_);
    } else {
      ++kill;
      const fs::path blobs = fs::path(home_) / "blobs";
      if (!fs::exists(blobs)) continue;  // killed before anything was begun
      for (const auto& entry : fs::directory_iterator(blobs)) {
        EXPECT_EQ(library::sha256_of(read_text(entry.path())), entry.path().filename().string())
            << "a final name holds verified bytes only";
      }
    }
  }
  const Ran last = hearth({"pull", "hf:o/big"});
  EXPECT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(library::sha256_of(read_text(fs::path(home_) / "blobs" / digest)), digest);
}

TEST_F(LibraryCommands, ADiskThatIsReallyFull) {
  hub_.put("o/big", "m.gguf", model_ + noise(4u << 20, 5));
  fs::create_directories(home_);
  // A disk of 264 MiB of which 256 MiB stay free: the file fits beside a filler only after that is gone.
  const std::string script = "mount -t tmpfs -o size=264m none " + home_ + " || exit 77; head -c 6m /dev/zero > " +
                             home_ + "/filler && " + command_line({})[0] + " pull hf:o/big; echo code $?; rm " + home_ +
                             "/filler; " + command_line({})[0] + " pull hf:o/big";
  const std::string log = folder_.file("log");
  const int status = std::system(("env HEARTH_HOME=" + home_ + " HF_ENDPOINT=" + hub_.url() + " unshare -rm sh -c '" +
                                  script + "' > " + log + " 2>&1")
                                     .c_str());
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 77 || read_text(log).find("unshare") != std::string::npos)
    GTEST_SKIP() << "this machine lets nobody mount: " << read_text(log);
  EXPECT_EQ(WEXITSTATUS(status), 0) << read_text(log);
  EXPECT_NE(read_text(log).find("left; free some space"), std::string::npos) << read_text(log);
  EXPECT_NE(read_text(log).find("code 1"), std::string::npos) << read_text(log);
  EXPECT_NE(read_text(log).find("downloaded and verified"), std::string::npos) << read_text(log);
}

TEST_F(LibraryCommands, TwoProcessesShareOneTransfer) {
  const std::string bytes = model_ + noise(6u << 20, 2);
  hub_.put("o/big", "m.gguf", bytes);
  Ran first, second;
  {
    const std::jthread one([&] { first = hearth({"pull", "hf:o/big"}); });
    const std::jthread two([&] { second = hearth({"pull", "hf:o/big"}); });
  }
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(hub_.n_sent(), bytes.size());
}

TEST_F(LibraryCommands, ANearMissIsAnsweredWithTheNameThatWasMeant) {
  ASSERT_EQ(hearth({"import", stories(), "--name", "tale", "--in-place"}).code, 0);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"pull", "lama3.2"}, {"run", "lama3.2", "x"}}) {
    const Ran ran = hearth(words);
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find("did you mean llama3.2?"), std::string::npos) << ran.err;
  }
  for (const std::vector<std::string>& words : {std::vector<std::string>{"show", "tael"}, {"run", "tael", "x"}}) {
    const Ran ran = hearth(words);
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find("did you mean tale?"), std::string::npos) << ran.err;
  }
  EXPECT_TRUE(hub_.asked().empty());
}

TEST_F(LibraryCommands, RecommendationsComeFromTheCatalogueOfTheUser) {
  const std::string mine = folder_.write("mine.json", R"({"hearth_catalogue": 1, "families": [{"name": "ours",
    "licence": "x", "context": 8192, "uses": ["chat"], "models": [{"size": "4b", "parameters": 4350000000, "shape":
    {"architecture": "llama", "layers": 20, "dim": 2048, "ffn": 8192, "heads": 16, "kv_heads": 2, "head_dim": 128,
    "vocab": 32000}, "sources": [{"repo": "we/ours", "format": "gguf"}]}]}]})");
  std::string only = read_text(mine);
  only.insert(1, "\"replace\": true, ");
  const std::string replacing = folder_.write("only.json", only);
  const auto picks = [&](const std::string& catalogue) {
    const std::string config = folder_.write("config.json", R"({"catalogue": ")" + catalogue + "\"}");
    const Ran ran =
        run_hearth({"recommend", "--device", "phone-8", "--json"}, environment({"HEARTH_CONFIG=" + config}));
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::vector<std::string> names;
    const LibraryJson said = LibraryJson::parse(ran.out);
    for (const auto& pick : said["picks"]) names.push_back(pick["model"]);
    return names;
  };
  EXPECT_EQ(std::ranges::count(picks(mine), "ours:4b"), 1);
  EXPECT_GT(picks(mine).size(), 1u);
  EXPECT_EQ(picks(replacing), std::vector<std::string>{"ours:4b"});
}

TEST_F(LibraryCommands, HostileNamesGetOneSentence) {
  const std::string victim = folder_.write("victim", "stays");
  for (const char* command : {"pull", "rm"}) {  // tests/cli/hostile_names_test.cpp tries the others
    for (const std::string& name :
         {std::string("../victim"), std::string("hf:../../victim/x"), std::string("..:.."), std::string("caf\xC3\xA9"),
          std::string(4096, 'a'), std::string("C:\\x"), std::string("~root/x"), std::string("file:///etc/passwd")}) {
      const Ran ran = hearth({command, name});
      EXPECT_EQ(ran.code, 1) << command << " " << name << "\n" << ran.out << ran.err;
      EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
    }
  }
  EXPECT_EQ(read_text(victim), "stays");
  EXPECT_TRUE(hub_.asked().empty());
}

}  // namespace
}  // namespace hearth::testing
