// The cache of packed weights: what the second start reads is what the first packed, and nothing that can happen to a
// file, a folder, a disk or another process leads to other weights or to a failed load.
#include "weights/packed_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "base/hash.h"
#include "data_path.h"
#include "file/temporary_folder.h"
#include "kernels/layout.h"
#include "weights/loader.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using testing::data_path;
using testing::missing;

using Panels = std::vector<std::vector<std::byte>>;

struct Loaded {
  Panels panels;
  std::string report;
};

/// Every matrix of a model, by a loader of its own.
class Load {
 public:
  Load(const fs::path& model, const std::optional<CacheOptions>& cache, LoadOptions::Lock lock = LoadOptions::Lock::kNo)
      : file_(std::move(*open_model_file(model))), pool_(2), loader_(*file_, pool_, {.lock = lock, .cache = cache}) {}

  Loaded run() {
    Loaded loaded;
    for (const TensorInfo& tensor : file_->tensors()) {
      if (tensor.n_dims < 2) continue;
      const Matrix matrix = loader_.matrix(std::string(tensor.name), tensor.dims[1], tensor.dims[0]);
      if (!matrix) break;
      const std::size_t n_bytes = matrix.view().n_panels() * kernels::panel_bytes(matrix.type, matrix.k);
      loaded.panels.emplace_back(matrix.panels.get(), matrix.panels.get() + n_bytes);
    }
    EXPECT_TRUE(loader_.status()) << loader_.status().error().message;
    loaded.report = loader_.finish();
    return loaded;
  }

 private:
  std::unique_ptr<ModelFile> file_;
  ThreadPool pool_;
  WeightLoader loader_;
};

class PackedCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = missing(data_path("weights/stories260K/stories260K.gguf"))) GTEST_SKIP() << *why;
    fs::copy_file(data_path("weights/stories260K/stories260K.gguf"), model_);
    fs::permissions(model_, fs::perms::owner_all);
    expected_ = Load(model_, std::nullopt).run().panels;
  }

  [[nodiscard]] Loaded load() const { return Load(model_, options_).run(); }
  /// A load whose report begins like this, with the right weights.
  void expect_load(std::string_view report) const {
    const Loaded loaded = load();
    EXPECT_TRUE(loaded.report.starts_with(report)) << loaded.report;
    EXPECT_EQ(loaded.panels, expected_);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options_.folder)) names.push_back(entry.path().filename().string());
    return names;
  }
  [[nodiscard]] fs::path only_file() const {
    const auto items = PackedCache(options_).list();
    EXPECT_EQ(items.size(), 1u);
    return items.empty() ? fs::path() : items.front().path;
  }
  static void flip_byte(const fs::path& path, std::uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
  }
  /// As if the file had been written before the system was started again.
  static void pretend_other_boot(const fs::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::vector<std::byte> header(72);
    file.read(reinterpret_cast<char*>(header.data()), 72);
    const std::uint64_t other = 12345;
    std::memcpy(header.data() + 56, &other, 8);
    const std::uint64_t checksum = hash_block(std::span(header).first(64));
    std::memcpy(header.data() + 64, &checksum, 8);
    file.seekp(0);
    file.write(reinterpret_cast<const char*>(header.data()), 72);
  }

  hearth::testing::TemporaryFolder folder_;
  fs::path model_ = folder_.path() / "model.gguf";
  CacheOptions options_{.folder = folder_.path() / "deep" / "cache"};
  Panels expected_;
  ThreadPool pool_{2};
};

constexpr std::string_view kPacked = "packed into the cache", kFound = "packed weights from the cache",
                           kMemory = "packed in memory, because the cache cannot be used";

TEST_F(PackedCacheTest, TheSecondStartFindsWhatTheFirstPacked) {
  ASSERT_FALSE(expected_.empty());
  expect_load(kPacked);
  EXPECT_EQ(names().size(), 1u);
  expect_load(kFound);
  const auto items = PackedCache(options_).list();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].source_path, model_.string());
  EXPECT_EQ(items[0].flaw, "");
  EXPECT_EQ(Load(model_, options_, LoadOptions::Lock::kYes).run().panels, expected_);
}

TEST_F(PackedCacheTest, AFileCutAtAnyPlaceIsMadeAnew) {
  expect_load(kPacked);
  const fs::path path = only_file();
  const std::uint64_t size = fs::file_size(path);
  for (const std::uint64_t cut : {std::uint64_t{0}, std::uint64_t{20}, std::uint64_t{72}, size / 2, size - 1}) {
    fs::resize_file(path, cut);
    expect_load(kPacked);
    expect_load(kFound);
  }
}

TEST_F(PackedCacheTest, AChangedHeaderOrDirectoryIsSeen) {
  expect_load(kPacked);
  const fs::path path = only_file();
  const std::uint64_t size = fs::file_size(path);
  std::vector<std::uint64_t> places;
  for (std::uint64_t at = 0; at < 72; ++at) places.push_back(at);
  for (std::uint64_t back = 1; back < 400; back += 37) places.push_back(size - back);
  for (const std::uint64_t at : places) {
    flip_byte(path, at);
    EXPECT_FALSE(PackedFile::open(path)) << at;
    flip_byte(path, at);
  }
  flip_byte(path, 30);
  EXPECT_NE(PackedCache(options_).list().front().flaw, "");
  expect_load(kPacked);
  expect_load(kFound);
}

TEST_F(PackedCacheTest, VerifyReadsTheWeights) {
  expect_load(kPacked);
  const fs::path path = only_file();
  EXPECT_TRUE(PackedFile::open(path)->verify(pool_));
  for (const std::uint64_t at : {kMapAlignment, kMapAlignment * 2 + 3}) {
    flip_byte(path, at);
    EXPECT_FALSE(PackedFile::open(path)->verify(pool_)) << at;
    flip_byte(path, at);
  }
}

