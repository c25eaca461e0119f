// The disk fails under a download or an import: whichever call the system refuses, the command says what happened and
// what helps, no bad file gets a name, what was recorded stays, and the next try ends well once the fault is gone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/system_watch.h"
#include "library/local_hub.h"

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;
using FaultJson = nlohmann::json;
using Kind = WatchedCall::Kind;

/// From the call number `first` of this kind on such a file on, each one fails.
struct StorageFault {
  Kind kind;
  const char* place;  // part of the path
  int number;         // the errno
  int first = 1;
  const char* code;   // of the error that the command reports
  const char* words;  // part of its message
};

class StorageFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = missing(stories())) GTEST_SKIP() << *why;
    model_ = read_text(stories());
  }
  [[nodiscard]] std::vector<std::string> settings(std::vector<std::string> more = {}) const {
    std::vector<std::string> all = {"HEARTH_HOME=" + home_, "HF_ENDPOINT=" + hub_.url(), "HEARTH_CACHE=off"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// The command with this fault; nothing where the kernel lets nobody interfere.
  [[nodiscard]] std::optional<Ran> run_with(const StorageFault& fault,
                                            const std::vector<std::string>& arguments) const {
    int n_seen = 0;
    auto ran = run_counting(fault, arguments, n_seen);
    if (ran) {
      EXPECT_GE(n_seen, fault.first) << fault.place << ": the fault met nothing";
    }
    return ran;
  }
  /// The same; `n_seen` of the calls that it is meant for were made.
  [[nodiscard]] std::optional<Ran> run_counting(const StorageFault& fault, const std::vector<std::string>& arguments,
                                                int& n_seen) const {
    std::vector<std::string> words = command_line(arguments), environment = settings();
    environment.emplace_back("PATH=/usr/bin:/bin");
    const std::string out = folder_.file("out"), err = folder_.file("err");
    std::vector<char*> argv, envp;
    for (std::string& word : words) argv.push_back(word.data());
    for (std::string& setting : environment) envp.push_back(setting.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    n_seen = 0;
    const auto status = SystemWatch::run(
        WatchScope::kNamesAndBytes,
        [&] {  // threads of the hub run in this process, so nothing here may allocate
          const int output = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
          const int errors = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
          ::dup2(output, 1);
          ::dup2(errors, 2);
          SystemWatch::start_program(argv, envp);
        },
        [&](const WatchedCall& call) {
          const bool meant =
              call.kind == fault.kind && (call.path + " " + call.other).find(fault.place) != std::string::npos;
          return meant && ++n_seen >= fault.first ? fault.number : 0;
        });
    if (!status) return std::nullopt;
    return Ran{.code = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status),
               .out = read_text(out),
               .err = read_text(err)};
  }
  /// Begins a library of one model and damages an empty page of its index; returns the file's bytes.
  [[nodiscard]] std::string damaged_index() {
    hub_.put("o/small", "m.gguf", model_);
    EXPECT_EQ(run_hearth({"pull", "hf:o/small"}, {.environment = settings()}).code, 0);
    const fs::path index = fs::path(home_) / "index.db";
    std::string bytes = read_text(index);
    bytes.replace(bytes.size() - 4096, 4096, std::string(4096, 'x'));
    std::ofstream(index, std::ios::binary) << bytes;
    return bytes;
  }
  /// Every file with a final name is what its name says.
  void expect_no_bad_blob() const {
    const fs::path blobs = fs::path(home_) / "blobs";
    if (!fs::exists(blobs)) return;
    for (const auto& entry : fs::directory_iterator(blobs))
      EXPECT_EQ(library::sha256_of(read_text(entry.path())), entry.path().filename().string());
  }

  LocalHub hub_;
  ScratchFolder folder_{in_memory()};
  std::string home_ = folder_.file("home"), model_;
};

TEST_F(StorageFaults, UnderADownload) {
  const std::string digest = hub_.put("o/small", "m.gguf", model_);
  for (const StorageFault& fault : std::vector<StorageFault>{
           {Kind::kStore, ".part", EIO, 1, "io_error", "may be failing"},
           {Kind::kStore, ".part", EDQUOT, 20, "disk_full", "free some space"},
           {Kind::kSync, ".part", EIO, 1, "io_error", "may be failing"},
           {Kind::kResize, ".part", EFBIG, 1, "disk_full", "of that size"},
           {Kind::kResize, ".part", ENOSPC, 2, "disk_full", "free some space"},
           {Kind::kWrite, ".part", EROFS, 1, "io_error", "choose another folder"},
           {Kind::kStore, ".journal", EIO, 2, "io_error", "may be failing"},
           {Kind::kSync, ".journal", EIO, 1, "io_error", "may be failing"},
           {Kind::kWrite, ".lock", EDQUOT, 1, "disk_full", "free some space"},
           {Kind::kRename, "/blobs/", EROFS, 1, "io_error", "choose another folder"},
           {Kind::kSync, "/blobs", EIO, 1, "io_error", "may be failing"},
       }) {
    const auto ran = run_with(fault, {"pull", "hf:o/small", "--json"});
    if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
    const std::string which = std::string(fault.place) + " " + std::to_string(fault.number);
    EXPECT_EQ(ran->code, 1) << which << ran->err;
    const FaultJson last = FaultJson::parse(ran->out.substr(ran->out.rfind('{')), nullptr, false);
    ASSERT_TRUE(last.is_object()) << which << ran->out << ran->err;
    EXPECT_EQ(last["code"], fault.code) << which << last;
    EXPECT_NE(last["message"].get<std::string>().find(fault.words), std::string::npos) << which << last;
    expect_no_bad_blob();
    const Ran again = run_hearth({"pull", "hf:o/small"}, {.environment = settings()});
    EXPECT_EQ(again.code, 0) << which << again.err;
    EXPECT_EQ(library::sha256_of(read_text(fs::path(home_) / "blobs" / digest)), digest) << which;
    fs::remove_all(home_);
  }
}

TEST_F(StorageFaults, UnderTheIndex) {
  hub_.put("o/small", "m.gguf", model_);
  ASSERT_EQ(run_hearth({"list"}, {.environment = settings()}).code, 0);
  for (const StorageFault& fault : std::vector<StorageFault>{
           {Kind::kStore, "index.db-wal", EIO, 1, "", "may be failing"},
           {Kind::kStore, "index.db-wal", ENOSPC, 1, "", "free some space"},
           {Kind::kStore, "index.db-wal", EDQUOT, 1, "", "free some space"},
           {Kind::kSync, "index.db-wal", EIO, 1, "", "may be failing"},
       }) {
    const auto ran = run_with(fault, {"pull", "hf:o/small"});
    if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
    EXPECT_EQ(ran->code, 1) << fault.number;
    EXPECT_NE(ran->err.find(fault.words), std::string::npos) << fault.number << ran->err;
    const Ran again = run_hearth({"pull", "hf:o/small"}, {.environment = settings()});
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(again.err.find("damaged"), std::string::npos) << again.err;
    EXPECT_EQ(run_hearth({"verify", "hf:o/small"}, {.environment = settings()}).code, 0);
    fs::remove_all(home_);
  }
}

TEST_F(StorageFaults, KeepWhatWasRecorded) {
  constexpr std::size_t kChunk = 8u << 20;
  const std::string bytes = model_ + noise(2 * kChunk, 3);
  hub_.put("o/big", "m.gguf", bytes);
  // The third record cannot be made durable.
  const auto ran = run_with({Kind::kSync, ".journal", EIO, 4, "", ""}, {"pull", "hf:o/big", "--connections", "1"});
  if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
  EXPECT_EQ(ran->code, 1) << ran->err;
  hub_.forget();
  const Ran again = run_hearth({"pull", "hf:o/big"}, {.environment = settings()});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_LE(hub_.n_sent(), bytes.size() - 2 * kChunk) << "two parts were recorded, so at most the rest comes again";
  expect_no_bad_blob();
}

TEST_F(StorageFaults, UnderAnImport) {
  for (const StorageFault& fault : std::vector<StorageFault>{
           {Kind::kStore, ".part", EIO, 1, "", "may be failing"},
           {Kind::kResize, ".part", EDQUOT, 1, "", "free some space"},
           {Kind::kSync, ".part", EIO, 1, "", "may be failing"},
           {Kind::kRename, "/blobs/", EROFS, 1, "", "choose another folder"},
       }) {
    const auto ran = run_with(fault, {"import", stories(), "--name", "tale"});
    if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
    EXPECT_EQ(ran->code, 1) << fault.number;
    EXPECT_NE(ran->err.find(fault.words), std::string::npos) << ran->err;
    expect_no_bad_blob();
    EXPECT_EQ(run_hearth({"show", "tale"}, {.environment = settings()}).code, 1) << "it has no name";
    const Ran again = run_hearth({"import", stories(), "--name", "tale"}, {.environment = settings()});
    EXPECT_EQ(again.code, 0) << again.err;
    fs::remove_all(home_);
  }
}

TEST_F(StorageFaults, AShelfThatMayOnlyBeRead) {
  hub_.put("o/small", "m.gguf", model_);
  ASSERT_EQ(run_hearth({"pull", "hf:o/small"}, {.environment = settings()}).code, 0);
  ASSERT_EQ(run_hearth({"cp", "hf:o/small", "tale"}, {.environment = settings()}).code, 0);
  const StorageFault nothing_is_written{Kind::kWrite, home_.c_str(), EROFS, 1, "", ""};
  for (const auto& [arguments, words] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"list"}, "tale"},
           {{"show", "tale"}, "ready"},
           {{"verify", "tale"}, "whole"},
           {{"inspect", "tale"}, "llama"},
           {{"run", "tale", "Once upon", "--greedy", "--max-tokens", "4"}, "a time"},
       }) {
    const auto ran = run_with(nothing_is_written, arguments);
    if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
    EXPECT_EQ(ran->code, 0) << arguments[0] << ran->err;
    EXPECT_NE(ran->out.find(words), std::string::npos) << arguments[0] << ran->out;
  }
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"rm", "tale"}, {"cp", "tale", "more"}, {"import", stories()}}) {
    const auto ran = run_with(nothing_is_written, arguments);
    ASSERT_TRUE(ran);
    EXPECT_EQ(ran->code, 1) << arguments[0] << ran->out;
    EXPECT_NE(ran->err.find("choose another folder"), std::string::npos) << arguments[0] << ran->err;
  }
  EXPECT_NE(run_hearth({"list"}, {.environment = settings()}).out.find("tale"), std::string::npos);
}

