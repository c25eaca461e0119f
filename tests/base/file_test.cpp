// Reading foreign files and writing our own: every failure is a sentence, nothing half-written is ever seen.
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "data_path.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test, removed at the end.
class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth_file_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path make(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::set<std::string> names() {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.insert(entry.path().filename().string());
    return found;
  }
  fs::path folder_;
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST_F(FileTest, ReadsAnyRange) {
  const auto file = RandomAccessFile::open(make("a", "0123456789"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->size(), 10u);
  EXPECT_EQ(file->path().filename(), "a");
  for (std::size_t offset = 0; offset <= 10; ++offset) {
    for (std::size_t size = 0; offset + size <= 10; ++size) {
      std::string out(size, '?');
      ASSERT_TRUE(file->read_at(offset, std::as_writable_bytes(std::span(out))));
      EXPECT_EQ(out, std::string("0123456789").substr(offset, size));
    }
  }
}

TEST_F(FileTest, AFileThatEndsEarlyIsAnErrorThatSaysSo) {
  const fs::path path = make("model.gguf", "0123456789");
  const auto file = RandomAccessFile::open(path);
  ASSERT_TRUE(file);
  fs::resize_file(path, 4);  // truncated after opening, as a download that starts over would
  std::string out(8, '?');
  const Status status = file->read_at(1, std::as_writable_bytes(std::span(out)));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorruptedModel);
  EXPECT_NE(status.error().message.find("ends at byte 4"), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find("model.gguf"), std::string::npos) << status.error().message;
}

TEST_F(FileTest, AbsurdOffsetsAreErrors) {
  const auto file = RandomAccessFile::open(make("a", "0123456789"));
  ASSERT_TRUE(file);
  std::string out(1, '?');
  for (const std::uint64_t offset : {std::uint64_t{10}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    EXPECT_FALSE(file->read_at(offset, std::as_writable_bytes(std::span(out)))) << offset;
  }
}

TEST_F(FileTest, OpeningWhatIsNoFileFailsWithItsName) {
  const auto absent = RandomAccessFile::open(folder_ / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kFileNotFound);
  EXPECT_NE(absent.error().message.find("absent"), std::string::npos);
  const auto directory = RandomAccessFile::open(folder_);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::kInvalidArgument);
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(RandomAccessFile::open(pipe)) << "and above all it must not wait for a writer";
}

TEST_F(FileTest, SeveralThreadsMayRead) {
  std::string text(1 << 16, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 >> 3);
  const auto file = RandomAccessFile::open(make("a", text));
  ASSERT_TRUE(file);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::string out(1000, '?');
      for (std::size_t offset = t; offset + out.size() < text.size(); offset += 997) {
        if (!file->read_at(offset, std::as_writable_bytes(std::span(out)))) ++wrong[t];
        if (out != text.substr(offset, out.size())) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST_F(FileTest, MovingKeepsTheFileOpen) {
  auto first = RandomAccessFile::open(make("a", "first"));
  auto second = RandomAccessFile::open(make("b", "second!"));
  ASSERT_TRUE(first && second);
  *first = std::move(*second);
  EXPECT_EQ(first->size(), 7u);
  const RandomAccessFile third(std::move(*first));
  std::string out(7, '?');
  ASSERT_TRUE(third.read_at(0, std::as_writable_bytes(std::span(out))));
  EXPECT_EQ(out, "second!");
}

TEST_F(FileTest, ReadFileHonoursItsLimit) {
  const fs::path path = make("a", "0123456789");
  EXPECT_EQ(read_file(path, 10).value(), "0123456789");
  const auto refused = read_file(path, 9);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_file(make("empty", ""), 0).value(), "");
}

TEST_F(FileTest, PublishReplacesTheFileAtOnce) {
  const fs::path path = make("a", "old");
  {
    auto writer = AtomicFileWriter::create(path);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE(writer->write(bytes_of("new ")));
    ASSERT_TRUE(writer->write(bytes_of("text")));
    EXPECT_EQ(testing::read_text(path), "old");
    ASSERT_TRUE(writer->publish());
  }
  EXPECT_EQ(testing::read_text(path), "new text");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(FileTest, WithoutPublishNothingStays) {
  {
    auto writer = AtomicFileWriter::create(folder_ / "a");
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write(bytes_of("half")));
    const AtomicFileWriter moved(std::move(*writer));
    EXPECT_EQ(names().size(), 1u);
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(FileTest, WritingWhereNothingCanBeIsAnError) {
  const auto writer = AtomicFileWriter::create(folder_ / "no" / "such" / "folder" / "a");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kIo);
  auto blocked = AtomicFileWriter::create(folder_ / "taken");
  ASSERT_TRUE(blocked);
  fs::create_directories(folder_ / "taken" / "by a folder");
  EXPECT_FALSE(blocked->publish());
  EXPECT_EQ(names(), std::set<std::string>{"taken"});
}

TEST(SystemErrors, AFullDiskHasItsOwnCode) {
  EXPECT_EQ(code_of_system_error(ENOSPC), ErrorCode::kDiskFull);
  EXPECT_EQ(code_of_system_error(EDQUOT), ErrorCode::kDiskFull);
  EXPECT_EQ(code_of_system_error(EIO), ErrorCode::kIo);
}

}  // namespace
}  // namespace hearth
