// Cache files on POSIX: flock, pwrite, mmap, rename.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/cache_file.h"
#include "base/file.h"
#include "base/hash.h"

#include <fmt/format.h>

namespace hearth {

namespace {

std::unexpected<Error> io_error(std::string_view doing, const std::filesystem::path& path) {
  return std::unexpected(system_error_at(doing, path, errno));
}

/// Whether `path` still names the file of the descriptor.
bool is_still(const std::filesystem::path& path, int descriptor) {
  struct stat named{}, open{};
  return stat(path.c_str(), &named) == 0 && fstat(descriptor, &open) == 0 && named.st_dev == open.st_dev &&
         named.st_ino == open.st_ino;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

Status write_whole(int descriptor, std::uint64_t offset, std::span<const std::byte> bytes,
                   const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return io_error("writing", path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return io_error("opening", path);
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return io_error("reading the size of", path);
  if (!S_ISREG(info.st_mode) || info.st_size == 0)
    return fail(ErrorCode::kIo, fmt::format("opening {}: it is empty or no file", path.string()));
  if (info.st_uid != geteuid() && info.st_uid != 0)
    return fail(ErrorCode::kIo, fmt::format("opening {}: it belongs to another user", path.string()));
  return map(file.get(), 0, static_cast<std::uint64_t>(info.st_size));
}

Result<std::shared_ptr<const MappedFile>> MappedFile::map(int descriptor, std::uint64_t offset, std::uint64_t n_bytes) {
  void* memory = mmap(nullptr, n_bytes, PROT_READ, MAP_SHARED, descriptor, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) return io_error("mapping", "a cache file");
  std::shared_ptr<MappedFile> mapped(new MappedFile);
  mapped->bytes_ = {static_cast<const std::byte*>(memory), n_bytes};
  return mapped;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::read_ahead() const {
  madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_WILLNEED);
}

Result<std::optional<FileBuild>> FileBuild::begin(const std::filesystem::path& destination) {
  std::filesystem::path temporary = destination;
  temporary += kSuffix;
  Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return io_error("creating", temporary);
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileBuild>();
    return io_error("locking", temporary);
  }
  // Between opening and locking, another process may have published or removed this very file.
  if (!is_still(temporary, file.get())) return std::optional<FileBuild>();
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return io_error("reading the size of", temporary);
  // A killed process may have left something. A new file is not emptied: after that, ext4 makes whoever closes it last
  // wait for the disk.
  if (info.st_size != 0 && ftruncate(file.get(), 0) != 0) return io_error("emptying", temporary);
  FileBuild build;
  build.descriptor_ = file.release();
  build.temporary_ = std::move(temporary);
  build.destination_ = destination;
  return std::optional(std::move(build));
}

FileBuild::FileBuild(FileBuild&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      temporary_(std::move(other.temporary_)),
      destination_(std::move(other.destination_)) {}

FileBuild::~FileBuild() {
  if (descriptor_ < 0) return;
  ::unlink(temporary_.c_str());  // while it is locked, so that nobody else's file is meant
  ::close(descriptor_);
}

Status FileBuild::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
  return write_whole(descriptor_, offset, bytes, temporary_);
}

Result<std::shared_ptr<const MappedFile>> FileBuild::map(std::uint64_t offset, std::uint64_t n_bytes) const {
  return MappedFile::map(descriptor_, offset, n_bytes);
}

Status FileBuild::sync() const {
  if (fsync(descriptor_) != 0) return io_error("writing", temporary_);
  return {};
}

Status FileBuild::publish() {
  if (::rename(temporary_.c_str(), destination_.c_str()) != 0) return io_error("publishing", destination_);
  ::close(std::exchange(descriptor_, -1));
  return {};
}

bool remove_abandoned_build(const std::filesystem::path& temporary) {
  const Descriptor file(::open(temporary.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0 || flock(file.get(), LOCK_EX | LOCK_NB) != 0 || !is_still(temporary, file.get())) return false;
  return ::unlink(temporary.c_str()) == 0;
}

Status overwrite_at(const std::filesystem::path& path, std::uint64_t offset, std::span<const std::byte> bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) return io_error("opening", path);
  return write_whole(file.get(), offset, bytes, path);
}

void mark_used(const std::filesystem::path& path) {
  utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
}

bool lock_in_memory(std::span<const std::byte> bytes) {
  return bytes.empty() || mlock(bytes.data(), bytes.size()) == 0;
}

std::uint64_t boot_identity() {
  char text[64] = {};
  const Descriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return 0;
  const ssize_t n = ::read(file.get(), text, sizeof text);
  if (n <= 0) return 0;
  Hash64 hash;
  hash.add(std::string_view(text, static_cast<std::size_t>(n)));
  return hash.value();
}

Result<DiskSpace> disk_space(const std::filesystem::path& folder) {
  struct statvfs info{};
  if (statvfs(folder.c_str(), &info) != 0) return io_error("reading the free space of", folder);
  return DiskSpace{.total_bytes = std::uint64_t{info.f_blocks} * info.f_frsize,
                   .free_bytes = std::uint64_t{info.f_bavail} * info.f_frsize};
}

}  // namespace hearth
