// One file of packed weights: a page of header, the matrices' panels as the kernels read them, a directory.
//
//   0        Header, padded to kMapAlignment
//   ...      panels of each matrix, each at a multiple of kMapAlignment
//   end      u64 n, Entry[n], u64 n, path of the model the panels were made from
//
// Header and directory carry checksums that are looked at whenever the file is opened; the panels' checksums are looked
// at by verify() alone, since nothing but the disk itself could have changed them after the file was published. The one
// exception is a power failure soon after writing: a file that may have lost bytes so says in which run of the system
// it was written, and in any other it is verified once before it is used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/cache_file.h"
#include "base/result.h"
#include "base/thread_pool.h"

namespace hearth {

/// What the panels were made from and for whom.
struct PackedKey {
  std::uint64_t source = 0;  // ModelFile::identity()
  std::uint32_t layout = 0;  // kernels::kPanelLayout
  bool operator==(const PackedKey&) const = default;
};

/// Where the panels of one matrix lie.
struct PackedEntry {
  std::uint64_t matrix = 0;  // names the matrix within the model
  std::uint64_t offset = 0, n_bytes = 0;
  std::uint64_t chunk_bytes = 0;  // the checksum is of the checksums of chunks of so many bytes
  std::uint64_t checksum = 0;
};

/// A published file, mapped.
class PackedFile {
 public:
  /// A file that is not whole is an error that says what is wrong with it.
  static Result<PackedFile> open(const std::filesystem::path& path);

  [[nodiscard]] const PackedKey& key() const { return key_; }
  [[nodiscard]] const std::string& source_path() const { return source_path_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return mapping_->bytes().size(); }
  /// Whether everything in it has certainly reached the disk.
  [[nodiscard]] bool certain() const { return boot_ == 0 || boot_ == boot_identity(); }
  /// Null when there is no such matrix of this size.
  [[nodiscard]] std::shared_ptr<const std::byte> find(std::uint64_t matrix, std::uint64_t n_bytes) const;
  void read_ahead() const { mapping_->read_ahead(); }
  /// Reads everything and compares it with the checksums.
  [[nodiscard]] Status verify(ThreadPool& pool) const;
  /// After verify(): later runs of the system need not verify it again.
  void note_certain() const;

 private:
  PackedFile() = default;
  Status read_directory(std::uint64_t offset, std::uint64_t n_bytes, std::uint64_t checksum);

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> mapping_;
  PackedKey key_;
  std::uint64_t boot_ = 0;
  std::span<const PackedEntry> entries_;
  std::string source_path_;
};

/// A file being made, matrix by matrix.
class PackedFileWriter {
 public:
  explicit PackedFileWriter(FileBuild build) : build_(std::move(build)) {}

  /// Writes one matrix: begin(), write() of every chunk in any order from any thread, end() with the memory to use.
  struct Region {
    PackedEntry entry;
    std::vector<std::uint64_t> checksums;  // of the chunks
  };
  Region begin(std::uint64_t matrix, std::uint64_t n_bytes, std::uint64_t chunk_bytes);
  [[nodiscard]] Status write(Region& region, std::uint64_t offset, std::span<const std::byte> chunk) const;
  [[nodiscard]] Result<std::shared_ptr<const std::byte>> end(const Region& region);

  /// Writes directory and header; the file has its name from now on.
  [[nodiscard]] Status publish(const PackedKey& key, const std::string& source_path);

 private:
  FileBuild build_;
  std::uint64_t end_ = kMapAlignment;
  std::vector<PackedEntry> entries_;
};

}  // namespace hearth
