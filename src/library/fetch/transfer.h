// One download at work: which chunks are here, who fetches the next, and what to do when something goes wrong.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "library/fetch/digest.h"
#include "library/fetch/fetch.h"
#include "library/fetch/journal.h"

namespace hearth::library {

/// What the server says of a file before it is asked for.
struct RemoteFile {
  std::uint64_t n_bytes = 0;
  std::string entity;  // a strong ETag; empty: none
  bool ranges = true;  // parts can be asked for
};
Result<RemoteFile> probe_remote(const HttpClient& client, const FetchRequest& request, const std::stop_token& stop);

/// "bytes 0-7/100" as an answer must have it for this range of a file of n_bytes.
Status check_content_range(const HttpAnswer& answer, const ByteRange& range, std::uint64_t n_bytes);
/// Refuses a web page in place of a model: a login page of a network, an error page with status 200.
Status check_no_web_page(const HttpAnswer& answer);

/// Fills one part file. run() may be called again after forget().
class Transfer {
 public:
  Transfer(const HttpClient& client, const FetchRequest& request, const FetchOptions& options, RemoteFile remote,
           PartFile part, Journal journal);

  /// Believes those chunks of earlier lives whose bytes on the disk still have their digest. Also after a failed
  /// verification: true when some were lost on the disk.
  Result<bool> check_chunks(const std::stop_token& stop);
  /// Fetches what is missing.
  Status run(const std::stop_token& stop);
  /// All of it is to be fetched again.
  Status forget();
  [[nodiscard]] const PartFile& part() const { return part_; }
  [[nodiscard]] std::uint64_t n_transferred() const { return n_transferred_; }
  void tell(FetchProgress::Phase phase);

 private:
  enum class Chunk : std::uint8_t { kMissing, kTaken, kHere };
  struct Attempt;                                                                          // one chunk on its way
  [[nodiscard]] std::uint64_t chunk_bytes() const { return journal_.head().chunk_bytes; }  // as the download began
  [[nodiscard]] ByteRange range_of(std::uint64_t chunk) const;
  void work(const std::stop_token& stop);
  std::optional<std::uint64_t> take_chunk();
  Status fetch_chunk(std::uint64_t chunk, const std::stop_token& stop);
  Status ask_once(Attempt& attempt, const std::stop_token& stop);
  Status keep_chunk(std::uint64_t chunk, const std::string& sha256);
  Status judge_answer(const HttpAnswer& answer, Attempt& attempt);
  Status pause(Attempt& attempt, Error why, const std::stop_token& stop);
  Status fetch_in_order(const std::stop_token& stop);
  Status stream_all(Attempt& attempt, const std::stop_token& stop);
  void set_note(std::string note);
  [[nodiscard]] std::string address();

  const HttpClient& client_;
  const FetchRequest& request_;
  const FetchOptions& options_;
  const RemoteFile remote_;
  PartFile part_;
  Journal journal_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Chunk> chunks_;
  int n_working_ = 0;
  Status verdict_;
  std::string direct_;  // where the redirects of an earlier answer led; empty: ask anew
  std::string note_;
  std::stop_source quit_;
  std::atomic<bool> in_order_ = false;
  std::atomic<std::uint64_t> n_here_ = 0, n_transferred_ = 0;

  struct Sample {
    std::chrono::steady_clock::time_point at;
    std::uint64_t n_bytes;
  };
  std::vector<Sample> samples_;
};

}  // namespace hearth::library
