// Databases: versions, transactions, several processes, and what happens to damaged and newer files.
#include "store/database.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "data_path.h"
#include "file/temporary_folder.h"

namespace hearth::store {
namespace {

using hearth::testing::read_text;
using hearth::testing::TemporaryFolder;

constexpr std::array<std::string_view, 2> kVersions = {
    "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT)",
    "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 7",
};
constexpr Schema kOld{.what = "the test's index", .versions = std::span(kVersions).first(1)};
constexpr Schema kNew{.what = "the test's index", .versions = kVersions};

class Databases : public ::testing::Test {
 protected:
  /// Overwrites two pages in the middle, under whoever has the file open. Returns what is in the file then.
  std::string damage() const {
    std::string bytes = read_text(path_);
    for (std::size_t at = bytes.size() / 2; at < bytes.size() / 2 + 9000; ++at) bytes[at] = static_cast<char>(at * 37);
    std::ofstream(path_, std::ios::binary | std::ios::in) << bytes;
    return bytes;
  }
  static std::int64_t count(Database& database) {
    auto rows = database.prepare("SELECT count(*) FROM things");
    return rows && rows->step() ? rows->integer(0) : -1;
  }
  void fill(int n) const {
    auto database = Database::open(path_, kNew);
    ASSERT_TRUE(database) << database.error().message;
    ASSERT_TRUE(database->transaction([&]() -> Status {
      Status done;
      for (int i = 0; i < n && done; ++i) {
        done = database->run("INSERT INTO things (name, body) VALUES (?1, ?2)", "thing " + std::to_string(i),
                             std::string(300, 'x'));
      }
      return done;
    }));
    ASSERT_TRUE(database->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "index.db";
};

TEST_F(Databases, StandInFoldersOfAnyName) {
  path_ = folder_.path() / "100%25 #1? &mode=memory" / "index.db";
  std::filesystem::create_directories(path_.parent_path());
  fill(3);
  ASSERT_TRUE(std::filesystem::exists(path_));
  auto database = Database::open(path_, kNew);
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(count(*database), 3);
}

TEST_F(Databases, AreBroughtUpToDateAndNeverBack) {
  {
    auto old = Database::open(path_, kOld);
    ASSERT_TRUE(old) << old.error().message;
    ASSERT_TRUE(old->run("INSERT INTO things (name) VALUES (?1)", "first"));
    EXPECT_EQ(old->last_row_id(), 1);
  }
  {
    auto now = Database::open(path_, kNew);
    ASSERT_TRUE(now) << now.error().message;
    auto row = now->prepare("SELECT name, size, body FROM things");
    ASSERT_TRUE(row && row->step());
    EXPECT_EQ(row->text(0), "first");
    EXPECT_EQ(row->integer(1), 7);
    EXPECT_TRUE(row->is_null(2));
  }
  const std::string before = read_text(path_);
  const auto back = Database::open(path_, kOld);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::kStateMismatch);
  EXPECT_NE(back.error().message.find("version 2"), std::string::npos) << back.error().message;
  EXPECT_EQ(read_text(path_), before);
}

TEST_F(Databases, TransactionsAreAllOrNothing) {
  auto database = Database::open(path_, kNew);
  ASSERT_TRUE(database);
  const Status failed = database->transaction([&]() -> Status {
    HEARTH_CHECK(database->run("INSERT INTO things (name) VALUES (?1)", "a"));
    return database->run("INSERT INTO things (name) VALUES (?1)", "a");
  });
  EXPECT_FALSE(failed);
  EXPECT_EQ(count(*database), 0);
  auto other = Database::open(path_, kNew);
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->run("INSERT INTO things (name) VALUES (?1)", std::string("nul \0 inside", 12)));
  auto row = database->prepare("SELECT name FROM things");
  ASSERT_TRUE(row && row->step());
  EXPECT_EQ(row->text(0), std::string("nul \0 inside", 12));
}

TEST_F(Databases, DamagedOnesAreRefusedThenSalvagedBesideTheirCopy) {
  fill(2000);
  ASSERT_GT(read_text(path_).size(), 400'000u);
  const std::string bytes = damage();
  const auto refused = Database::open(path_, kNew);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidFile) << refused.error().message;
  EXPECT_NE(refused.error().message.find("damaged"), std::string::npos) << refused.error().message;
  EXPECT_EQ(read_text(path_), bytes);

  const auto salvage = salvage_database(path_, kNew);
  ASSERT_TRUE(salvage) << salvage.error().message;
  EXPECT_GT(salvage->n_rows, 1500u);
  EXPECT_LT(salvage->n_rows, 2000u);
  EXPECT_EQ(salvage->lost, "things");
  EXPECT_EQ(read_text(salvage->copy), bytes);
  auto whole = Database::open(path_, kNew);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(static_cast<std::uint64_t>(count(*whole)), salvage->n_rows);
}

TEST_F(Databases, OfWhichNothingCanBeReadStay) {
  std::ofstream(path_)
      << "this was never a database, but it is long enough to be looked at as if it had been one ......";
  const std::string before = read_text(path_);
  EXPECT_FALSE(Database::open(path_, kNew));
  const auto salvage = salvage_database(path_, kNew);
  ASSERT_FALSE(salvage);
  EXPECT_NE(salvage.error().message.find("left as it is"), std::string::npos) << salvage.error().message;
  EXPECT_EQ(read_text(path_), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(Databases, EveryFlippedByteIsReadOrRefused) {
  fill(20);
  const std::string whole = read_text(path_);
  int n_salvaged = 0;
  for (std::size_t at = 0; at < whole.size(); at += 611) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    const std::filesystem::path name = folder_.path() / "flipped.db";
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(name.string() + suffix);
    std::ofstream(name, std::ios::binary) << bytes;
    auto database = Database::open(name, kNew);
    if (database) {
      EXPECT_LE(count(*database), 21);
    } else if (database.error().code == ErrorCode::kInvalidFile && salvage_database(name, kNew)) {
      database = Database::open(name, kNew);
      ASSERT_TRUE(database) << at << " " << database.error().message;
      EXPECT_LE(count(*database), 20);
      ++n_salvaged;
    }
  }
  EXPECT_GT(n_salvaged, 0);
}

TEST_F(Databases, ManyMayBeginOneAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const std::filesystem::path name = folder_.path() / std::to_string(round);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        const auto database = Database::open(name, kNew);
        EXPECT_TRUE(database) << database.error().message;
      });
    }
  }
}

