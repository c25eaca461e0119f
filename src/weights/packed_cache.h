// The folder of packed weights: what is in it, what may be used, what must go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "weights/packed_file.h"

namespace hearth {

struct CacheOptions {
  std::filesystem::path folder;
  std::uint64_t limit_bytes = 0;  // of all files in it; 0: PackedCache::default_limit()
};

/// Several processes may use one folder at a time. Files that are not the cache's own are never touched.
class PackedCache {
 public:
  explicit PackedCache(const CacheOptions& options) : folder_(options.folder), limit_bytes_(options.limit_bytes) {}

  /// What all files together may take when nobody says: a fifth of the disk, at most 50 GB.
  [[nodiscard]] Result<std::uint64_t> default_limit() const;

  /// The file for this key, marked as used now. An error when there is none or it is damaged.
  [[nodiscard]] Result<PackedFile> find(const PackedKey& key, ThreadPool& pool) const;
  /// Makes room for `n_bytes`, removing the files used longest ago, and begins a file. An error says why not: it would
  /// be too large, the disk is full, another process builds it.
  [[nodiscard]] Result<PackedFileWriter> begin(const PackedKey& key, std::uint64_t n_bytes) const;
  /// Removes what was made from the same path before, under another key.
  void remove_superseded(const PackedKey& key, const std::string& source_path) const;
  void remove(const PackedKey& key) const;

  struct Item {
    std::filesystem::path path;
    std::uint64_t n_bytes = 0;
    std::filesystem::file_time_type last_used;
    std::string source_path;  // empty when unusable
    std::string flaw;         // why it is unusable, empty when it is whole
    PackedKey key;
  };
  /// The newest first.
  [[nodiscard]] std::vector<Item> list() const;
  /// Removes the files used longest ago until the rest takes at most `limit_bytes`, and what killed processes left.
  /// Returns the bytes given back.
  std::uint64_t shrink_to(std::uint64_t limit_bytes) const;

 private:
  [[nodiscard]] std::filesystem::path path_of(const PackedKey& key) const;

  std::filesystem::path folder_;
  std::uint64_t limit_bytes_;
};

}  // namespace hearth
