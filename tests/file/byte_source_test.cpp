// Headers read through a source of bytes: how much is asked for, and what a source that lies or fails leads to.
#include "file/byte_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "data_path.h"
#include "file/gguf_bytes.h"
#include "file/model_file.h"
#include "file/temporary_folder.h"

namespace hearth {
namespace {

using testing::GgufBytes;

/// Bytes in memory that count what is read of them, and fail beyond `reachable`.
class CountedSource final : public ByteSource {
 public:
  explicit CountedSource(std::string bytes) : bytes_(std::move(bytes)), reachable_(bytes_.size()) {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
  [[nodiscard]] Status read(std::uint64_t offset, std::span<std::byte> into) override {
    ++n_reads_;
    furthest_ = std::max(furthest_, offset + into.size());
    if (furthest_ > reachable_) return fail(ErrorCode::kNetworkFailed, "the cable was pulled");
    std::memcpy(into.data(), bytes_.data() + offset, into.size());
    return {};
  }
  void cut_at(std::uint64_t reachable) { reachable_ = reachable; }
  [[nodiscard]] std::size_t n_reads() const { return n_reads_; }
  [[nodiscard]] std::uint64_t furthest() const { return furthest_; }

 private:
  std::string bytes_;
  std::uint64_t reachable_, furthest_ = 0;
  std::size_t n_reads_ = 0;
};

std::string model_bytes(std::size_t n_data) {
  GgufBytes b;
  b.counts(1, 1).text("general.architecture", "llama").tensor("token_embd.weight", {n_data / 4}, 0, 0);
  return b.pad().zeros(n_data).str();
}

Result<std::unique_ptr<ModelFile>> read_one(ByteSource& source) {
  const NamedSource part{"far.gguf", &source};
  return read_model_header({&part, 1});
}

TEST(ByteSource, AHeaderIsReadWithoutTheTensors) {
  CountedSource source(model_bytes(4 << 20));
  const auto model = read_one(source);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(source.n_reads(), 1u);
  EXPECT_LE(source.furthest(), 256u << 10);
  EXPECT_EQ((*model)->format(), "GGUF v3");
  EXPECT_EQ((*model)->size_bytes(), source.size_bytes());
  EXPECT_EQ((*model)->require<std::string>("general.architecture").value(), "llama");
  const TensorInfo* tensor = (*model)->find_tensor("token_embd.weight");
  ASSERT_NE(tensor, nullptr);
  std::vector<std::byte> out(tensor->size_bytes);
  const Status read = (*model)->read_tensor(*tensor, out);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("far.gguf: only the header is here"), std::string::npos) << read.error().message;
}

TEST(ByteSource, LargeHeadersTakeFewReads) {
  GgufBytes b;
  std::vector<std::string> words(200'000, "sixteen letters!");
  b.counts(0, 1).strings("tokenizer.ggml.tokens", words);
  CountedSource source(b.str());
  ASSERT_TRUE(read_one(source));
  EXPECT_LE(source.n_reads(), 14u);  // of 4.8 MB
}

TEST(ByteSource, AFailureOfTheSourceIsTold) {
  CountedSource source(model_bytes(1 << 20));
  source.cut_at(10);
  const auto model = read_one(source);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kNetworkFailed);
  EXPECT_EQ(model.error().message, "reading the header of far.gguf: the cable was pulled");
}

TEST(ByteSource, PartsMustBeComplete) {
  GgufBytes b;
  b.counts(0, 1).scalar<std::uint16_t>("split.count", 2, 3);
  CountedSource source(b.str());
  const auto model = read_one(source);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("one of 3 files"), std::string::npos) << model.error().message;
}

TEST(ByteSource, ATensorInTwoPartsIsRefused) {
  std::string parts[2];
  for (std::uint16_t i = 0; i < 2; ++i) {
    GgufBytes b;
    b.counts(1, 1).scalar<std::uint16_t>("split.count", 2, 2).tensor("same", {8}, 0, 0);
    parts[i] = b.pad().zeros(32).str();
  }
  CountedSource first(parts[0]), second(parts[1]);
  const NamedSource sources[] = {{"a", &first}, {"b", &second}};
  const auto model = read_model_header(sources);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("there twice"), std::string::npos) << model.error().message;
}

TEST(ByteSource, AFileIsOne) {
  const testing::TemporaryFolder folder;
  const auto file = RandomAccessFile::open(folder.write("a", "0123456789"));
  ASSERT_TRUE(file);
  FileBytes bytes(*file);
  EXPECT_EQ(bytes.size_bytes(), 10u);
  char out[3] = {};
  ASSERT_TRUE(bytes.read(4, std::as_writable_bytes(std::span(out))));
  EXPECT_EQ(std::string(out, 3), "456");
  EXPECT_FALSE(bytes.read(8, std::as_writable_bytes(std::span(out))));
}

}  // namespace
}  // namespace hearth
