// The course of a download: lock, look, make room, transfer, prove, publish.
#include "library/fetch/fetch.h"

#include <algorithm>

#include "base/cache_file.h"
#include "base/file.h"
#include "library/fetch/transfer.h"
#include "library/names/model_name.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

namespace fs = std::filesystem;

fs::path with_ending(const FetchOptions& options, const FetchRequest& request, std::string_view ending) {
  return options.folder / "parts" / (part_name(request) + std::string(ending));
}

/// The blob with the promised digest, when it is here already.
std::optional<Fetched> already_here(const FetchRequest& request, const FetchOptions& options) {
  if (request.sha256.empty()) return std::nullopt;
  std::error_code code;
  const auto size = fs::file_size(options.folder / "blobs" / request.sha256, code);
  if (code || (request.n_bytes != 0 && size != request.n_bytes)) return std::nullopt;
  return Fetched{.sha256 = request.sha256, .n_bytes = size};
}

/// What another process that was waited for has brought, where no digest was promised.
std::optional<Fetched> brought_by_another(const FetchRequest& request, const FetchOptions& options) {
  const auto digest = read_file(with_ending(options, request, ".done"), 64);
  if (!digest || digest->size() != 64) return std::nullopt;
  FetchRequest known = request;
  known.sha256 = *digest;
  return already_here(known, options);
}

Status make_room(const FetchOptions& options, const FetchRequest& request, const PartFile& part,
                 std::uint64_t n_bytes) {
  HEARTH_TRY(const std::uint64_t has, part.size());
  HEARTH_TRY(const DiskSpace space, disk_space(options.folder));
  const std::uint64_t needs = (n_bytes > has ? n_bytes - has : 0) + options.spare_bytes;
  if (has != n_bytes && space.free_bytes < needs) {
    return fail(
        ErrorCode::kDiskFull,
        fmt::format("{} takes {:.2f} GB, and {:.2f} GB more than that stay free, but the disk of {} has {:.2f} GB "
                    "left; free some space (`hearth gc`, `hearth rm`) or use another folder (HEARTH_HOME)",
                    request.what, static_cast<double>(n_bytes) / 1e9, static_cast<double>(options.spare_bytes) / 1e9,
                    options.folder.string(), static_cast<double>(space.free_bytes) / 1e9));
  }
  return has == n_bytes ? Status() : part.resize(n_bytes);
}

/// The digest that the hub's git knows a small file by.
Result<std::string> git_id_of(const PartFile& part, std::uint64_t n_bytes) {
  Digest digest(Digest::Kind::kSha1);
  digest.add(fmt::format("blob {}", n_bytes));
  digest.add(std::string_view("\0", 1));
  std::vector<std::byte> buffer(1u << 20);
  for (std::uint64_t at = 0; at < n_bytes;) {
    HEARTH_TRY(const std::size_t n,
               part.read_at(at, std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), n_bytes - at))));
    if (n == 0) break;
    digest.add(std::span(buffer).first(n));
    at += n;
  }
  return digest.finish();
}

/// One download under its lock.
class Download {
 public:
  Download(const HttpClient& client, const FetchRequest& request, const FetchOptions& options, std::stop_token stop)
      : client_(client), request_(request), options_(options), stop_(std::move(stop)) {}

  Result<Fetched> run() {
    for (int n_restarts = 0;; ++n_restarts) {
      auto fetched = attempt();
      // The file changed on the server between two parts; the parts that came are of no use.
      if (fetched || fetched.error().code != ErrorCode::kStateMismatch || n_restarts == 2) return fetched;
      remove_files();
    }
  }
  void remove_files() const {
    std::error_code ignored;
    fs::remove(path(".part"), ignored);
    fs::remove(path(".journal"), ignored);
  }

 private:
  [[nodiscard]] fs::path path(std::string_view ending) const { return with_ending(options_, request_, ending); }

  [[nodiscard]] std::string identity(const RemoteFile& remote) const {
    if (!request_.sha256.empty()) return "sha256:" + request_.sha256;
    if (!request_.git_id.empty()) return "git:" + request_.git_id;
    return "url:" + sha256_of(request_.url + "\n" + remote.entity);
  }

  Result<Fetched> attempt() {
    RemoteFile remote{.n_bytes = request_.n_bytes};
    if (remote.n_bytes == 0) {
      HEARTH_TRY(remote, probe_remote(client_, request_, stop_));
    }
    // The journal first: one of another version keeps its part as it is.
    HEARTH_TRY(Journal journal,
               Journal::open(path(".journal"), {identity(remote), remote.n_bytes, options_.chunk_bytes}));
    HEARTH_TRY(PartFile part, PartFile::open(path(".part")));
    if (Status room = make_room(options_, request_, part, remote.n_bytes); !room) {
      std::error_code ignored;
      if (fs::file_size(path(".part"), ignored) == 0) remove_files();
      return std::unexpected(std::move(room.error()));
    }
    Transfer transfer(client_, request_, options_, remote, std::move(part), std::move(journal));
    HEARTH_CHECK(transfer.check_chunks(stop_));
    HEARTH_CHECK(transfer.run(stop_));
    return prove(transfer, remote);
  }

