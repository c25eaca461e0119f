// Real files open, their tensors account for every byte, and split models come together from any part.
#include "file/gguf/file.h"

#include <gtest/gtest.h>

#include <thread>

#include "data_path.h"
#include "file/gguf/split_name.h"
#include "file/gguf_bytes.h"
#include "file/temporary_folder.h"
#include "file/thread_clock.h"
#include "running_time.h"

namespace hearth::gguf {
namespace {

namespace fs = std::filesystem;
using testing::GgufBytes;
using testing::TemporaryFolder;

std::vector<fs::path> real_files() {
  std::vector<fs::path> out;
  for (const char* folder : {"golden", "tokenizer", "weights"}) {
    const fs::path root = testing::data_path(folder);
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".gguf") out.push_back(entry.path());
    }
  }
  return out;
}

TEST(GgufFile, RealFilesOpenAndTensorsFillThem) {
  const auto files = real_files();
  if (files.empty()) GTEST_SKIP() << *testing::missing(testing::data_path("golden"));
  for (const fs::path& path : files) {
    SCOPED_TRACE(path.string());
    const auto model = open_model_file(path);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ((*model)->format(), "GGUF v3");
    EXPECT_TRUE((*model)->require<std::string_view>("general.architecture"));
    std::uint64_t end = 0;
    std::uint64_t padded_sum = 0;
    for (const TensorInfo& tensor : (*model)->tensors()) {
      EXPECT_EQ((*model)->find_tensor(tensor.name), &tensor);
      end = std::max(end, tensor.offset + tensor.size_bytes);
      padded_sum += (tensor.size_bytes + 31) / 32 * 32;
    }
    EXPECT_EQ((*model)->find_tensor("no such tensor"), nullptr);
    if ((*model)->tensors().empty()) continue;
    // Nothing but padding lies outside: header, then tensors back to back.
    const std::uint64_t data = (*model)->tensors().front().offset;
    EXPECT_EQ((end + 31) / 32 * 32, data + padded_sum);
    EXPECT_LE((*model)->size_bytes() - end, 31u);
  }
}

TEST(GgufFile, ReadsTensorsFromSeveralThreads) {
  const fs::path path = testing::data_path("weights/stories260K/stories260K.gguf");
  if (auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const auto model = File::open(path);
  ASSERT_TRUE(model) << model.error().message;
  const std::string whole = testing::read_text(path);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (const TensorInfo& tensor : model->tensors()) {
        std::string bytes(tensor.size_bytes, '\0');
        ASSERT_TRUE(model->read_tensor(tensor, std::as_writable_bytes(std::span(bytes))));
        EXPECT_EQ(bytes, whole.substr(tensor.offset, tensor.size_bytes));
        std::string part(tensor.size_bytes / 2, '\0');
        ASSERT_TRUE(model->read_tensor_range(tensor, tensor.size_bytes / 4, std::as_writable_bytes(std::span(part))));
        EXPECT_EQ(part, bytes.substr(tensor.size_bytes / 4, part.size()));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::string big(model->tensors()[0].size_bytes + 1, '\0');
  EXPECT_FALSE(model->read_tensor(model->tensors()[0], std::as_writable_bytes(std::span(big))));
  EXPECT_FALSE(
      model->read_tensor_range(model->tensors()[0], 1, std::as_writable_bytes(std::span(big)).first(big.size() - 1)));
  EXPECT_FALSE(model->read_tensor_range(model->tensors()[0], ~0ull, std::as_writable_bytes(std::span(big)).first(2)));
}

TEST(GgufFile, OpeningAHugeFileReadsOnlyItsHeader) {
  const TemporaryFolder folder;
  const std::uint64_t n = 4ull << 30;
  GgufBytes b;
  b.counts(1, 1).text("general.architecture", "llama").tensor("t", {1024, n / 4 / 1024}, 0, 0).pad();
  const fs::path path = folder.write("huge.gguf", b.str());
  fs::resize_file(path, b.size() + n);  // sparse
  const double start = testing::thread_seconds();
  const auto model = File::open(path);
  const double seconds = testing::thread_seconds() - start;
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->tensors()[0].size_bytes, n);
  EXPECT_LT(seconds, testing::time_limit(0.01));
}

TEST(GgufFile, FilesThatCannotBeOpenedSayWhy) {
  const TemporaryFolder folder;
  const auto absent = open_model_file(folder.path() / "absent.gguf");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kFileNotFound);
  EXPECT_FALSE(open_model_file(folder.path()));
  const auto empty = open_model_file(folder.write("empty.gguf", ""));
  ASSERT_FALSE(empty);
  EXPECT_NE(empty.error().message.find("empty.gguf"), std::string::npos) << empty.error().message;
}