TEST_F(Databases, WhoHoldsADamagedOneGoesOnWithTheSalvagedOne) {
  fill(2000);
  auto holder = Database::open(path_, kNew);
  ASSERT_TRUE(holder) << holder.error().message;
  damage();
  const auto salvage = salvage_database(path_, kNew);
  ASSERT_TRUE(salvage) << salvage.error().message;
  EXPECT_EQ(static_cast<std::uint64_t>(count(*holder)), salvage->n_rows);
  const Status written = holder->run("INSERT INTO things (name) VALUES ('after')");
  EXPECT_TRUE(written) << written.error().message;
  auto other = Database::open(path_, kNew);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(static_cast<std::uint64_t>(count(*other)), salvage->n_rows + 1);
}

TEST_F(Databases, WhatIsWrittenDuringASalvageIsKept) {
  fill(2000);
  auto holder = Database::open(path_, kNew);
  ASSERT_TRUE(holder) << holder.error().message;
  damage();
  std::vector<std::string> written;
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; !done || i < 5; ++i) {
      const std::string name = "zz" + std::to_string(i);
      if (holder->run("INSERT INTO things (name) VALUES (?1)", name)) written.push_back(name);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // others get their turn, too
    }
  });
  const auto salvage = salvage_database(path_, kNew);
  done = true;
  writer.join();
  ASSERT_TRUE(salvage) << salvage.error().message;
  ASSERT_FALSE(written.empty());
  for (const std::string& name : written) {
    auto row = holder->prepare("SELECT 1 FROM things WHERE name = ?1");
    ASSERT_TRUE(row && row->bind(name));
    EXPECT_TRUE(row->step().value_or(false)) << name;
  }
}

}  // namespace
}  // namespace hearth::store