TEST_F(StorageFaults, AShelfThatMayOnlyBeReadIsRefusedAsAnyOther) {
  hub_.put("o/small", "m.gguf", model_);
  ASSERT_EQ(run_hearth({"pull", "hf:o/small"}, {.environment = settings()}).code, 0);
  const fs::path index = fs::path(home_) / "index.db";
  const std::string whole = read_text(index);
  const auto with = [](std::string bytes, std::size_t at, std::string_view other) {
    return bytes.replace(at, other.size(), other);
  };
  for (const auto& [bytes, words] : std::vector<std::pair<std::string, std::string>>{
           {with(whole, 60, std::string_view("\0\0\0\x63", 4)), "newer Hearth"},
           {with(whole, whole.size() - 4096, std::string(4096, 'x')), "damaged"},
           {std::string(8192, 'x'), "damaged"},
       }) {
    std::ofstream(index, std::ios::binary) << bytes;
    const auto ran = run_with({Kind::kWrite, home_.c_str(), EROFS, 1, "", ""}, {"show", "hf:o/small"});
    if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
    EXPECT_EQ(ran->code, 1) << ran->out;
    EXPECT_NE(ran->err.find(words), std::string::npos) << ran->err;
    EXPECT_EQ(read_text(index), bytes) << "it stays as it is";
  }
  fs::remove(index);
  const auto ran = run_with({Kind::kWrite, home_.c_str(), EROFS, 1, "", ""}, {"import", stories(), "--name", "tale"});
  ASSERT_TRUE(ran);
  EXPECT_NE(ran->err.find("choose another folder"), std::string::npos) << ran->err;
}