std::string split_part(std::uint16_t idx, std::uint16_t n_parts, std::int32_t n_tensors, const std::string& name) {
  GgufBytes b;
  b.counts(name.empty() ? 0 : 1, idx == 0 ? 4 : 3);
  if (idx == 0) b.text("general.architecture", "llama");
  b.scalar("split.no", 2, idx).scalar("split.count", 2, n_parts).scalar("split.tensors.count", 5, n_tensors);
  if (!name.empty()) b.tensor(name, {4}, 0, 0).pad().number(1.0f + idx).zeros(12);
  return b.str();
}

TEST(GgufFile, SplitModelsOpenFromAnyPart) {
  const TemporaryFolder folder;
  std::vector<fs::path> paths;
  paths.push_back(folder.write("m-00001-of-00003.gguf", split_part(0, 3, 2, "")));
  paths.push_back(folder.write("m-00002-of-00003.gguf", split_part(1, 3, 2, "a")));
  paths.push_back(folder.write("m-00003-of-00003.gguf", split_part(2, 3, 2, "b")));
  for (const fs::path& path : paths) {
    const auto model = open_model_file(path);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ((*model)->paths(), paths);
    EXPECT_EQ((*model)->require<std::string>("general.architecture"), "llama");
    ASSERT_EQ((*model)->tensors().size(), 2u);
    const TensorInfo* b = (*model)->find_tensor("b");
    ASSERT_NE(b, nullptr);
    EXPECT_EQ(b->part_idx, 2u);
    float values[4];
    ASSERT_TRUE((*model)->read_tensor(*b, std::as_writable_bytes(std::span(values))));
    EXPECT_EQ(values[0], 3.0f);
  }
}

TEST(GgufFile, BrokenSplitsNameThePart) {
  const auto message = [](const TemporaryFolder& folder, const char* name) {
    const auto model = open_model_file(folder.path() / name);
    return model ? std::string() : model.error().message;
  };
  const TemporaryFolder missing;
  (void)missing.write("m-00001-of-00002.gguf", split_part(0, 2, 1, ""));
  EXPECT_NE(message(missing, "m-00001-of-00002.gguf").find("m-00002-of-00002.gguf) is missing"), std::string::npos);

  const TemporaryFolder renamed;
  (void)renamed.write("model.gguf", split_part(0, 2, 1, ""));
  EXPECT_NE(message(renamed, "model.gguf").find("-of-00002.gguf"), std::string::npos);
  (void)renamed.write("m-00001-of-00003.gguf", split_part(0, 2, 1, ""));
  EXPECT_NE(message(renamed, "m-00001-of-00003.gguf").find("split.count"), std::string::npos);

  (void)renamed.write("typed.gguf", GgufBytes().counts(0, 1).text("split.count", "2").str());
  EXPECT_NE(message(renamed, "typed.gguf").find("typed.gguf: metadata key 'split.count'"), std::string::npos);

  const TemporaryFolder swapped;
  (void)swapped.write("m-00001-of-00002.gguf", split_part(1, 2, 2, "a"));
  (void)swapped.write("m-00002-of-00002.gguf", split_part(0, 2, 2, "b"));
  EXPECT_NE(message(swapped, "m-00001-of-00002.gguf").find("'split.no': expected 0, found 1"), std::string::npos);

  const TemporaryFolder miscounted;
  (void)miscounted.write("m-00001-of-00002.gguf", split_part(0, 2, 3, "a"));
  (void)miscounted.write("m-00002-of-00002.gguf", split_part(1, 2, 3, "b"));
  EXPECT_NE(message(miscounted, "m-00002-of-00002.gguf").find("'split.tensors.count': expected 2, found 3"),
            std::string::npos);

  const TemporaryFolder twice;
  (void)twice.write("m-00001-of-00002.gguf", split_part(0, 2, 2, "a"));
  (void)twice.write("m-00002-of-00002.gguf", split_part(1, 2, 2, "a"));
  EXPECT_NE(message(twice, "m-00001-of-00002.gguf").find("tensor 'a' is in"), std::string::npos);
}

TEST(GgufSplitName, Parses) {
  const auto name = parse_split_name("/x/y/model-q4-00002-of-00010.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->stem, "model-q4");
  EXPECT_EQ(name->part_idx, 1u);
  EXPECT_EQ(name->n_parts, 10u);
  EXPECT_EQ(split_sibling("/x/y/model-q4-00002-of-00010.gguf", *name, 9), "/x/y/model-q4-00010-of-00010.gguf");
  for (const char* other : {"a.gguf", "", "-00001-of-00002", "a-0001-of-00002.gguf", "a-00000-of-00002.gguf",
                            "a-00003-of-00002.gguf", "a--0001-of-00002.gguf", "a-00001_of-00002.gguf"}) {
    EXPECT_FALSE(parse_split_name(other)) << other;
  }
}

}  // namespace
}  // namespace hearth::gguf