TEST_F(PackedCacheTest, WhatAPowerFailureMayHaveCutIsVerifiedOnce) {
  expect_load(kPacked);
  const fs::path path = only_file();
  EXPECT_TRUE(PackedFile::open(path)->certain());
  pretend_other_boot(path);
  EXPECT_FALSE(PackedFile::open(path)->certain());
  expect_load(kFound);
  EXPECT_TRUE(PackedFile::open(path)->certain());
  pretend_other_boot(path);
  flip_byte(path, kMapAlignment);
  expect_load(kPacked);
}

TEST_F(PackedCacheTest, AChangedModelReplacesItsFile) {
  expect_load(kPacked);
  const fs::path before = only_file();
  fs::last_write_time(model_, fs::last_write_time(model_) + std::chrono::seconds(5));
  expect_load(kPacked);
  EXPECT_NE(only_file(), before);
  // Another model's file stays.
  const fs::path other = folder_.path() / "other.gguf";
  fs::copy_file(model_, other);
  EXPECT_TRUE(Load(other, options_).run().report.starts_with(kPacked));
  EXPECT_EQ(PackedCache(options_).list().size(), 2u);
}

TEST_F(PackedCacheTest, AModelThatIsMovedKeepsItsFile) {
  expect_load(kPacked);
  const fs::path moved = folder_.path() / "moved.gguf";
  fs::rename(model_, moved);
  EXPECT_TRUE(Load(moved, options_).run().report.starts_with(kFound));
}

TEST_F(PackedCacheTest, AnotherLayoutIsAnotherFile) {
  expect_load(kPacked);
  const auto items = PackedCache(options_).list();
  PackedKey key = items.front().key;
  EXPECT_TRUE(PackedCache(options_).find(key, pool_));
  ++key.layout;
  EXPECT_FALSE(PackedCache(options_).find(key, pool_));
}

TEST_F(PackedCacheTest, TwoThatPackAtOnceBothGetTheirWeights) {
  Load first(model_, options_);  // holds the build
  expect_load(std::string(kMemory) + ": another process is packing them now");
  EXPECT_EQ(first.run().panels, expected_);
  expect_load(kFound);
}

TEST_F(PackedCacheTest, WhatAKilledProcessLeftIsTakenOver) {
  const pid_t child = fork();
  if (child == 0) {
    Load half(model_, options_);
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(names().size(), 1u);
  ASSERT_TRUE(names()[0].ends_with(".building"));
  EXPECT_TRUE(PackedCache(options_).list().empty());
  // The same model takes it over, another one removes it.
  const fs::path other = folder_.path() / "other.gguf";
  fs::copy_file(model_, other);
  EXPECT_TRUE(Load(other, options_).run().report.starts_with(kPacked));
  ASSERT_EQ(names().size(), 1u);
  EXPECT_TRUE(names()[0].ends_with(".packed"));
  expect_load(kPacked);
}

TEST_F(PackedCacheTest, AFullDiskMeansPackingInMemory) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200'000, 200'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Loaded loaded = load();
    _exit(loaded.panels == expected_ && loaded.report.starts_with(kMemory) && names().empty() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(PackedCacheTest, AFolderThatCannotBeMadeMeansPackingInMemory) {
  options_.folder = model_ / "cache";  // below a file: not even root can
  const Loaded loaded = load();
  EXPECT_TRUE(loaded.report.starts_with(kMemory)) << loaded.report;
  EXPECT_EQ(loaded.panels, expected_);
}

TEST_F(PackedCacheTest, TheLimitHolds) {
  const std::uint64_t size = fs::file_size(model_);
  options_.limit_bytes = size - 1;
  expect_load(std::string(kMemory) + ": its packed weights would take");
  EXPECT_TRUE(names().empty());
  // Room for two: of three, the one used longest ago goes.
  options_.limit_bytes = 0;
  expect_load(kPacked);
  const fs::path first = only_file();
  options_.limit_bytes = fs::file_size(first) * 8 / 3;
  const fs::path second = folder_.path() / "second.gguf", third = folder_.path() / "third.gguf";
  for (const fs::path& copy : {second, third}) fs::copy_file(model_, copy);
  EXPECT_TRUE(Load(second, options_).run().report.starts_with(kPacked));
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const auto& item : PackedCache(options_).list()) fs::last_write_time(item.path, long_ago);
  expect_load(kFound);  // used now
  EXPECT_TRUE(Load(third, options_).run().report.starts_with(kPacked));
  const auto items = PackedCache(options_).list();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].source_path, third.string());
  EXPECT_EQ(items[1].path, first);
}

TEST_F(PackedCacheTest, ForeignFilesStay) {
  expect_load(kPacked);
  for (const char* name : {"notes.txt", "x.packed", "0123456789abcdeg.packed", "0123456789abcdef.packed.old"})
    std::ofstream(options_.folder / name) << "mine";
  EXPECT_GT(PackedCache(options_).shrink_to(0), 0u);
  EXPECT_EQ(names().size(), 4u);
}

TEST_F(PackedCacheTest, ThePlanOfAModelLeavesTheCacheAlone) {
  const auto file = *open_model_file(model_);
  WeightLoader loader(*file, pool_, {.depth = LoadOptions::Depth::kPlan, .cache = options_});
  (void)loader.finish();
  EXPECT_FALSE(fs::exists(options_.folder));
}

}  // namespace
}  // namespace hearth
