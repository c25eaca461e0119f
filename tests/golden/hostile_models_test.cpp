// Every architecture against hostile files: each number of the metadata replaced by values at the edges, each tensor
// missing or of another shape. The answer is a typed error that names something, or a model that evaluates.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "file/model_file.h"
#include "golden/golden.h"

namespace hearth {
namespace {

/// A file that lies about one key or one tensor.
class ChangedFile final : public ModelFile {
 public:
  explicit ChangedFile(const ModelFile& file) : file_(file) {}

  std::string key;
  std::optional<MetadataValue> value;
  std::string tensor;
  std::optional<TensorInfo> info;  // of `tensor`; empty: it is missing

  [[nodiscard]] std::string format() const override { return file_.format(); }
  [[nodiscard]] std::vector<std::filesystem::path> paths() const override { return file_.paths(); }
  [[nodiscard]] std::uint64_t size_bytes() const override { return file_.size_bytes(); }
  [[nodiscard]] std::size_t n_metadata() const override { return file_.n_metadata(); }
  [[nodiscard]] MetadataEntry metadata(std::size_t idx) const override { return file_.metadata(idx); }
  [[nodiscard]] std::optional<MetadataValue> find_metadata(std::string_view name) const override {
    return name == key ? value : file_.find_metadata(name);
  }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return file_.tensors(); }
  [[nodiscard]] const TensorInfo* find_tensor(std::string_view name) const override {
    if (name != tensor) return file_.find_tensor(name);
    return info ? &*info : nullptr;
  }
  [[nodiscard]] Status read_tensor_range(const TensorInfo& from, std::uint64_t offset,
                                         std::span<std::byte> out) const override {
    return file_.read_tensor_range(from, offset, out);
  }

 private:
  const ModelFile& file_;
};

/// The edges of the value's type; a missing key is the last one.
std::vector<std::optional<MetadataValue>> edges(const MetadataValue& original) {
  std::vector<std::optional<MetadataValue>> all;
  const auto add = [&](auto value) {
    MetadataValue changed = original;
    changed.value = value;
    all.push_back(changed);
  };
  if (std::holds_alternative<std::uint64_t>(original.value)) {
    for (const std::uint64_t v : {0ull, 1ull, 2ull, 3ull, 7ull, 63ull, 4096ull, 65537ull, 4294967295ull, ~0ull}) add(v);
    add(-1.0f);
  } else if (std::holds_alternative<float>(original.value)) {
    for (const float v : {0.0f, -1.0f, 1e-30f, 1.0f, 3e38f, -3e38f, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
      add(v);
    }
    add(std::uint64_t{1});
  } else if (std::holds_alternative<bool>(original.value)) {
    add(!std::get<bool>(original.value));
  } else if (std::holds_alternative<std::string_view>(original.value)) {
    for (const std::string_view v : {"", "none", "linear", "yarn", "longrope", "nonsense"}) add(v);
  } else if (std::holds_alternative<MetadataArray>(original.value)) {
    MetadataArray shorter = std::get<MetadataArray>(original.value);
    if (shorter.count > 0 && shorter.element != ValueType::kString) {
      shorter.bytes = shorter.bytes.first(shorter.bytes.size() / shorter.count * (shorter.count - 1));
      --shorter.count;
      add(shorter);
    }
  }
  all.emplace_back();
  return all;
}

class HostileModel : public ::testing::TestWithParam<testing::GoldenCase> {
 protected:
  void SetUp() override {
    auto file = open_model_file(GetParam().folder / "model.gguf");
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::move(*file);
  }

  /// Loads; what loads must evaluate, whatever the numbers.
  static void expect_error_or_evaluation(const ModelFile& file, const std::string& what) {
    const auto model = native::NativeModel::load(file, {.n_threads = 1});
    if (!model) {
      EXPECT_FALSE(model.error().message.empty()) << what;
      EXPECT_NE(model.error().code, ErrorCode::kInternal) << what << ": " << model.error().message;
      return;
    }
    const std::vector<Token> tokens = {0, 1, 2, 1, 0};
    const Want::Kind kind =
        (*model)->capabilities().logits == Capabilities::Logits::kNone ? Want::Kind::kHidden : Want::Kind::kLogits;
    const auto rows =
        testing::all_rows(**model, tokens, {.n_ctx = std::min<std::size_t>(16, (*model)->info().n_ctx_train)}, kind, 3);
    if (!rows) {
      EXPECT_FALSE(rows.error().message.empty()) << what;
    }
  }

  std::unique_ptr<ModelFile> file_;
};

TEST_P(HostileModel, NumbersAtTheEdges) {
  for (std::size_t i = 0; i < file_->n_metadata(); ++i) {
    const MetadataEntry entry = file_->metadata(i);
    if (entry.key.starts_with("general.") || entry.key.starts_with("tokenizer.")) continue;
    for (const auto& value : edges(entry.value)) {
      ChangedFile changed(*file_);
      changed.key = entry.key;
      changed.value = value;
      SCOPED_TRACE(changed.key);
      expect_error_or_evaluation(changed, changed.key);
    }
  }
}

TEST_P(HostileModel, TensorsMissingOrOfAnotherShape) {
  for (const TensorInfo& tensor : file_->tensors()) {
    ChangedFile missing(*file_);
    missing.tensor = tensor.name;
    expect_error_or_evaluation(missing, "without " + missing.tensor);

    ChangedFile longer(*file_);
    longer.tensor = tensor.name;
    longer.info = tensor;
    longer.info->dims[tensor.n_dims - 1] += 1;
    const auto model = native::NativeModel::load(longer, {.n_threads = 1});
    if (!model) {
      EXPECT_NE(model.error().message.find(tensor.name), std::string::npos) << model.error().message;
    }

    ChangedFile turned(*file_);
    turned.tensor = tensor.name;
    turned.info = tensor;
    std::swap(turned.info->dims[0], turned.info->dims[1]);
    if (turned.info->dims != tensor.dims) expect_error_or_evaluation(turned, turned.tensor + " turned");
  }
}

std::vector<testing::GoldenCase> all_cases() {
  auto cases = testing::golden_cases("arch");
  for (auto& one : testing::cases_in(testing::oracle_root())) cases.push_back(std::move(one));
  return cases;
}

INSTANTIATE_TEST_SUITE_P(, HostileModel, ::testing::ValuesIn(all_cases()), [](const auto& one) {
  const auto& folder = one.param.folder;
  return testing::test_name(folder.parent_path().filename().string() + "_" + folder.filename().string());
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HostileModel);

}  // namespace
}  // namespace hearth