TEST_F(StorageFaults, UnderASalvageLeaveTheDamagedIndexAlone) {
  const fs::path index = fs::path(home_) / "index.db";
  const std::string damaged = damaged_index();
  for (const StorageFault& fault : std::vector<StorageFault>{
           {Kind::kStore, "index.db.damaged-1", ENOSPC, 1, "", "free some space"},
           {Kind::kSync, "index.db.damaged-1", EIO, 1, "", "may be failing"},
           {Kind::kRename, "index.db.damaged-1", EROFS, 1, "", "choose another folder"},
           {Kind::kStore, "index.db-wal", ENOSPC, 1, "", "free some space"},
       }) {
    const auto ran = run_with(fault, {"list"});
    if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
    const std::string which = std::string(fault.place) + " " + std::to_string(fault.number);
    EXPECT_EQ(ran->code, 1) << which << ran->out;
    EXPECT_NE(ran->err.find(fault.words), std::string::npos) << which << ran->err;
    EXPECT_EQ(read_text(index), damaged) << which;
    for (const auto& entry : fs::directory_iterator(home_)) {
      const std::string name = entry.path().filename();
      for (const char* left : {".damaged", ".salvaged", ".reading", ".lock"})
        EXPECT_EQ(name.find(left), std::string::npos) << which << ": " << name;
    }
  }
  const Ran again = run_hearth({"list"}, {.environment = settings()});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.err.find("was damaged"), std::string::npos) << again.err;
  EXPECT_EQ(read_text(index.string() + ".damaged-1"), damaged);
}

