// Fetching chunks in parallel, or all of it in order where a server knows no ranges.
#include "library/fetch/transfer.h"

#include <algorithm>
#include <thread>

#include "base/cache_file.h"
#include "library/names/model_name.h"
#include "library/net/hub.h"

#include <fmt/format.h>

namespace hearth::library {

using std::chrono::steady_clock;

struct Transfer::Attempt {
  ByteRange range;          // of the whole chunk
  std::uint64_t n_got = 0;  // of it, written
  Digest digest;
  int n_failures = 0;        // in a row, without a byte
  bool source_gone = false;  // the direct address no longer works
  std::optional<std::chrono::seconds> retry_after;
};

Transfer::Transfer(const HttpClient& client, const FetchRequest& request, const FetchOptions& options,
                   RemoteFile remote, PartFile part, Journal journal)
    : client_(client),
      request_(request),
      options_(options),
      remote_(std::move(remote)),
      part_(std::move(part)),
      journal_(std::move(journal)) {
  chunks_.resize((remote_.n_bytes + chunk_bytes() - 1) / chunk_bytes(), Chunk::kMissing);
  in_order_ = !remote_.ranges;
}

ByteRange Transfer::range_of(std::uint64_t chunk) const {
  const std::uint64_t offset = chunk * chunk_bytes();
  return {offset, std::min(chunk_bytes(), remote_.n_bytes - offset)};
}

Result<bool> Transfer::check_chunks(const std::stop_token& stop) {
  bool lost = false;
  n_here_ = 0;
  for (std::uint64_t chunk = 0; chunk < chunks_.size(); ++chunk) {
    chunks_[chunk] = Chunk::kMissing;
    const auto recorded = journal_.chunks().find(chunk);
    if (recorded == journal_.chunks().end()) continue;
    tell(FetchProgress::Phase::kChecking);
    const ByteRange range = range_of(chunk);
    auto digest = sha256_of(part_, range.offset, range.n_bytes, stop);
    if (!digest && digest.error().code == ErrorCode::kCancelled) return std::unexpected(std::move(digest.error()));
    if (!digest || *digest != recorded->second) {
      lost = true;
      continue;
    }
    chunks_[chunk] = Chunk::kHere;
    n_here_ += range.n_bytes;
  }
  return lost;
}

Status Transfer::forget() {
  std::ranges::fill(chunks_, Chunk::kMissing);
  n_here_ = 0;
  return journal_.clear();
}

void Transfer::set_note(std::string note) {
  const std::lock_guard lock(mutex_);
  note_ = std::move(note);
}

std::string Transfer::address() {
  const std::lock_guard lock(mutex_);
  return direct_.empty() ? request_.url : direct_;
}

std::optional<std::uint64_t> Transfer::take_chunk() {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(chunks_, Chunk::kMissing);
  if (found == chunks_.end() || !verdict_) return std::nullopt;
  *found = Chunk::kTaken;
  return static_cast<std::uint64_t>(found - chunks_.begin());
}

Status Transfer::keep_chunk(std::uint64_t chunk, const std::string& sha256) {
  HEARTH_CHECK(part_.sync());  // before the record that says so
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK(journal_.append(chunk, sha256));
  chunks_[chunk] = Chunk::kHere;
  HEARTH_TRY(const DiskSpace space, disk_space(options_.folder));
  if (space.free_bytes < options_.spare_bytes / 4) {
    return fail(
        ErrorCode::kDiskFull,
        fmt::format("the disk of {} fills up: {} bytes are left; free some space, the download goes on where it "
                    "was",
                    options_.folder.string(), space.free_bytes));
  }
  return {};
}

/// Waits before the next attempt, or gives up with `why`.
Status Transfer::pause(Attempt& attempt, Error why, const std::stop_token& stop) {
  const bool may_pass = why.code == ErrorCode::kNetworkFailed || why.code == ErrorCode::kInvalidResponse;
  if (!may_pass) return std::unexpected(std::move(why));
  const auto wait = pause_before_retry(++attempt.n_failures, client_.options().retry_unit, attempt.retry_after);
  if (!wait || attempt.n_failures >= client_.options().n_attempts)
    return std::unexpected(std::move(why).within("downloading " + request_.what));
  attempt.retry_after.reset();
  set_note(fmt::format("trying again: {}", why.message));
  if (!wait_for(*wait, stop)) return fail(ErrorCode::kCancelled, "cancelled");
  return {};
}

/// What an answer without all the bytes means: an error that ends everything, or one that pause() may let pass.
Status Transfer::judge_answer(const HttpAnswer& answer, Attempt& attempt) {
  const int status = answer.status;
  if (status == 200 || status == 206)
    return fail(ErrorCode::kNetworkFailed, fmt::format("{} ended its answer too early", harmless(answer.url)));
  attempt.retry_after = parse_retry_after(answer.header("retry-after"));
  if (status == 416) {
    return fail(ErrorCode::kStateMismatch, fmt::format("{} is shorter on the server than the {} bytes it had before",
                                                       request_.what, remote_.n_bytes));
  }
  const auto last = parse_url(answer.url), asked = parse_url(request_.url);
  const bool elsewhere = last && asked && last->origin != asked->origin;
  if (elsewhere && status >= 400 && status < 500 && status != 429) {
    attempt.source_gone = true;  // a signed address that expired: the hub gives another one
    return fail(ErrorCode::kNetworkFailed,
                fmt::format("{} no longer lets us in (status {})", last->origin.text(), status));
  }
  Error why = explain_refusal(client_, answer, request_.what);
  if (status == 408 || status == 425) why.code = ErrorCode::kNetworkFailed;
  return std::unexpected(std::move(why));
}

/// One request for the rest of a chunk. Progress stays in `attempt` whatever happens.
Status Transfer::ask_once(Attempt& attempt, const std::stop_token& stop) {
  const ByteRange rest{attempt.range.offset + attempt.n_got, attempt.range.n_bytes - attempt.n_got};
  const std::string url = address();
  const HttpRequest request{.url = url, .range = rest, .most_bytes = rest.n_bytes};
  bool first = true;
  const auto sink = [&](const HttpAnswer& answer, std::span<const std::byte> bytes) -> Status {
    if (std::exchange(first, false)) {
      HEARTH_CHECK(check_no_web_page(answer));
      if (answer.status == 200 && rest.n_bytes != remote_.n_bytes) {
        in_order_ = true;  // the server ignores ranges: all of it comes, from its beginning
        quit_.request_stop();
        return fail(ErrorCode::kCancelled, "ranges are ignored");
      }
      if (answer.status == 206) HEARTH_CHECK(check_content_range(answer, rest, remote_.n_bytes));
    }
    HEARTH_CHECK(part_.write_at(attempt.range.offset + attempt.n_got, bytes));
    attempt.digest.add(bytes);
    attempt.n_got += bytes.size();
    attempt.n_failures = 0;
    n_here_ += bytes.size();
    n_transferred_ += bytes.size();
    return {};
  };
  auto answer = client_.get(request, sink, stop);
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (attempt.n_got == attempt.range.n_bytes) {
    const std::lock_guard lock(mutex_);
    if (direct_.empty() && answer->url != request_.url) direct_ = answer->url;
    return {};
  }
  return judge_answer(*answer, attempt);
}

Status Transfer::fetch_chunk(std::uint64_t chunk, const std::stop_token& stop) {
  Attempt attempt;
  attempt.range = range_of(chunk);
  while (attempt.n_got < attempt.range.n_bytes) {
    Status asked = ask_once(attempt, stop);
    if (asked) continue;
    const std::string used = address();
    if (used != request_.url) {
      // Whatever went wrong with an address that a redirect gave, the next attempt begins at the source again.
      const std::lock_guard lock(mutex_);
      if (direct_ == used) direct_.clear();
      attempt.source_gone = true;
    }
    const bool refused =
        asked.error().code == ErrorCode::kFileNotFound || asked.error().code == ErrorCode::kNotAuthorized;
    if (std::exchange(attempt.source_gone, false) && refused) asked.error().code = ErrorCode::kNetworkFailed;
    if (Status waited = pause(attempt, std::move(asked.error()), stop); !waited) {
      n_here_ -= attempt.n_got;
      return waited;
    }
  }
  set_note("");
  return keep_chunk(chunk, attempt.digest.finish());
}

void Transfer::work(const std::stop_token& stop) {
  while (const auto chunk = take_chunk()) {
    Status done = fetch_chunk(*chunk, stop);
    if (done) continue;
    const std::lock_guard lock(mutex_);
    chunks_[*chunk] = chunks_[*chunk] == Chunk::kTaken ? Chunk::kMissing : chunks_[*chunk];
    if (verdict_) verdict_ = std::move(done);  // the first one; the others follow from it
    quit_.request_stop();
    break;
  }
  const std::lock_guard lock(mutex_);
  --n_working_;
  changed_.notify_all();
}

Status Transfer::run(const std::stop_token& stop) {
  if (!in_order_) {
    quit_ = std::stop_source();
    verdict_ = Status();
    const std::stop_callback pass_on(stop, [&] { quit_.request_stop(); });
    n_working_ = std::max(1, options_.n_connections);
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<std::size_t>(n_working_));
    for (int i = 0, n = n_working_; i < n; ++i) workers.emplace_back([this, quit = quit_.get_token()] { work(quit); });
    std::unique_lock lock(mutex_);
    while (n_working_ > 0) {
      changed_.wait_for(lock, std::chrono::milliseconds(200));
      lock.unlock();
      tell(FetchProgress::Phase::kTransfer);
      lock.lock();
    }
    lock.unlock();
    workers.clear();
    if (!in_order_ || stop.stop_requested()) return verdict_;
  }
  return fetch_in_order(stop);
}

