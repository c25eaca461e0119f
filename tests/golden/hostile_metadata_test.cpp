// Golden models with one number of their metadata changed, one tensor missing or one tensor turned on its side: each
// loads and runs, or is refused with a sentence; none crashes (the sanitizers watch) or takes much memory.
#include <gtest/gtest.h>

#include "golden/golden.h"

namespace hearth {
namespace {

using testing::GoldenCase;

/// A model file with a lie in it.
class LyingFile final : public ModelFile {
 public:
  explicit LyingFile(const ModelFile& honest)
      : honest_(honest), tensors_(honest.tensors().begin(), honest.tensors().end()) {}

  std::string key;                                    // whose value is a lie
  std::optional<decltype(MetadataValue::value)> lie;  // none: the key is absent
  std::string missing_tensor;
  void turn(std::size_t tensor_idx) { std::swap(tensors_[tensor_idx].dims[0], tensors_[tensor_idx].dims[1]); }

  [[nodiscard]] std::string format() const override { return honest_.format(); }
  [[nodiscard]] std::vector<std::filesystem::path> paths() const override { return honest_.paths(); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return honest_.size_bytes(); }
  [[nodiscard]] std::size_t n_metadata() const override { return honest_.n_metadata(); }
  [[nodiscard]] MetadataEntry metadata(std::size_t idx) const override { return honest_.metadata(idx); }
  [[nodiscard]] std::optional<MetadataValue> find_metadata(std::string_view name) const override {
    auto value = honest_.find_metadata(name);
    if (name != key) return value;
    if (!lie) return std::nullopt;
    value->value = *lie;
    return value;
  }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return tensors_; }
  [[nodiscard]] const TensorInfo* find_tensor(std::string_view name) const override {
    const auto it = std::ranges::find(tensors_, name, &TensorInfo::name);
    return it == tensors_.end() || name == missing_tensor ? nullptr : &*it;
  }
  [[nodiscard]] Status read_tensor_range(const TensorInfo& tensor, std::uint64_t offset,
                                         std::span<std::byte> out) const override {
    return honest_.read_tensor_range(tensor, offset, out);
  }

 private:
  const ModelFile& honest_;
  std::vector<TensorInfo> tensors_;
};

class HostileMetadata : public ::testing::TestWithParam<GoldenCase> {
 protected:
  void SetUp() override {
    auto file = open_model_file(GetParam().folder / "model.gguf");
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::move(*file);
    pool_ = std::make_shared<ThreadPool>(1);
  }

  /// Whether the file loaded. Five tokens are then evaluated; what comes out does not matter.
  bool load_and_run(const ModelFile& file, const std::string& what) const {
    const auto model = native::NativeModel::load(file, {.pool = pool_});
    if (!model) {
      EXPECT_GT(model.error().message.size(), 20u) << what << ": the refusal says nothing";
      return false;
    }
    const std::vector<Token> tokens = {1, 5, 9, 5, 1};
    const bool encoder = (*model)->capabilities().kind == Capabilities::Kind::kEncoder;
    const auto rows =
        testing::all_rows(**model, tokens, {.n_ctx = 0}, encoder ? Want::Kind::kHidden : Want::Kind::kLogits);
    if (!rows) {
      EXPECT_GT(rows.error().message.size(), 20u) << what;
    }
    return true;
  }

  std::unique_ptr<ModelFile> file_;
  std::shared_ptr<ThreadPool> pool_;
};

TEST_P(HostileMetadata, NumbersOfEveryKind) {
  const std::uint64_t integers[] = {0, 1, 2, 3, 5, 17, 4095, 65536, 1u << 20, 0x7fffffff, 0xffffffff};
  const float numbers[] = {0.0f, -1.0f, 1e-30f, 3e38f, INFINITY, NAN};
  for (std::size_t i = 0; i < file_->n_metadata(); ++i) {
    const MetadataEntry entry = file_->metadata(i);
    if (entry.key.starts_with("tokenizer.") || entry.key.starts_with("general.")) continue;
    LyingFile lying(*file_);
    lying.key = std::string(entry.key);
    load_and_run(lying, lying.key + " absent");
    if (std::holds_alternative<std::uint64_t>(entry.value.value) ||
        std::holds_alternative<std::int64_t>(entry.value.value)) {
      for (const std::uint64_t lie : integers) {
        lying.lie = lie;
        load_and_run(lying, lying.key + " = " + std::to_string(lie));
      }
    } else if (std::holds_alternative<float>(entry.value.value)) {
      for (const float lie : numbers) {
        lying.lie = lie;
        load_and_run(lying, lying.key + " = " + std::to_string(lie));
      }
    } else if (const auto* flag = std::get_if<bool>(&entry.value.value)) {
      lying.lie = !*flag;
      load_and_run(lying, lying.key + " turned");
    }
    lying.lie = std::string_view("a word");
    load_and_run(lying, lying.key + " = a word");
  }
}

TEST_P(HostileMetadata, MissingAndTurnedTensors) {
  const auto tensors = file_->tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    LyingFile lying(*file_);
    lying.missing_tensor = std::string(tensors[i].name);
    const bool unused = load_and_run(lying, lying.missing_tensor + " missing");
    if (tensors[i].n_dims < 2 || tensors[i].dims[0] == tensors[i].dims[1]) continue;
    LyingFile turned(*file_);
    turned.turn(i);
    EXPECT_TRUE(!load_and_run(turned, std::string(tensors[i].name) + " turned") || unused) << tensors[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(, HostileMetadata, ::testing::ValuesIn(testing::arch_cases()),
                         [](const auto& test) { return testing::test_name(test.param.name()); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HostileMetadata);

}  // namespace
}  // namespace hearth
