// Finding, making room for and removing files of packed weights.
#include "weights/packed_cache.h"

#include <algorithm>

#include "base/cache_file.h"
#include "base/hash.h"

#include <fmt/format.h>

namespace hearth {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".packed";
constexpr std::uint64_t kDefaultMost = 50'000'000'000;
constexpr std::uint64_t kKeepFree = 1u << 30;  // of the disk, for everybody else

/// Our names are 16 hexadecimal digits and a suffix.
bool is_ours(const fs::path& path, std::string_view suffix) {
  const std::string name = path.filename().string();
  return name.size() == 16 + suffix.size() && name.ends_with(suffix) &&
         name.find_first_not_of("0123456789abcdef") == 16;
}

std::vector<fs::path> files_of(const fs::path& folder, std::string_view suffix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->symlink_status(ignored).type() == fs::file_type::regular && is_ours(at->path(), suffix))
      found.push_back(at->path());
  }
  return found;
}

std::string building_suffix() {
  return std::string(kSuffix).append(FileBuild::kSuffix);
}

std::string size_text(std::uint64_t n_bytes) {
  return fmt::format("{:.1f} GB", static_cast<double>(n_bytes) / 1e9);
}

struct Candidate {
  fs::path path;
  std::uint64_t n_bytes = 0;
  fs::file_time_type last_used;
};

/// The ones used longest ago first.
std::vector<Candidate> by_age(const fs::path& folder) {
  std::vector<Candidate> found;
  for (const fs::path& path : files_of(folder, kSuffix)) {
    std::error_code gone;  // another process may remove it at any time
    Candidate file{.path = path, .n_bytes = fs::file_size(path, gone), .last_used = fs::last_write_time(path, gone)};
    if (!gone) found.push_back(std::move(file));
  }
  std::ranges::sort(found, {}, &Candidate::last_used);
  return found;
}

}  // namespace

Result<std::uint64_t> PackedCache::default_limit() const {
  HEARTH_TRY(const DiskSpace space, disk_space(folder_));
  return std::min(space.total_bytes / 5, kDefaultMost);
}

fs::path PackedCache::path_of(const PackedKey& key) const {
  Hash64 hash;
  hash.add(key.source);
  hash.add(std::uint64_t{key.layout});
  return folder_ / fmt::format("{:016x}{}", hash.value(), kSuffix);
}

Result<PackedFile> PackedCache::find(const PackedKey& key, ThreadPool& pool) const {
  const fs::path path = path_of(key);
  HEARTH_TRY(PackedFile file, PackedFile::open(path));
  if (file.key() != key) return fail(ErrorCode::kCorruptedModel, path.string() + " was made from another model");
  file.read_ahead();
  if (!file.certain()) {
    HEARTH_CHECK(file.verify(pool));
    file.note_certain();
  }
  mark_used(path);
  return file;
}

Result<PackedFileWriter> PackedCache::begin(const PackedKey& key, std::uint64_t n_bytes) const {
  std::error_code error;
  if (fs::create_directories(folder_, error)) fs::permissions(folder_, fs::perms::owner_all, error);
  if (error) return fail(ErrorCode::kIo, fmt::format("creating the folder {}: {}", folder_.string(), error.message()));
  HEARTH_TRY(const std::uint64_t usual, default_limit());
  const std::uint64_t limit = limit_bytes_ ? limit_bytes_ : usual;
  if (n_bytes > limit) {
    return fail(ErrorCode::kInsufficientMemory,
                fmt::format("its packed weights would take {}, more than the cache's limit of {}", size_text(n_bytes),
                            size_text(limit)));
  }
  shrink_to(limit - n_bytes);
  HEARTH_TRY(const DiskSpace space, disk_space(folder_));
  if (space.free_bytes < n_bytes + kKeepFree) {
    return fail(ErrorCode::kIo, fmt::format("its packed weights would take {}, but the disk of {} has {} free",
                                            size_text(n_bytes), folder_.string(), size_text(space.free_bytes)));
  }
  HEARTH_TRY(auto build, FileBuild::begin(path_of(key)));
  if (!build) return fail(ErrorCode::kIo, "another process is packing them now");
  return PackedFileWriter(std::move(*build));
}

void PackedCache::remove_superseded(const PackedKey& key, const std::string& source_path) const {
  for (const fs::path& path : files_of(folder_, kSuffix)) {
    if (path == path_of(key)) continue;
    const auto other = PackedFile::open(path);
    std::error_code ignored;
    if (other && other->source_path() == source_path) fs::remove(path, ignored);
  }
}

void PackedCache::remove(const PackedKey& key) const {
  std::error_code ignored;
  fs::remove(path_of(key), ignored);
}

std::vector<PackedCache::Item> PackedCache::list() const {
  std::vector<Item> items;
  for (Candidate& file : by_age(folder_)) {
    Item item{.path = std::move(file.path), .n_bytes = file.n_bytes, .last_used = file.last_used};
    if (const auto packed = PackedFile::open(item.path)) {
      item.source_path = packed->source_path();
      item.key = packed->key();
    } else {
      item.flaw = packed.error().message;
    }
    items.push_back(std::move(item));
  }
  std::ranges::reverse(items);
  return items;
}

std::uint64_t PackedCache::shrink_to(std::uint64_t limit_bytes) const {
  std::uint64_t freed = 0, total = 0;
  const auto remove_file = [&freed](const fs::path& path, std::uint64_t n_bytes) {
    std::error_code error;
    if (fs::remove(path, error)) freed += n_bytes;
  };
  for (const fs::path& path : files_of(folder_, building_suffix())) {
    std::error_code gone;
    const std::uint64_t n_bytes = fs::file_size(path, gone);
    if (remove_abandoned_build(path) && !gone) freed += n_bytes;
  }
  const std::vector<Candidate> files = by_age(folder_);
  for (const Candidate& file : files) total += file.n_bytes;
  for (auto file = files.begin(); file != files.end() && total > limit_bytes; ++file) {
    remove_file(file->path, file->n_bytes);
    total -= file->n_bytes;
  }
  return freed;
}

}  // namespace hearth
