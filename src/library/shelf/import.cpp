// Taking files in: digest, copy or link, look into, put on the shelf.
#include "library/shelf/import.h"

#include <algorithm>
#include <optional>

#include "base/cache_file.h"
#include "base/file.h"
#include "base/part_file.h"
#include "file/recognise.h"
#include "library/fetch/digest.h"
#include "library/net/hub.h"
#include "library/shelf/pull.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

namespace fs = std::filesystem;

bool ends_with_gguf(const fs::path& path) {
  return path.extension() == ".gguf";
}

/// The files that belong to what a person points at.
Result<std::vector<fs::path>> files_of_import(const fs::path& path) {
  std::error_code code;
  if (fs::is_regular_file(path, code)) {
    const std::string name = path.string();
    // "-00001-of-00003.gguf": all of them.
    const std::size_t at = name.rfind("-of-");
    if (!ends_with_gguf(path) || at == std::string::npos || at < 6 || name.size() != at + 14) return std::vector{path};
    std::vector<fs::path> parts;
    const auto count = static_cast<unsigned>(std::strtoul(name.substr(at + 4, 5).c_str(), nullptr, 10));
    for (unsigned part = 1; part <= count; ++part) {
      parts.emplace_back(fmt::format("{}{:05}{}", name.substr(0, at - 5), part, name.substr(at)));
      if (!fs::exists(parts.back(), code))
        return fail(ErrorCode::kFileNotFound, fmt::format("the part {} is missing", parts.back().string()));
    }
    return parts;
  }
  if (!fs::is_directory(path, code))
    return fail(ErrorCode::kFileNotFound, fmt::format("there is no file or folder {}", path.string()));
  std::vector<fs::path> all, gguf;
  for (fs::directory_iterator entry(path, code), end; !code && entry != end; entry.increment(code)) {
    if (!entry->is_regular_file(code) || entry->path().filename().string().starts_with(".")) continue;
    all.push_back(entry->path());
    if (ends_with_gguf(entry->path())) gguf.push_back(entry->path());
  }
  std::ranges::sort(all);
  std::ranges::sort(gguf);
  if (gguf.size() == 1) return gguf;
  if (!gguf.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} holds {} GGUF files; name one of them, such as {}",
                                                         path.string(), gguf.size(), gguf.front().string()));
  }
  if (!recognise_folder(path))
    return fail(ErrorCode::kInvalidFile, fmt::format("{} holds no model of a format that is known", path.string()));
  return all;
}

/// One import: its progress over all files.
class Import {
 public:
  Import(Shelf& shelf, const ImportOptions& options, const std::stop_token& stop, std::uint64_t n_all)
      : shelf_(shelf), options_(options), stop_(stop), n_all_(n_all) {}

  Result<ShelfFile> take(const fs::path& path, const std::string& owner) {
    HEARTH_TRY(const RandomAccessFile source, RandomAccessFile::open(path));
    ShelfFile file{.name = path.filename().string(), .n_bytes = source.size(), .owner = owner};
    if (options_.how == ImportOptions::How::kCopy && owner.empty()) {
      HEARTH_CHECK(copy(source, file));
    } else {
      HEARTH_TRY(file.sha256, read_through(source, nullptr));
      file.path = path;
    }
    if (options_.how == ImportOptions::How::kLink && owner.empty()) {
      file.path = shelf_.blob_path(file.sha256);
      std::error_code code;
      fs::create_hard_link(path, file.path, code);
      if (code && code != std::errc::file_exists) {
        return fail(ErrorCode::kIo,
                    fmt::format("linking {}: {}; files on another disk can be copied (without --link) or "
                                "used where they are (--in-place)",
                                path.string(), code.message()));
      }
    }
    return file;
  }