/// The whole file in one answer; chunks that are here are let pass by.
Status Transfer::stream_all(Attempt& attempt, const std::stop_token& stop) {
  const HttpRequest request{.url = request_.url, .most_bytes = remote_.n_bytes};
  std::uint64_t at = 0;
  auto told = steady_clock::now();
  Digest digest;
  const auto sink = [&](const HttpAnswer& answer, std::span<const std::byte> bytes) -> Status {
    if (at == 0) {
      HEARTH_CHECK(check_no_web_page(answer));
      if (const std::string length = answer.header("content-length");
          answer.status != 200 || (!length.empty() && length != std::to_string(remote_.n_bytes)))
        return fail(ErrorCode::kInvalidResponse,
                    fmt::format("{} bytes were expected, {} come", remote_.n_bytes, harmless(length)));
    }
    n_transferred_ += bytes.size();
    while (!bytes.empty()) {
      const std::uint64_t chunk = at / chunk_bytes();
      const ByteRange range = range_of(chunk);
      const std::size_t n =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), range.offset + range.n_bytes - at));
      if (chunks_[chunk] != Chunk::kHere) {
        if (at == range.offset) digest = Digest();
        HEARTH_CHECK(part_.write_at(at, bytes.first(n)));
        digest.add(bytes.first(n));
        if (at + n == range.offset + range.n_bytes) {
          HEARTH_CHECK(keep_chunk(chunk, digest.finish()));
          n_here_ += range.n_bytes;
          attempt.n_failures = 0;
        }
      }
      at += n;
      bytes = bytes.subspan(n);
    }
    if (steady_clock::now() - told > std::chrono::milliseconds(200)) {
      told = steady_clock::now();
      tell(FetchProgress::Phase::kTransfer);
    }
    return {};
  };
  auto answer = client_.get(request, sink, stop);
  if (!answer) return std::unexpected(std::move(answer.error()));
  return at == remote_.n_bytes ? Status() : judge_answer(*answer, attempt);
}

