// Reading and writing files of packed weights.
#include "weights/packed_file.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/hash.h"

#include <fmt/format.h>

namespace hearth {

namespace {

constexpr std::uint32_t kFormat = 1;
constexpr std::uint64_t kLongestPath = 1u << 16;

struct Header {
  char magic[8] = {'H', 'E', 'A', 'R', 'T', 'H', 'P', 'W'};
  std::uint32_t format = kFormat;
  std::uint32_t layout = 0;
  std::uint64_t source = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t directory_offset = 0, directory_bytes = 0, directory_checksum = 0;
  std::uint64_t boot = 0;      // the run of the system that wrote it, 0 once it certainly is on the disk
  std::uint64_t checksum = 0;  // of all before

  [[nodiscard]] std::uint64_t computed_checksum() const {
    return hash_block(std::as_bytes(std::span(this, 1)).first(sizeof *this - sizeof checksum));
  }
};
static_assert(sizeof(Header) == 72 && sizeof(PackedEntry) == 40);

std::unexpected<Error> damaged(const std::filesystem::path& path, std::string_view why) {
  return fail(ErrorCode::kCorruptedModel, fmt::format("the packed weights in {} are unusable: {}", path.string(), why));
}

std::uint64_t combined(std::span<const std::uint64_t> checksums) {
  return hash_block(std::as_bytes(checksums));
}

/// [offset, offset + n_bytes) lies within a file of `size` bytes.
bool lies_within(std::uint64_t offset, std::uint64_t n_bytes, std::uint64_t size) {
  return (CheckedSize(offset) + n_bytes).at_most(size);
}

}  // namespace

Result<PackedFile> PackedFile::open(const std::filesystem::path& path) {
  PackedFile file;
  file.path_ = path;
  HEARTH_TRY(file.mapping_, MappedFile::open(path));
  const std::span bytes = file.mapping_->bytes();
  Header header;
  const Header expected;
  if (bytes.size() < sizeof header) return damaged(path, "it is too short");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0) return damaged(path, "it is something else");
  if (header.format != kFormat) return damaged(path, fmt::format("format {} is not {}", header.format, kFormat));
  if (header.checksum != header.computed_checksum()) return damaged(path, "its header was changed");
  if (header.file_bytes != bytes.size())
    return damaged(path, fmt::format("it has {} bytes of {}", bytes.size(), header.file_bytes));
  file.key_ = {.source = header.source, .layout = header.layout};
  file.boot_ = header.boot;
  HEARTH_CHECK(file.read_directory(header.directory_offset, header.directory_bytes, header.directory_checksum));
  return file;
}

Status PackedFile::read_directory(std::uint64_t offset, std::uint64_t n_bytes, std::uint64_t checksum) {
  const std::span bytes = mapping_->bytes();
  if (!lies_within(offset, n_bytes, bytes.size()) || offset % 8 != 0) return damaged(path_, "it has no directory");
  std::span rest = bytes.subspan(offset, n_bytes);
  if (hash_block(rest) != checksum) return damaged(path_, "its directory was changed");
  const auto take_count = [&rest](std::uint64_t unit_bytes, std::uint64_t& count) {
    if (rest.size() < 8) return false;
    std::memcpy(&count, rest.data(), 8);
    rest = rest.subspan(8);
    return (CheckedSize(count) * unit_bytes).at_most(rest.size());
  };
  std::uint64_t n = 0;
  if (!take_count(sizeof(PackedEntry), n)) return damaged(path_, "its directory is cut");
  entries_ = {reinterpret_cast<const PackedEntry*>(rest.data()), n};
  rest = rest.subspan(n * sizeof(PackedEntry));
  if (!take_count(1, n) || n > kLongestPath) return damaged(path_, "its directory is cut");
  source_path_.assign(reinterpret_cast<const char*>(rest.data()), n);
  for (const PackedEntry& entry : entries_) {
    if (!lies_within(entry.offset, entry.n_bytes, offset) || entry.offset % kMapAlignment != 0 ||
        entry.chunk_bytes == 0)
      return damaged(path_, "its directory points elsewhere");
  }
  return {};
}

