// What the writer writes the reader reads, and a copied file is the file.
#include "file/gguf/writer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data_path.h"
#include "file/gguf/file.h"
#include "file/temporary_folder.h"

namespace hearth::gguf {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

Status copy_model(const ModelFile& from, const fs::path& to) {
  HeaderBuilder builder;
  for (std::size_t i = 0; i < from.n_metadata(); ++i) builder.add_value(from.metadata(i).key, from.metadata(i).value);
  for (const TensorInfo& tensor : from.tensors()) {
    builder.add_tensor(tensor.name, tensor.dtype, std::span(tensor.dims).first(tensor.n_dims));
  }
  HEARTH_TRY(auto writer, Writer::create(to, builder));
  for (const TensorInfo& tensor : from.tensors()) {
    std::vector<std::byte> bytes(tensor.size_bytes);
    HEARTH_CHECK(from.read_tensor(tensor, bytes));
    HEARTH_CHECK(writer.write(bytes));
  }
  return writer.finish();
}

TEST(GgufWriter, CopiesOfRealFilesAreIdentical) {
  const TemporaryFolder folder;
  int n_files = 0;
  for (const char* root_name : {"golden", "tokenizer", "weights"}) {
    const fs::path root = testing::data_path(root_name);
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".gguf") continue;
      SCOPED_TRACE(entry.path().string());
      const auto original = open_model_file(entry.path());
      ASSERT_TRUE(original);
      const fs::path copy = folder.path() / "copy.gguf";
      const Status copied = copy_model(**original, copy);
      ASSERT_TRUE(copied) << copied.error().message;
      const std::string before = testing::read_text(entry.path());
      std::string after = testing::read_text(copy);
      if (before.size() != after.size()) {
        // Only the padding behind the last tensor is a matter of taste.
        EXPECT_LT(after.size() - before.size(), 32u);
        EXPECT_EQ(after.find_first_not_of('\0', before.size()), std::string::npos);
        after.resize(before.size());
      }
      EXPECT_TRUE(before == after);
      ++n_files;
    }
  }
  if (n_files == 0) GTEST_SKIP() << *testing::missing(testing::data_path("golden"));
}

