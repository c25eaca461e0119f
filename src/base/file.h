// Reading foreign files: positioned reads of an open descriptor, never a mapping (a file truncated under a mapping
// kills the process), and writing our own files whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth {

/// What tells a file's content from any other that had or will have its name: where it lies on which disk, how long it
/// is, and when it was last written.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0, size_bytes = 0, modified_ns = 0;
};

/// disk_full when the system says that a disk, a quota or a limit of sizes has no room, else io_error. `number` is its
/// errno.
ErrorCode code_of_system_error(int number);
/// What the system says and what helps, as in "Read-only file system; choose another folder".
std::string words_of_system_error(int number);
/// The error of a call that failed while `doing` something with `path`.
Error system_error_at(std::string_view doing, const std::filesystem::path& path, int number);

/// A file open for reading. read_at may be called from several threads at once.
class RandomAccessFile {
 public:
  static Result<RandomAccessFile> open(const std::filesystem::path& path);
  ~RandomAccessFile();
  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&& other) noexcept;

  /// Size in bytes when the file was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// As the file is now.
  [[nodiscard]] Result<FileIdentity> identity() const;
  /// Fills `out` from `offset`. A file that ends early is an error that says so.
  [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  RandomAccessFile() = default;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::filesystem::path path_;
};

/// The whole file as bytes, refused when larger than `limit_bytes`.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit_bytes);

/// A file being written beside its destination and renamed into place by publish(): readers see all of it or none.
/// Destroyed without publish(), it removes what it wrote.
class AtomicFileWriter {
 public:
  static Result<AtomicFileWriter> create(const std::filesystem::path& destination);
  ~AtomicFileWriter();
  AtomicFileWriter(AtomicFileWriter&& other) noexcept;
  AtomicFileWriter& operator=(AtomicFileWriter&& other) = delete;

  [[nodiscard]] Status write(std::span<const std::byte> bytes);
  [[nodiscard]] Status publish();

 private:
  AtomicFileWriter() = default;
  int descriptor_ = -1;
  std::filesystem::path temporary_;
  std::filesystem::path destination_;
};

}  // namespace hearth