TEST_F(StorageFaults, ADiskThatFillsAtAnyWriteOfASalvageLosesNoRow) {
  const fs::path index = fs::path(home_) / "index.db";
  const std::string damaged = damaged_index();
  for (int first = 1;; ++first) {
    int n_seen = 0;
    const auto ran = run_counting({Kind::kStore, "index.db.salvaged", ENOSPC, first, "", ""}, {"list"}, n_seen);
    if (!ran) GTEST_SKIP() << "this kernel lets nobody interfere with the calls of a process";
    if (ran->code == 0) {  // every row was safe before the disk was full
      EXPECT_NE(ran->err.find("4 entries were saved, and"), std::string::npos) << first << ran->err;
      EXPECT_GT(first, 1);
      return;
    }
    ASSERT_GE(n_seen, first);
    EXPECT_EQ(ran->code, 1) << first << ran->out;
    EXPECT_NE(ran->err.find("free some space"), std::string::npos) << first << ran->err;
    ASSERT_EQ(read_text(index), damaged) << first << ran->err;
  }
}

TEST_F(StorageFaults, AFileSystemOfSmallFiles) {
  const std::string digest = hub_.put("o/small", "m.gguf", model_);
  const std::string out = folder_.file("out");
  // Blocks of 512 bytes: less than the model has, more than the index.
  const std::string limited = "ulimit -f 1600; env HEARTH_CACHE=off HEARTH_HOME=" + home_ +
                              " HF_ENDPOINT=" + hub_.url() + " " + command_line({})[0] + " pull hf:o/small --json > " +
                              out + " 2> /dev/null";
  if (!std::string_view(HEARTH_EMULATOR).empty()) GTEST_SKIP() << "the limit would be the emulator's";
  const int status = std::system(("sh -c '" + limited + "'").c_str());
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const std::string said = read_text(out);
  EXPECT_NE(said.find("disk_full"), std::string::npos) << said;
  EXPECT_NE(said.find("ulimit -f"), std::string::npos) << said;
  const Ran again = run_hearth({"pull", "hf:o/small"}, {.environment = settings()});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(library::sha256_of(read_text(fs::path(home_) / "blobs" / digest)), digest);
}

TEST_F(StorageFaults, AWallClockThatJumps) {
  const std::string digest = hub_.put("o/big", "m.gguf", model_ + noise(9u << 20, 6));
  const auto jumping = [&](const std::vector<std::string>& arguments) {
    return run_hearth(arguments, {.environment = settings({std::string("LD_PRELOAD=") + HEARTH_JUMPING_CLOCK,
                                                           "ASAN_OPTIONS=verify_asan_link_order=0"})});
  };
  hub_.set_fault([n = 0](const Asked& asked, Answer& answer) mutable {
    if (!asked.is_file()) return;
    answer.declared = answer.body.size();
    if (++n == 1) answer.cut_after = answer.body.size() / 2;
  });
  const Ran pulled = jumping({"pull", "hf:o/big", "--json"});
  EXPECT_EQ(pulled.code, 0) << pulled.err;
  for (std::size_t at = 0, end = 0; (end = pulled.out.find('\n', at)) != std::string::npos; at = end + 1) {
    const FaultJson event = FaultJson::parse(pulled.out.substr(at, end - at), nullptr, false);
    if (event.value("event", "") != "progress") continue;
    EXPECT_GE(event["bytes_per_second"].get<double>(), 0) << event;
    EXPECT_LT(event["bytes_per_second"].get<double>(), 1e11) << event;
    EXPECT_TRUE(event["eta_seconds"].is_null() || event["eta_seconds"].get<double>() >= 0) << event;
  }
  EXPECT_EQ(library::sha256_of(read_text(fs::path(home_) / "blobs" / digest)), digest);
  EXPECT_EQ(jumping({"gc"}).code, 0);
  EXPECT_EQ(jumping({"verify"}).code, 0);
}

}  // namespace
}  // namespace hearth::testing
