// Where a loader's packed panels come from and go to: the cache when it has them, else memory or a new cache file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "file/model_file.h"
#include "weights/packed_cache.h"
#include "weights/staging.h"

namespace hearth {

/// Takes the panels of one matrix, chunk by chunk in any order.
class PanelSink {
 public:
  virtual ~PanelSink() = default;
  /// Where `worker` may put the chunk that begins at `offset`, until it calls done().
  virtual std::byte* place(int worker, std::uint64_t offset) = 0;
  virtual Status done(int worker, std::uint64_t offset, std::uint64_t n_bytes) = 0;
  /// After all chunks: the panels.
  virtual Result<std::shared_ptr<const std::byte>> finish() = 0;
};

/// The cache is a convenience: whatever goes wrong with it, panels are made in memory and report() says why.
class PanelStore {
 public:
  PanelStore(const ModelFile& file, ThreadPool& pool, const std::optional<CacheOptions>& cache);

  /// Null when the panels must be made.
  [[nodiscard]] std::shared_ptr<const std::byte> find(std::uint64_t matrix, std::uint64_t n_bytes);
  /// `chunk_bytes` as the chunks will have, but for the last.
  [[nodiscard]] Result<std::unique_ptr<PanelSink>> make(std::uint64_t matrix, std::uint64_t n_bytes,
                                                        std::uint64_t chunk_bytes);
  /// After a sink failed: whether another one, in memory, may serve.
  [[nodiscard]] bool give_up(const Error& why);
  /// Everything is loaded: what was packed into the cache becomes visible there.
  void finish();
  /// One phrase for the log.
  [[nodiscard]] const std::string& report() const { return report_; }

 private:
  const ModelFile& file_;
  std::optional<PackedCache> cache_;
  PackedKey key_;
  std::optional<PackedFile> packed_;        // what the cache has
  std::optional<PackedFileWriter> writer_;  // or what it is getting
  bool incomplete_ = false;                 // packed_ lacks a matrix
  Staging staging_;                         // of chunks on their way to the file
  std::string report_ = "packed in memory";
};

}  // namespace hearth
