// The one way out: every request of the library goes through here, with rules about whom it may reach, what it may
// carry there, how much it may bring back and how long it may be silent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "library/net/address.h"

namespace hearth::library {

struct NetOptions {
  std::string hub = "https://huggingface.co";  // or a mirror of it
  std::string token;                           // sent to the hub's origin and to no other
  std::string proxy;                           // "http://host:port"; empty: none, whatever the environment says
  std::vector<std::string> trusted;            // origins that may be private: a mirror's file server, say
  bool offline = false;                        // no packet leaves
  std::chrono::milliseconds stall{30'000};     // silence after which a connection is given up
  std::chrono::milliseconds connect{20'000};
  std::chrono::milliseconds retry_unit{1000};  // the first pause before a retry
  int n_attempts = 6;                          // failures in a row, without a byte of progress, before giving up
};

struct ByteRange {
  std::uint64_t offset = 0, n_bytes = 0;
};

struct HttpRequest {
  std::string url;
  std::optional<ByteRange> range;
  std::map<std::string, std::string> headers;  // none of them secret
  std::uint64_t most_bytes = 0;                // of the body; one more is an error
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of the last answer
  std::map<std::string, std::string> first;    // of the first one, before redirects: the hub's own
  std::string url;                             // who answered at last
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// Takes parts of a body as they come; only of an answer with status 200 or 206. `answer` is known by then.
using BodySink = std::function<Status(const HttpAnswer& answer, std::span<const std::byte> part)>;

/// May be used from several threads at once.
class HttpClient {
 public:
  static Result<HttpClient> create(NetOptions options);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;

  /// One GET, with its redirects. An answer that came is a success whatever its status; connections that fail, fall
  /// silent, break the rules or bring too much are errors: kNetworkFailed, kOffline, kCancelled, kInvalidResponse.
  Result<HttpAnswer> get(const HttpRequest& request, const BodySink& sink, std::stop_token stop) const;
  /// The same, the body in memory.
  Result<std::pair<HttpAnswer, std::string>> get_text(const HttpRequest& request, std::stop_token stop) const;

  [[nodiscard]] const NetOptions& options() const;
  [[nodiscard]] const OutboundRules& rules() const;

 private:
  HttpClient();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

/// How long to wait before attempt `n` (1 is the first retry): doubling from one unit, up to 60 units, between half and
/// all of it at random; at least what the server asks for, up to five minutes. Null when it asks for more.
std::optional<std::chrono::milliseconds> pause_before_retry(int n, std::chrono::milliseconds unit,
                                                            std::optional<std::chrono::seconds> retry_after);
/// A Retry-After header in seconds; dates are not understood and mean nothing.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text);
/// Waits unless stopped. False when stopped.
bool wait_for(std::chrono::milliseconds pause, std::stop_token stop);

}  // namespace hearth::library