  /// Compares with what was promised. Bytes that the disk lost are fetched again, then all of it once, then no more.
  Result<Fetched> prove(Transfer& transfer, const RemoteFile& remote) {
    bool fetched_again = false;
    for (;;) {
      transfer.tell(FetchProgress::Phase::kVerifying);
      HEARTH_TRY(std::string digest, sha256_of(transfer.part(), 0, remote.n_bytes, stop_));
      bool right = request_.sha256.empty() || digest == request_.sha256;
      if (right && !request_.git_id.empty() && request_.sha256.empty()) {
        HEARTH_TRY(const std::string id, git_id_of(transfer.part(), remote.n_bytes));
        right = id == request_.git_id;
      }
      if (right) return publish(transfer, remote, std::move(digest));
      HEARTH_TRY(const bool lost_on_disk, transfer.check_chunks(stop_));
      if (!lost_on_disk) {
        if (fetched_again) return quarantine(digest);
        fetched_again = true;
        HEARTH_CHECK(transfer.forget());
      }
      HEARTH_CHECK(transfer.run(stop_));
    }
  }

  Result<Fetched> quarantine(const std::string& digest) const {
    std::error_code ignored;
    fs::rename(path(".part"), path(".quarantine"), ignored);
    fs::remove(path(".journal"), ignored);
    return fail(
        ErrorCode::kVerificationFailed,
        fmt::format("{} came twice from {} with bytes that are not what was promised: SHA-256 {} instead of {}; "
                    "nothing was installed, the bytes are set aside until `hearth gc`. The server or something "
                    "on the way changes files; use another mirror (HF_ENDPOINT) or network",
                    request_.what, harmless(client_.options().hub), digest,
                    request_.sha256.empty() ? "git id " + request_.git_id : request_.sha256));
  }

  Result<Fetched> publish(const Transfer& transfer, const RemoteFile& remote, std::string digest) const {
    HEARTH_CHECK(transfer.part().sync());
    const fs::path blob = options_.folder / "blobs" / digest;
    HEARTH_CHECK(publish_file(path(".part"), blob));
    std::error_code ignored;
    fs::remove(path(".journal"), ignored);
    if (request_.sha256.empty()) {
      HEARTH_TRY(AtomicFileWriter done, AtomicFileWriter::create(path(".done")));
      HEARTH_CHECK(done.write(std::as_bytes(std::span(digest))));
      HEARTH_CHECK(done.publish());
    }
    return Fetched{.sha256 = std::move(digest), .n_bytes = remote.n_bytes, .n_transferred = transfer.n_transferred()};
  }

  const HttpClient& client_;
  const FetchRequest& request_;
  const FetchOptions& options_;
  std::stop_token stop_;
};

}  // namespace

std::string part_name(const FetchRequest& request) {
  if (!request.sha256.empty()) return request.sha256;
  if (!request.git_id.empty()) return "git-" + request.git_id;
  return "url-" + sha256_of(request.url);
}

Result<Fetched> fetch_file(const HttpClient& client, const FetchRequest& request, const FetchOptions& options,
                           std::stop_token stop) {
  std::error_code code;
  for (const char* name : {"blobs", "parts"}) {
    fs::create_directories(options.folder / name, code);
    if (code) return std::unexpected(system_error_at("making the folder", options.folder / name, code.value()));
  }
  constexpr std::string_view kNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  if (request.sha256 == kNothing)
    return fail(ErrorCode::kInvalidResponse, request.what + " is promised to be empty; that is no model");
  for (bool waited = false;; waited = true) {
    if (auto here = already_here(request, options)) return *here;
    HEARTH_TRY(const std::optional<FileLock> lock, FileLock::try_take(with_ending(options, request, ".lock")));
    if (!lock) {
      if (options.progress)
        options.progress({.phase = FetchProgress::Phase::kWaiting,
                          .n_bytes = request.n_bytes,
                          .note = "another process downloads it"});
      if (!wait_for(std::chrono::milliseconds(200), stop)) return fail(ErrorCode::kCancelled, "cancelled");
      continue;
    }
    if (auto here = already_here(request, options)) return *here;
    if (auto here = waited ? brought_by_another(request, options) : std::nullopt) return *here;
    Download download(client, request, options, stop);
    auto fetched = download.run();
    if (!fetched && fetched.error().code == ErrorCode::kCancelled &&
        options.on_cancel == FetchOptions::OnCancel::kFreeDisk)
      download.remove_files();
    return fetched;
  }
}

std::uint64_t remove_parts(const fs::path& folder) {
  std::uint64_t n_bytes = 0;
  std::error_code code;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder / "parts", code), end; !code && entry != end; entry.increment(code))
    files.push_back(entry->path());
  for (const fs::path& file : files) {
    if (file.extension() == ".lock") continue;
    fs::path lock_path = file;
    lock_path.replace_extension(".lock");
    const auto lock = FileLock::try_take(lock_path);
    if (!lock || !*lock) continue;  // somebody works on it
    const auto size = fs::file_size(file, code);
    if (!code && fs::remove(file, code)) n_bytes += size;
  }
  return n_bytes;
}

}  // namespace hearth::library
