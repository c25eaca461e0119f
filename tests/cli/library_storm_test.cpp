// Many processes at one library: they pull, remove, load, verify and collect the same weights at once. Nobody crashes,
// who loses gets a sentence, and a file that a name holds is never taken away. HEARTH_STORM sets the number of rounds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <random>

#include "cli/process.h"
#include "library/local_hub.h"
#include "library/shelf/shelf.h"

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;

class LibraryStorm : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = missing(stories())) GTEST_SKIP() << *why;
    const std::string model = read_text(stories());
    for (const char* repo : {"o/a", "o/held"}) hub_.put(repo, "m.gguf", model);
    hub_.put("o/b", "m.gguf", model + noise(4096, 1));
  }
  [[nodiscard]] Ran hearth(const std::vector<std::string>& arguments) const {
    return run_hearth(arguments,
                      {.environment = {"HEARTH_HOME=" + home_, "HF_ENDPOINT=" + hub_.url(), "HEARTH_CACHE=off"}});
  }
  static std::string line(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += word + " ";
    return text;
  }
  void expect_no_bad_blob() const {
    for (const auto& entry : fs::directory_iterator(fs::path(home_) / "blobs"))
      EXPECT_EQ(library::sha256_of(read_text(entry.path())), entry.path().filename().string());
  }

  LocalHub hub_;
  ScratchFolder folder_{in_memory()};
  std::string home_ = folder_.file("home");
};

TEST_F(LibraryStorm, NobodyLosesWhatANameHolds) {
  // The last column: may lose to another process, and then says so.
  struct Deed {
    std::vector<std::string> words;
    bool may_fail = true;
  };
  const std::vector<Deed> deeds = {{{"pull", "hf:o/a"}},
                                   {{"pull", "hf:o/b"}},
                                   {{"rm", "hf:o/a"}},
                                   {{"rm", "hf:o/b"}},
                                   {{"update", "hf:o/b"}},
                                   {{"verify"}},
                                   {{"inspect", "hf:o/b"}},
                                   {{"cp", "held", "another"}},
                                   {{"rm", "another"}},
                                   {{"gc", "--now"}, false},
                                   {{"list"}, false},
                                   {{"verify", "held"}, false},
                                   {{"run", "held", "Once", "--greedy", "--max-tokens", "1"}, false}};
  ASSERT_EQ(hearth({"pull", "hf:o/held"}).code, 0);
  ASSERT_EQ(hearth({"cp", "hf:o/held", "held"}).code, 0);
  ASSERT_EQ(hearth({"rm", "hf:o/held"}).code, 0);
  const char* wish = std::getenv("HEARTH_STORM");
  const int n_rounds = wish ? std::atoi(wish) : 1;
  constexpr unsigned kProcesses = 4, kDeeds = 4;
  for (int round = 0; round < n_rounds; ++round) {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < kProcesses; ++i) {
      threads.emplace_back([&, random = std::mt19937(static_cast<unsigned>(round) * kProcesses + i)]() mutable {
        for (unsigned n = 0; n < kDeeds; ++n) {
          const Deed& deed = deeds[random() % deeds.size()];
          const Ran ran = hearth(deed.words);
          EXPECT_TRUE(ran.code == 0 || (deed.may_fail && ran.code == 1)) << line(deed.words) << ran.code << "\n"
                                                                         << ran.err;
          if (ran.code == 1) {
            EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << line(deed.words) << ran.err;
          }
          EXPECT_EQ(ran.err.find("mistake of Hearth"), std::string::npos) << line(deed.words) << ran.err;
        }
      });
    }
    threads.clear();
    EXPECT_EQ(hearth({"verify"}).code, 0);
    expect_no_bad_blob();
  }
  EXPECT_NE(hearth({"show", "held"}).out.find("ready"), std::string::npos);
  for (const char* name : {"hf:o/a", "hf:o/b", "another"}) (void)hearth({"rm", name});
  EXPECT_EQ(hearth({"rm", "held"}).code, 0);
  EXPECT_EQ(hearth({"gc", "--now"}).code, 0);
  EXPECT_TRUE(fs::is_empty(fs::path(home_) / "blobs"));
}

TEST_F(LibraryStorm, ADamagedIndexIsSavedOnceAndSaid) {
  ASSERT_EQ(hearth({"pull", "hf:o/held"}).code, 0);
  {
    auto shelf = library::Shelf::open(home_);
    ASSERT_TRUE(shelf);
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(shelf->name(1, "name" + std::to_string(i)));
  }
  const fs::path index = fs::path(home_) / "index.db";
  std::string bytes = read_text(index);
  for (std::size_t at = bytes.size() - 3000; at < bytes.size(); ++at) bytes[at] = static_cast<char>(at * 31);
  std::ofstream(index, std::ios::binary) << bytes;
  std::mutex mutex;
  std::string said;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        const Ran ran =
            hearth(i % 2 ? std::vector<std::string>{"inspect", "hf:o/held"} : std::vector<std::string>{"list"});
        const std::lock_guard lock(mutex);
        EXPECT_EQ(ran.code, 0) << ran.err;
        said += ran.err;
      });
    }
  }
  EXPECT_NE(said.find("was damaged"), std::string::npos) << "no index is replaced in silence";
  EXPECT_EQ(said.find("was damaged"), said.rfind("was damaged")) << "by one of them: " << said;
  EXPECT_EQ(read_text(index.string() + ".damaged-1"), bytes);
  EXPECT_FALSE(fs::exists(index.string() + ".damaged-2"));
}

TEST_F(LibraryStorm, AnIndexOfANewerHearthIsRefusedAndStays) {
  ASSERT_EQ(hearth({"pull", "hf:o/held"}).code, 0);
  const fs::path index = fs::path(home_) / "index.db";
  std::string bytes = read_text(index);
  bytes[63] = 99;  // the version that the database's header holds, big-endian at 60
  std::ofstream(index, std::ios::binary) << bytes;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"list"}, {"rm", "hf:o/held"}, {"gc", "--now"}, {"inspect", "hf:o/held"}}) {
    const Ran ran = hearth(words);
    EXPECT_EQ(ran.code, 1) << line(words);
    EXPECT_NE(ran.err.find("newer Hearth"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(read_text(index), bytes);
  expect_no_bad_blob();
}

}  // namespace
}  // namespace hearth::testing
