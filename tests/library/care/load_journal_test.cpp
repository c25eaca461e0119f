// A process that dies while it loads is remembered, explained and loaded with less; one that lives is not.
#include "library/care/load_journal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "file/temporary_folder.h"

namespace hearth::care {
namespace {

RiskyLoad load_of(const std::string& model) {
  return {.model = model,
          .size_bytes = 123,
          .running = {.n_ctx = 8192, .ubatch = 512, .kv = KvStorage::kF16},
          .predicted_bytes = 5ull << 30,
          .free_bytes = 3ull << 30};
}

/// A child begins to load and is killed in the middle of it.
void die_loading(const std::filesystem::path& folder, const std::string& model) {
  const pid_t child = fork();
  if (child == 0) {
    const auto ticket = LoadJournal(folder).begin(load_of(model));
    if (!ticket) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST(LoadJournal, ADeathIsExplainedThenLoadedWithLessThenRefused) {
  const testing::TemporaryFolder folder;
  const LoadJournal journal(folder.path() / "loads");
  EXPECT_EQ(journal.advice("a.gguf"), Advice::kGoOn);
  die_loading(folder.path() / "loads", "a.gguf");
  EXPECT_EQ(journal.advice("a.gguf"), Advice::kSmaller);
  EXPECT_EQ(journal.advice("b.gguf"), Advice::kGoOn);
  EXPECT_EQ(explain(*journal.deaths("a.gguf")),
            "the last time a.gguf was loaded, the process died (8192 positions; about 5.00 GiB were needed, 3.00 were "
            "free: memory ran out, most likely)");
  die_loading(folder.path() / "loads", "a.gguf");
  EXPECT_EQ(journal.advice("a.gguf"), Advice::kRefuse);
  EXPECT_EQ(journal.deaths("a.gguf")->n, 2u);
  journal.forget("a.gguf");
  EXPECT_EQ(journal.advice("a.gguf"), Advice::kGoOn);
}

TEST(LoadJournal, ThoseThatLiveAreNotBlamed) {
  const testing::TemporaryFolder folder;
  const LoadJournal journal(folder.path());
  {
    const auto ticket = journal.begin(load_of("a.gguf"));
    ASSERT_TRUE(ticket);
    EXPECT_EQ(journal.advice("a.gguf"), Advice::kGoOn) << "it is still loading";
    EXPECT_TRUE(journal.begin(load_of("a.gguf"))) << "another process may load the same";
  }
  EXPECT_EQ(journal.advice("a.gguf"), Advice::kGoOn);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(LoadJournal, ABeginOverADeathKeepsIt) {
  const testing::TemporaryFolder folder;
  const LoadJournal journal(folder.path());
  die_loading(folder.path(), "a.gguf");
  {
    EXPECT_TRUE(journal.begin(load_of("a.gguf")));
  }
  EXPECT_EQ(journal.advice("a.gguf"), Advice::kSmaller);
}

TEST(LoadJournal, HostileFilesAndFoldersHarmNothing) {
  const testing::TemporaryFolder folder;
  const LoadJournal journal(folder.path());
  for (const char* text :
       {"", "[]", R"({"version":1,"deaths":[{"n":1}]})", R"({"version":1,"deaths":[{"n":-1,"last":{}}]})"}) {
    static_cast<void>(folder.write("deaths.json", text));
    static_cast<void>(folder.write("ticket-00-0.building", text));
    EXPECT_TRUE(journal.all_deaths().empty()) << text;
  }
  const LoadJournal nowhere("/proc/no/such/folder");
  EXPECT_FALSE(nowhere.begin(load_of("a.gguf")));
  EXPECT_EQ(nowhere.advice("a.gguf"), Advice::kGoOn);
  nowhere.forget("a.gguf");
}

TEST(LoadJournal, LessIsLess) {
  const fit::Running less = with_less({.n_ctx = 8192, .ubatch = 512, .kv = KvStorage::kF16});
  EXPECT_EQ(less.n_ctx, 4096u);
  EXPECT_EQ(less.ubatch, 128u);
  EXPECT_EQ(less.kv, KvStorage::kQ8_0);
  EXPECT_EQ(with_less({.n_ctx = 512, .ubatch = 64}).n_ctx, 512u);
  EXPECT_EQ(with_less({.n_ctx = 3000}).n_ctx, 2048u);
}

}  // namespace
}  // namespace hearth::care