TEST(GgufWriter, RoundTripsEveryType) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "all.gguf";
  HeaderBuilder builder;
  builder.add_number("u8", std::uint8_t{255});
  builder.add_number("i8", std::int8_t{-128});
  builder.add_number("u16", std::uint16_t{65535});
  builder.add_number("i16", std::int16_t{-32768});
  builder.add_number("u32", ~std::uint32_t{0});
  builder.add_number("i32", std::int32_t{-7});
  builder.add_number("u64", ~std::uint64_t{0});
  builder.add_number("i64", std::int64_t{-9});
  builder.add_number("f32", -0.0f);
  builder.add_number("f64", 1e-310);
  builder.add_number("yes", true);
  builder.add_number("no", false);
  builder.add_string("text", std::string_view("a\0b", 3));
  const std::vector<float> floats = {1.5f, -2.25f};
  builder.add_numbers<float>("floats", floats);
  const std::vector<std::string> words = {"", "one", "two"};
  builder.add_strings("words", words);
  builder.add_strings("no words", std::span<const std::string_view>());
  builder.add_number("general.alignment", std::uint32_t{256});
  const std::vector<std::uint64_t> dims = {3, 5, 1, 2};
  builder.add_tensor("first", DType::kF32, dims);
  builder.add_tensor("second", DType::kI8, std::span(dims).first(1));
  auto writer = Writer::create(path, builder);
  ASSERT_TRUE(writer) << writer.error().message;
  std::vector<std::byte> data(30 * 4 + 3);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = std::byte(i + 1);
  for (std::size_t i = 0; i < data.size(); i += 7) {  // pieces that span tensors
    ASSERT_TRUE(writer->write(std::span(data).subspan(i, std::min<std::size_t>(7, data.size() - i))));
  }
  const Status too_much = writer->write(std::span(data).first(1));
  ASSERT_FALSE(too_much);
  EXPECT_FALSE(fs::exists(path)) << "published before finish()";
  ASSERT_TRUE(writer->finish());

  const auto model = File::open(path);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->find_metadata("u8")->type, ValueType::kU8);
  EXPECT_EQ(model->find_metadata("i16")->type, ValueType::kI16);
  EXPECT_EQ(model->require<int>("i8"), -128);
  EXPECT_EQ(model->require<std::uint64_t>("u64"), ~0ull);
  EXPECT_EQ(model->require<std::int64_t>("i64"), -9);
  EXPECT_TRUE(std::signbit(*model->require<float>("f32")));
  EXPECT_EQ(model->require<double>("f64"), 1e-310);
  EXPECT_EQ(model->require<bool>("yes"), true);
  EXPECT_EQ(model->require<bool>("no"), false);
  EXPECT_EQ(model->require<std::string>("text"), std::string("a\0b", 3));
  EXPECT_EQ(model->require_array<float>("floats", 2), floats);
  const auto read_words = model->require_strings("words", 3);
  ASSERT_TRUE(read_words);
  EXPECT_EQ(std::vector<std::string>(read_words->begin(), read_words->end()), words);
  EXPECT_TRUE(model->require_strings("no words", 0));
  EXPECT_EQ(model->value_or<int>("absent", 4), 4);
  EXPECT_FALSE(model->value_or<int>("text", 4));
  EXPECT_EQ(*model->find<int>("absent"), std::nullopt);
  EXPECT_FALSE(model->require<int>("absent"));
  ASSERT_EQ(model->tensors().size(), 2u);
  std::vector<std::byte> first(120), second(3);
  ASSERT_TRUE(model->read_tensor(*model->find_tensor("first"), first));
  ASSERT_TRUE(model->read_tensor(*model->find_tensor("second"), second));
  EXPECT_TRUE(std::equal(first.begin(), first.end(), data.begin()));
  EXPECT_TRUE(std::equal(second.begin(), second.end(), data.begin() + 120));
  EXPECT_EQ(model->find_tensor("second")->offset % 256, 0u);
}

TEST(GgufWriter, RefusesWhatTheReaderWouldRefuse) {
  const std::vector<std::uint64_t> dims = {33};
  HeaderBuilder odd_row;
  odd_row.add_tensor("t", DType::kQ8_0, dims);
  EXPECT_FALSE(odd_row.build());
  HeaderBuilder twice;
  twice.add_string("k", "1");
  twice.add_string("k", "2");
  EXPECT_FALSE(twice.build());
  HeaderBuilder same_tensor;
  same_tensor.add_tensor("t", DType::kF32, dims);
  same_tensor.add_tensor("t", DType::kF32, dims);
  EXPECT_FALSE(same_tensor.build());
  HeaderBuilder huge;
  const std::vector<std::uint64_t> half = {1ull << 61};
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) huge.add_tensor(name, DType::kI16, half);
  EXPECT_FALSE(huge.build());
  HeaderBuilder alignment;
  alignment.add_number("general.alignment", std::uint32_t{24});
  EXPECT_FALSE(alignment.build());
  HeaderBuilder no_dims;
  no_dims.add_tensor("t", DType::kF32, {});
  EXPECT_FALSE(no_dims.build());
}

TEST(GgufWriter, LeavesNothingBehindWhenAbandonedOrIncomplete) {
  const TemporaryFolder folder;
  HeaderBuilder builder;
  const std::vector<std::uint64_t> dims = {16};
  builder.add_tensor("t", DType::kF32, dims);
  {
    auto writer = Writer::create(folder.path() / "m.gguf", builder);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE(writer->write(std::vector<std::byte>(63)));
    EXPECT_FALSE(writer->finish());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace hearth::gguf
