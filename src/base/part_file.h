// A file that is filled in any order over several lives of a process, and a lock that dies with its process: what a
// download needs of the operating system.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace hearth {

/// Written and read at offsets from any thread. A full disk or quota is kDiskFull.
class PartFile {
 public:
  /// The file as it is, or a new empty one.
  static Result<PartFile> open(const std::filesystem::path& path);
  ~PartFile();
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&& other) noexcept;

  [[nodiscard]] Result<std::uint64_t> size() const;
  /// Cuts or lengthens. Lengthened with the disk space behind it where the file system can promise that.
  [[nodiscard]] Status resize(std::uint64_t n_bytes) const;
  [[nodiscard]] Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;
  /// How many bytes were read; fewer than asked for only at the end.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const;
  /// Waits until what was written is on the disk.
  [[nodiscard]] Status sync() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  PartFile() = default;
  int descriptor_ = -1;
  std::filesystem::path path_;
};

/// Renames over `to` and waits until the name is on the disk.
Status publish_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Held by one process, and in it by one holder, at a time; the file beside what it guards goes with it.
class FileLock {
 public:
  /// Nothing when another one holds it.
  static Result<std::optional<FileLock>> try_take(const std::filesystem::path& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) = delete;

 private:
  FileLock() = default;
  int descriptor_ = -1;
  std::filesystem::path path_;
};

}  // namespace hearth