 private:
  Result<std::string> read_through(const RandomAccessFile& source, const PartFile* into) {
    Digest digest;
    std::vector<std::byte> buffer(4u << 20);
    for (std::uint64_t at = 0; at < source.size();) {
      if (stop_.stop_requested()) return fail(ErrorCode::kCancelled, "stopped; nothing was changed");
      const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), source.size() - at));
      HEARTH_CHECK(source.read_at(at, part));
      if (into) HEARTH_CHECK(into->write_at(at, part));
      digest.add(part);
      at += part.size();
      n_done_ += part.size();
      if (options_.progress) options_.progress(n_done_, n_all_);
    }
    return digest.finish();
  }

  Status copy(const RandomAccessFile& source, ShelfFile& file) {
    HEARTH_TRY(const DiskSpace space, disk_space(shelf_.folder()));
    if (space.free_bytes < source.size() + options_.spare_bytes) {
      return fail(ErrorCode::kDiskFull,
                  fmt::format("copying {} takes {:.2f} GB and {:.2f} GB are free; use it where it is with --in-place",
                              source.path().string(), static_cast<double>(source.size()) / 1e9,
                              static_cast<double>(space.free_bytes) / 1e9));
    }
    const fs::path base = shelf_.folder() / "parts" / ("import-" + sha256_of(source.path().string()));
    const auto named = [&](const char* ending) { return fs::path(base.string() + ending); };
    HEARTH_TRY(const std::optional<FileLock> lock, FileLock::try_take(named(".lock")));
    if (!lock) return fail(ErrorCode::kBusy, fmt::format("another process imports {} now", source.path().string()));
    const auto copied = [&]() -> Result<std::string> {
      HEARTH_TRY(const PartFile part, PartFile::open(named(".part")));
      HEARTH_CHECK(part.resize(source.size()));
      HEARTH_TRY(std::string digest, read_through(source, &part));
      HEARTH_CHECK(part.sync());
      HEARTH_CHECK(publish_file(named(".part"), shelf_.blob_path(digest)));
      return digest;
    }();
    std::error_code ignored;
    fs::remove(named(".part"), ignored);
    if (!copied) return std::unexpected(copied.error());
    file.sha256 = *copied;
    file.path = shelf_.blob_path(*copied);
    return {};
  }

  Shelf& shelf_;
  const ImportOptions& options_;
  const std::stop_token& stop_;
  std::uint64_t n_all_, n_done_ = 0;
};

/// Looks into the files and takes them in.
Result<ShelfModel> take_all(Shelf& shelf, NewModel model, const std::vector<fs::path>& files, const std::string& owner,
                            const std::string& promised, const ImportOptions& options, const std::stop_token& stop) {
  std::uint64_t n_all = 0;
  std::error_code ignored;
  for (const fs::path& file : files) n_all += fs::file_size(file, ignored);
  if (model.format.empty()) {
    HEARTH_TRY(model.format, check_model_files(files));
  }
  Import work(shelf, options, stop, n_all);
  for (const fs::path& path : files) {
    HEARTH_TRY(ShelfFile file, work.take(path, owner));
    if (!promised.empty() && file.sha256 != promised) {
      return fail(ErrorCode::kVerificationFailed,
                  fmt::format("{} is damaged: {} names it {} and its bytes are {}; let {} download it again",
                              path.string(), owner, promised, file.sha256, owner));
    }
    model.files.push_back(std::move(file));
  }
  if (model.quant.empty()) model.quant = quant_of_file(files.front().filename().string());
  return shelf.add(model);
}

}  // namespace

std::string name_from_file(const fs::path& path) {
  std::string name;
  const std::string stem = ends_with_gguf(path) ? path.stem().string() : path.filename().string();
  for (char c : stem) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter || ((c == '.' || c == '_' || c == '-') && !name.empty() && name.back() != c)) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && (name.back() == '.' || name.back() == '-' || name.back() == '_')) name.pop_back();
  name.resize(std::min<std::size_t>(name.size(), 100));
  return parse_own_name(name) ? name : "model-" + sha256_of(path.string()).substr(0, 8);
}

Result<ShelfModel> import_model(Shelf& shelf, const fs::path& path, const ImportOptions& options,
                                const std::stop_token& stop) {
  std::error_code code;
  const fs::path whole = fs::canonical(path, code);
  if (code)
    return fail(ErrorCode::kFileNotFound,
                fmt::format("there is no file or folder {}: {}", path.string(), code.message()));
  const std::string source = "file:" + whole.string();
  HEARTH_CHECK(options.allowed.check(source));
  HEARTH_TRY(const std::vector<fs::path> files, files_of_import(whole));
  NewModel model{.name = options.name.empty() ? name_from_file(whole) : options.name, .source = source};
  if (fs::is_directory(whole, code) && !ends_with_gguf(files.front())) {
    model.format = recognise_folder(whole)->name;
    for (char& c : model.format) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  HEARTH_TRY(const ModelName name, parse_model_name(model.name));
  model.name = canonical_name(name);
  return take_all(shelf, std::move(model), files, options.how == ImportOptions::How::kInPlace ? "user" : "", "",
                  options, stop);
}

Result<ShelfModel> adopt(Shelf& shelf, const ForeignModel& foreign, const ImportOptions& options,
                         const std::stop_token& stop) {
  HEARTH_CHECK(options.allowed.check(foreign.source));
  HEARTH_TRY(const ModelName name, parse_model_name(options.name.empty() ? foreign.name : options.name));
  const NewModel model{
      .name = canonical_name(name), .source = foreign.source, .commit = foreign.commit, .quant = foreign.quant};
  return take_all(shelf, model, foreign.files, foreign.owner, foreign.sha256, options, stop);
}

}  // namespace hearth::library
