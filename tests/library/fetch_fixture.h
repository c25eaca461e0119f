// What tests of downloads share: a hub, a client for it that is quick to try again, and a folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "data_path.h"
#include "file/temporary_folder.h"
#include "library/fetch/fetch.h"
#include "library/local_hub.h"
#include "library/net/hub.h"

namespace hearth::testing {

/// How many times each fault is tried with other sizes and places: HEARTH_SEEDS, else a few.
inline unsigned n_seeds() {
  const char* text = std::getenv("HEARTH_SEEDS");
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 2;
}

/// These tests sync to the disk all the time; memory is as good a disk for them.
inline const bool kInMemory = std::filesystem::exists("/dev/shm") && setenv("TMPDIR", "/dev/shm", 0) == 0;

class FetchFixture : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kChunk = 16u << 10;

  [[nodiscard]] library::NetOptions net() const {
    library::NetOptions options;
    options.hub = hub_.url();
    options.retry_unit = std::chrono::milliseconds(1);
    options.stall = std::chrono::milliseconds(400);
    options.n_attempts = 5;
    return options;
  }
  [[nodiscard]] static library::HttpClient client(library::NetOptions options) {
    auto made = library::HttpClient::create(std::move(options));
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  [[nodiscard]] library::FetchOptions options() const {
    return {.folder = folder_.path(), .chunk_bytes = kChunk, .n_connections = 3, .spare_bytes = 1u << 20};
  }
  /// Puts a file of noise on the hub and says how it is asked for.
  library::FetchRequest request(unsigned seed, std::size_t n_bytes = 0) {
    bytes_ = noise(n_bytes ? n_bytes : 5 * kChunk + seed * 7919 % kChunk, seed + 1);
    const std::string digest = hub_.put("owner/repo", "model.gguf", bytes_);
    return {.url = hub_.url() + "/owner/repo/resolve/" + std::string(40, 'c') + "/model.gguf",
            .what = "owner/repo, model.gguf",
            .n_bytes = bytes_.size(),
            .sha256 = digest};
  }
  Result<library::Fetched> fetch(const library::FetchRequest& request) {
    return library::fetch_file(client(net()), request, options(), {});
  }
  void expect_published(const Result<library::Fetched>& fetched) {
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(read_text(folder_.path() / "blobs" / fetched->sha256), bytes_);
    EXPECT_EQ(fetched->sha256, library::sha256_of(bytes_));
  }
  /// Nothing unverified has a final name.
  void expect_nothing_published() const {
    const auto blobs = folder_.path() / "blobs";
    if (!std::filesystem::exists(blobs)) return;
    EXPECT_TRUE(std::filesystem::is_empty(blobs)) << std::filesystem::directory_iterator(blobs)->path();
  }
  [[nodiscard]] std::uintmax_t parts_size() const {
    std::uintmax_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "parts")) n += entry.file_size();
    return n;
  }

  LocalHub hub_;
  TemporaryFolder folder_;
  std::string bytes_;
};

}  // namespace hearth::testing
