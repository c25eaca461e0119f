// From an address to a verified file: in parallel parts, through any number of deaths and failures, published whole or
// not at all.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "library/net/http_client.h"

namespace hearth::library {

/// What to bring and what it must be.
struct FetchRequest {
  std::string url;
  std::string what;           // for people: "owner/repo, file x.gguf"
  std::uint64_t n_bytes = 0;  // 0: the server says
  std::string sha256;         // promised by the hub or the name; empty: none
  std::string git_id;         // promised by the hub for small files; empty: none
};

struct FetchProgress {
  enum class Phase : std::uint8_t { kWaiting, kChecking, kTransfer, kVerifying } phase = Phase::kTransfer;
  std::uint64_t n_done = 0, n_bytes = 0;    // bytes of the file that are here, and of all of it (0: unknown)
  double bytes_per_second = 0;              // over the last ten seconds
  std::optional<std::chrono::seconds> eta;  // nothing while it would be a guess
  std::string note;                         // why it is slow: "trying again: ..."
};

struct FetchOptions {
  std::filesystem::path folder;  // with blobs/ and parts/, made when absent
  std::uint64_t chunk_bytes = 8u << 20;
  int n_connections = 4;
  std::uint64_t spare_bytes = 256u << 20;  // what a download leaves free on the disk
  enum class OnCancel : std::uint8_t { kKeepParts, kFreeDisk } on_cancel = OnCancel::kKeepParts;
  std::function<void(const FetchProgress&)> progress;  // from the calling thread, about five times a second
};

struct Fetched {
  std::string sha256;  // computed here
  std::uint64_t n_bytes = 0;
  std::uint64_t n_transferred = 0;  // over the network, this time
};

/// The file lies in blobs/SHA256 when this succeeds. Safe to call from any number of processes for the same thing: one
/// transfers, the others wait and find it done. Errors leave the verified parts for the next call.
Result<Fetched> fetch_file(const HttpClient& client, const FetchRequest& request, const FetchOptions& options,
                           std::stop_token stop);

/// The names of a download's own files in parts/, without their endings.
std::string part_name(const FetchRequest& request);
/// Removes the parts of downloads that nobody works on; quarantined ones too. Returns the bytes given back.
std::uint64_t remove_parts(const std::filesystem::path& folder);

}  // namespace hearth::library