std::shared_ptr<const std::byte> PackedFile::find(std::uint64_t matrix, std::uint64_t n_bytes) const {
  const auto entry = std::ranges::find(entries_, matrix, &PackedEntry::matrix);
  if (entry == entries_.end() || entry->n_bytes != n_bytes) return nullptr;
  return {mapping_, mapping_->bytes().data() + entry->offset};
}

Status PackedFile::verify(ThreadPool& pool) const {
  for (const PackedEntry& entry : entries_) {
    const std::span panels = mapping_->bytes().subspan(entry.offset, entry.n_bytes);
    std::vector<std::uint64_t> checksums((entry.n_bytes + entry.chunk_bytes - 1) / entry.chunk_bytes);
    pool.parallel_for(checksums.size(), [&](std::size_t chunk, int) {
      const std::uint64_t begin = chunk * entry.chunk_bytes;
      checksums[chunk] = hash_block(panels.subspan(begin, std::min(entry.chunk_bytes, entry.n_bytes - begin)));
    });
    if (combined(checksums) != entry.checksum) return damaged(path_, "weights in it were changed");
  }
  return {};
}

void PackedFile::note_certain() const {
  Header header;
  std::memcpy(&header, mapping_->bytes().data(), sizeof header);
  header.boot = 0;
  header.checksum = header.computed_checksum();
  // Where this is not allowed, the next run of the system verifies the file again.
  (void)overwrite_at(path_, 0, std::as_bytes(std::span(&header, 1)));
}

PackedFileWriter::Region PackedFileWriter::begin(std::uint64_t matrix, std::uint64_t n_bytes,
                                                 std::uint64_t chunk_bytes) {
  Region region{.entry = {.matrix = matrix, .offset = end_, .n_bytes = n_bytes, .chunk_bytes = chunk_bytes},
                .checksums = std::vector<std::uint64_t>((n_bytes + chunk_bytes - 1) / chunk_bytes)};
  end_ = (end_ + n_bytes + kMapAlignment - 1) / kMapAlignment * kMapAlignment;
  return region;
}

Status PackedFileWriter::write(Region& region, std::uint64_t offset, std::span<const std::byte> chunk) const {
  region.checksums[offset / region.entry.chunk_bytes] = hash_block(chunk);
  return build_.write_at(region.entry.offset + offset, chunk);
}

Result<std::shared_ptr<const std::byte>> PackedFileWriter::end(const Region& region) {
  HEARTH_TRY(const auto mapped, build_.map(region.entry.offset, region.entry.n_bytes));
  entries_.push_back(region.entry);
  entries_.back().checksum = combined(region.checksums);
  return std::shared_ptr<const std::byte>(mapped, mapped->bytes().data());
}

Status PackedFileWriter::publish(const PackedKey& key, const std::string& source_path) {
  std::vector<std::byte> directory;
  const auto put = [&directory](std::span<const std::byte> bytes) {
    directory.insert(directory.end(), bytes.begin(), bytes.end());
  };
  const std::string path = source_path.substr(0, kLongestPath);
  const std::uint64_t n_entries = entries_.size(), n_path = path.size();
  put(std::as_bytes(std::span(&n_entries, 1)));
  put(std::as_bytes(std::span(entries_)));
  put(std::as_bytes(std::span(&n_path, 1)));
  put(std::as_bytes(std::span(path)));
  Header header{.layout = key.layout,
                .source = key.source,
                .file_bytes = end_ + directory.size(),
                .directory_offset = end_,
                .directory_bytes = directory.size(),
                .directory_checksum = hash_block(directory),
                .boot = boot_identity()};
  header.checksum = header.computed_checksum();
  HEARTH_CHECK(build_.write_at(end_, directory));
  HEARTH_CHECK(build_.write_at(0, std::as_bytes(std::span(&header, 1))));
  if (header.boot == 0) HEARTH_CHECK(build_.sync());
  return build_.publish();
}

}  // namespace hearth
