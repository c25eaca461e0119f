// Files on POSIX: pread, and write-then-rename.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"

#include <fmt/format.h>

namespace hearth {

namespace {

std::unexpected<Error> failed_at(std::string_view doing, const std::filesystem::path& path) {
  return std::unexpected(system_error_at(doing, path, errno));
}

}  // namespace

ErrorCode code_of_system_error(int number) {
  return number == ENOSPC || number == EDQUOT || number == EFBIG ? ErrorCode::kDiskFull : ErrorCode::kIo;
}

std::string words_of_system_error(int number) {
  const std::string words = std::error_code(number, std::generic_category()).message();
  switch (number) {
    case ENOSPC:
    case EDQUOT: return words + "; free some space and try again";
    case EFBIG:
      return words +
             "; neither the file system nor the limit of this process (ulimit -f) allows a file of that size: "
             "choose another folder";
    case EROFS: return words + "; choose another folder";
    case EIO: return words + "; the disk may be failing, see the system's log";
    case EACCES:
    case EPERM: return words + "; check the permissions";
    default: return words;
  }
}

Error system_error_at(std::string_view doing, const std::filesystem::path& path, int number) {
  return {code_of_system_error(number), fmt::format("{} {}: {}", doing, path.string(), words_of_system_error(number))};
}

Result<RandomAccessFile> RandomAccessFile::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    Error error = system_error_at("cannot open", path, errno);
    if (errno == ENOENT) error.code = ErrorCode::kFileNotFound;
    return std::unexpected(std::move(error));
  }
  RandomAccessFile file;
  file.descriptor_ = descriptor;
  file.path_ = path;
  struct stat info{};
  if (fstat(descriptor, &info) != 0) return failed_at("cannot read the size of", path);
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is not a regular file", path.string()));
  }
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  return file;
}

RandomAccessFile::~RandomAccessFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RandomAccessFile::RandomAccessFile(RandomAccessFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), path_(std::move(other.path_)) {}

RandomAccessFile& RandomAccessFile::operator=(RandomAccessFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

Result<FileIdentity> RandomAccessFile::identity() const {
  struct stat info{};
  if (fstat(descriptor_, &info) != 0) return failed_at("cannot read the times of", path_);
#if defined(__APPLE__)
  const timespec& modified = info.st_mtimespec;
#else
  const timespec& modified = info.st_mtim;
#endif
  return FileIdentity{.device = static_cast<std::uint64_t>(info.st_dev),
                      .inode = static_cast<std::uint64_t>(info.st_ino),
                      .size_bytes = static_cast<std::uint64_t>(info.st_size),
                      .modified_ns = static_cast<std::uint64_t>(modified.tv_sec) * 1'000'000'000 +
                                     static_cast<std::uint64_t>(modified.tv_nsec)};
}

Status RandomAccessFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed_at("reading", path_);
    if (n == 0) {
      return fail(
          ErrorCode::kCorruptedModel,
          fmt::format("reading {}: the file ends at byte {}, {} bytes were expected from offset {}; it may be an "
                      "incomplete download",
                      path_.string(), offset + done, out.size(), offset));
    }
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  HEARTH_TRY(auto file, RandomAccessFile::open(path));
  if (file.size() > limit_bytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} has {} bytes, more than the {} allowed here", path.string(), file.size(), limit_bytes));
  }
  std::string text(file.size(), '\0');
  HEARTH_CHECK(file.read_at(0, std::as_writable_bytes(std::span(text))));
  return text;
}

Result<AtomicFileWriter> AtomicFileWriter::create(const std::filesystem::path& destination) {
  AtomicFileWriter writer;
  std::string name = destination.string() + ".XXXXXX";
  writer.descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (writer.descriptor_ < 0) return failed_at("cannot create a file beside", destination);
  ::fchmod(writer.descriptor_, 0644);
  writer.temporary_ = name;
  writer.destination_ = destination;
  return writer;
}

AtomicFileWriter::AtomicFileWriter(AtomicFileWriter&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      temporary_(std::move(other.temporary_)),
      destination_(std::move(other.destination_)) {}

AtomicFileWriter::~AtomicFileWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

Status AtomicFileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed_at("writing", temporary_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status AtomicFileWriter::publish() {
  const int descriptor = std::exchange(descriptor_, -1);
  const bool synced = ::fsync(descriptor) == 0;
  const bool closed = ::close(descriptor) == 0;
  if (!synced || !closed || ::rename(temporary_.c_str(), destination_.c_str()) != 0) {
    Error error = system_error_at("writing", destination_, errno);
    ::unlink(temporary_.c_str());
    return std::unexpected(std::move(error));
  }
  return {};
}

}  // namespace hearth
