// Files that this program makes for itself and maps: built under a lock beside their destination, published by rename,
// never changed afterwards. Foreign files are never mapped (see file.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"

namespace hearth {

/// Offsets at which a part of a file can be mapped are multiples of this on every machine.
inline constexpr std::uint64_t kMapAlignment = 65536;

/// Bytes of a file as memory, until the last owner goes. Removing or replacing the file does not disturb them.
class MappedFile {
 public:
  /// The whole file; refused when it is empty or belongs to another user (root excepted), who could cut it short.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  /// Asks the system to begin reading all of it from the disk.
  void read_ahead() const;

 private:
  friend class FileBuild;
  MappedFile() = default;
  static Result<std::shared_ptr<const MappedFile>> map(int descriptor, std::uint64_t offset, std::uint64_t n_bytes);
  std::span<const std::byte> bytes_;
};

/// A file on its way. Destroyed without publish(), it removes what it wrote; a process that is killed leaves a file
/// that the next build or remove_abandoned_build() finds unlocked.
class FileBuild {
 public:
  static constexpr std::string_view kSuffix = ".building";

  /// Nothing when another process builds the same file now.
  static Result<std::optional<FileBuild>> begin(const std::filesystem::path& destination);
  ~FileBuild();
  FileBuild(FileBuild&& other) noexcept;
  FileBuild& operator=(FileBuild&& other) = delete;

  /// From any thread. A full disk is an error here and never a signal later.
  [[nodiscard]] Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;
  /// Bytes written before, as memory; `offset` is a multiple of kMapAlignment.
  [[nodiscard]] Result<std::shared_ptr<const MappedFile>> map(std::uint64_t offset, std::uint64_t n_bytes) const;
  /// Waits until what was written is on the disk.
  [[nodiscard]] Status sync() const;
  /// Readers see it from now on. It may not be on the disk yet: see boot_identity().
  [[nodiscard]] Status publish();

 private:
  FileBuild() = default;
  int descriptor_ = -1;
  std::filesystem::path temporary_;
  std::filesystem::path destination_;
};

/// Removes a build's file that no process works on any more. False while one does.
bool remove_abandoned_build(const std::filesystem::path& temporary);
/// Changes bytes in place without changing the size.
Status overwrite_at(const std::filesystem::path& path, std::uint64_t offset, std::span<const std::byte> bytes);
/// Sets the file's time to now, as far as that is allowed.
void mark_used(const std::filesystem::path& path);
/// Asks the system to keep these bytes in RAM. False when the limit (ulimit -l) forbids it.
bool lock_in_memory(std::span<const std::byte> bytes);
/// A number for this run of the system: what a process wrote before a power failure may be lost, what it wrote since
/// the system started cannot be. 0 when unknown.
std::uint64_t boot_identity();

struct DiskSpace {
  std::uint64_t total_bytes = 0, free_bytes = 0;  // free for this user
};
Result<DiskSpace> disk_space(const std::filesystem::path& folder);

}  // namespace hearth
