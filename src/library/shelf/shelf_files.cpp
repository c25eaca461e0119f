// The files behind the index: reading all of them again, and giving engines a path.
#include <algorithm>

#include "base/file.h"
#include "library/fetch/digest.h"
#include "library/shelf/shelf.h"

#include <fmt/format.h>

namespace hearth::library {

namespace fs = std::filesystem;

Result<std::vector<Fault>> Shelf::verify(const ShelfModel& model,
                                         const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                         const std::stop_token& stop) {
  constexpr std::size_t kStep = 4u << 20;
  std::vector<Fault> faults;
  std::uint64_t n_done = 0;
  std::vector<std::byte> buffer(kStep);
  for (const ShelfFile& file : model.files) {
    const auto opened = RandomAccessFile::open(file.path);
    if (!opened) {
      faults.push_back({file.name, fmt::format("{} is gone", file.path.string())});
      continue;
    }
    Digest digest;
    bool whole = opened->size() == file.n_bytes;
    for (std::uint64_t at = 0; whole && at < file.n_bytes; at += kStep) {
      if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "cancelled");
      const auto part = std::span(buffer).first(std::min<std::uint64_t>(kStep, file.n_bytes - at));
      whole = opened->read_at(at, part).has_value();
      digest.add(part);
      n_done += part.size();
      if (progress) progress(n_done, model.n_bytes());
    }
    if (!whole || digest.finish() != file.sha256)
      faults.push_back({file.name, fmt::format("{} no longer has the bytes that were verified", file.path.string())});
  }
  return faults;
}

Result<fs::path> Shelf::path_to_open(const ShelfModel& model) const {
  const std::string called = model.names.empty() ? model.source : model.names.front();
  if (model.files.empty())
    return fail(ErrorCode::kFileNotFound,
                fmt::format("{} has no files here; `hearth rm {}` and pull it again", called, called));
  for (const ShelfFile& file : model.files) {
    std::error_code code;
    const auto size = fs::file_size(file.path, code);
    if (!code && size == file.n_bytes) continue;
    const std::string found = code ? "is gone" : fmt::format("has {} bytes now and had {}", size, file.n_bytes);
    const std::string cure =
        file.owner.empty() ? fmt::format("`hearth pull {}` brings it again", called)
                           : fmt::format("it belongs to {}; `hearth adopt` looks again, `hearth rm {}` forgets it",
                                         file.owner, called);
    return fail(code ? ErrorCode::kFileNotFound : ErrorCode::kVerificationFailed,
                fmt::format("{}: the file {} {}: {}", called, file.path.string(), found, cure));
  }
  const ShelfFile& first = model.files.front();
  if (model.files.size() == 1 || !first.owner.empty() || !first.name.ends_with(".gguf")) return first.path;
  // The parts of a split file find each other by name: links whose names are of our own making.
  const fs::path view = folder_ / "views" / first.sha256;
  std::error_code code;
  fs::create_directories(view, code);
  const auto link_of = [&](std::size_t i) {
    return view / fmt::format("model-{:05}-of-{:05}.gguf", i + 1, model.files.size());
  };
  for (std::size_t i = 0; i < model.files.size(); ++i) {
    const fs::path target = fs::path("..") / ".." / "blobs" / model.files[i].sha256;
    if (fs::read_symlink(link_of(i), code) == target) continue;
    fs::remove(link_of(i), code);
    fs::create_symlink(target, link_of(i), code);
    if (code && code != std::errc::file_exists)
      return std::unexpected(system_error_at("making", link_of(i), code.value()));
  }
  return link_of(0);
}

}  // namespace hearth::library
