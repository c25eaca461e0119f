// Partly filled files and locks on POSIX.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/part_file.h"

namespace hearth {

namespace {

std::unexpected<Error> part_error(std::string_view doing, const std::filesystem::path& path) {
  return std::unexpected(system_error_at(doing, path, errno));
}

}  // namespace

Result<PartFile> PartFile::open(const std::filesystem::path& path) {
  PartFile file;
  file.path_ = path;
  file.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file.descriptor_ < 0) return part_error("opening", path);
  return file;
}

PartFile::PartFile(PartFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

PartFile& PartFile::operator=(PartFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::uint64_t> PartFile::size() const {
  struct stat info{};
  if (fstat(descriptor_, &info) != 0) return part_error("reading the size of", path_);
  return static_cast<std::uint64_t>(info.st_size);
}

Status PartFile::resize(std::uint64_t n_bytes) const {
  HEARTH_TRY(const std::uint64_t before, size());
  if (ftruncate(descriptor_, static_cast<off_t>(n_bytes)) != 0) return part_error("making room in", path_);
#if defined(__linux__)
  if (n_bytes > 0 && fallocate(descriptor_, 0, 0, static_cast<off_t>(n_bytes)) != 0 &&
      (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
    auto error = part_error("making room in", path_);
    static_cast<void>(
        ftruncate(descriptor_, static_cast<off_t>(before)));  // its length promises room that is not there
    return error;
  }
#else
  static_cast<void>(before);
#endif
  return {};
}

Status PartFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return part_error("writing", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<std::size_t> PartFile::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return part_error("reading", path_);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Status PartFile::sync() const {
  if (fsync(descriptor_) != 0) return part_error("writing", path_);
  return {};
}

Status publish_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return part_error("publishing", to);
  const int folder = ::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return part_error("opening", to.parent_path());
  const int synced = fsync(folder);
  ::close(folder);
  if (synced != 0 && errno != EINVAL) return part_error("publishing", to);
  return {};
}

Result<std::optional<FileLock>> FileLock::try_take(const std::filesystem::path& path) {
  FileLock lock;
  lock.path_ = path;
  lock.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock.descriptor_ < 0) return part_error("creating", path);
  if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const auto error = part_error("locking", path);
    ::close(std::exchange(lock.descriptor_, -1));
    if (held) return std::optional<FileLock>();
    return error;
  }
  // Between opening and locking, the holder may have gone and taken this very file along.
  struct stat named{}, open{};
  if (stat(path.c_str(), &named) != 0 || fstat(lock.descriptor_, &open) != 0 || named.st_ino != open.st_ino ||
      named.st_dev != open.st_dev) {
    ::close(std::exchange(lock.descriptor_, -1));
    return std::optional<FileLock>();
  }
  return std::optional(std::move(lock));
}

FileLock::FileLock(FileLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  ::unlink(path_.c_str());  // while it is locked, so that nobody else's file is meant
  ::close(descriptor_);
}

}  // namespace hearth