Status Transfer::fetch_in_order(const std::stop_token& stop) {
  Attempt attempt;
  while (std::ranges::any_of(chunks_, [](Chunk chunk) { return chunk != Chunk::kHere; })) {
    if (Status done = stream_all(attempt, stop); !done) {
      if (done.error().code == ErrorCode::kFileNotFound && attempt.source_gone)
        done.error().code = ErrorCode::kNetworkFailed;
      HEARTH_CHECK(pause(attempt, std::move(done.error()), stop));
    }
  }
  return {};
}

void Transfer::tell(FetchProgress::Phase phase) {
  if (!options_.progress) return;
  constexpr std::chrono::seconds kWindow{10};
  const auto now = steady_clock::now();  // the wall clock may jump
  const std::uint64_t n_transferred = n_transferred_;
  samples_.push_back({now, n_transferred});
  while (samples_.size() > 2 && now - samples_.front().at > kWindow) samples_.erase(samples_.begin());
  FetchProgress progress{
      .phase = phase, .n_done = std::min<std::uint64_t>(n_here_, remote_.n_bytes), .n_bytes = remote_.n_bytes};
  const double seconds = std::chrono::duration<double>(now - samples_.front().at).count();
  if (seconds > 0.5)
    progress.bytes_per_second = static_cast<double>(n_transferred - samples_.front().n_bytes) / seconds;
  if (progress.bytes_per_second > 0 && seconds > 2) {
    const double left = static_cast<double>(progress.n_bytes - progress.n_done) / progress.bytes_per_second;
    if (left < 1e8) progress.eta = std::chrono::seconds(static_cast<std::int64_t>(left + 1));
  }
  {
    const std::lock_guard lock(mutex_);
    progress.note = note_;
  }
  options_.progress(progress);
}

}  // namespace hearth::library
