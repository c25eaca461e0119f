// libcurl, held short: no environment, no redirects of its own, no decompression, one hop at a time.
#include "library/net/http_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <mutex>
#include <vector>

#include "library/names/model_name.h"
#include "library/net/curl_api.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

constexpr int kMostRedirects = 5;
constexpr std::size_t kMostHeaderBytes = 64u << 10;
constexpr std::uint64_t kMostErrorBytes = 64u << 10;  // bodies of refusals are not read further than this

/// Only called where a client exists, which nobody has without libcurl.
const CurlApi& curl_library() {
  return **curl_api();
}

struct FreeCurl {
  void operator()(CURL* handle) const { curl_library().easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_library().slist_free_all(list); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { curl_library().multi_cleanup(handle); }
};

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\n' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

/// What one request at a time uses; the second keeps the connections.
struct Channel {
  std::unique_ptr<CURL, FreeCurl> request{curl_library().easy_init()};
  std::unique_ptr<CURLM, FreeMulti> connections{curl_library().multi_init()};
};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// One hop: what its callbacks need and what they found.
struct Hop {
  HttpAnswer answer;
  const BodySink* sink = nullptr;
  std::uint64_t most_bytes = 0, n_bytes = 0;
  std::size_t n_header_bytes = 0;
  bool any_address = false;  // private ones too
  std::string refused_host;  // set when the address that the host leads to was refused
  Status verdict;            // the first thing that was wrong
};

std::size_t receive_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& hop = *static_cast<Hop*>(user);
  const std::string_view line(data, size * count);
  hop.n_header_bytes += line.size();
  if (hop.n_header_bytes > kMostHeaderBytes) {
    hop.verdict = fail(ErrorCode::kInvalidResponse, "the server sent more than 64 KiB of headers");
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    hop.answer.headers.clear();
    const std::size_t space = line.find(' ');
    hop.answer.status = 0;
    for (std::size_t i = space + 1; space != std::string_view::npos && i < line.size() && i < space + 4; ++i) {
      if (line[i] >= '0' && line[i] <= '9') hop.answer.status = hop.answer.status * 10 + (line[i] - '0');
    }
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    hop.answer.headers[lower_case(line.substr(0, colon))] = trim(line.substr(colon + 1));
  }
  return line.size();
}

std::size_t receive_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& hop = *static_cast<Hop*>(user);
  const std::size_t n = size * count;
  hop.n_bytes += n;
  if (is_redirect(hop.answer.status)) return n;
  const bool wanted = hop.answer.status == 200 || hop.answer.status == 206;
  if (!wanted) return hop.n_bytes > kMostErrorBytes ? 0 : n;
  if (const std::string coding = hop.answer.header("content-encoding"); !coding.empty() && coding != "identity") {
    hop.verdict =
        fail(ErrorCode::kInvalidResponse,
             fmt::format("the server sent its answer compressed as \"{}\", which was not asked for", harmless(coding)));
    return 0;
  }
  if (hop.n_bytes > hop.most_bytes) {
    hop.verdict = fail(ErrorCode::kInvalidResponse,
                       fmt::format("the server sent more than the {} bytes that were expected", hop.most_bytes));
    return 0;
  }
  hop.verdict = (*hop.sink)(hop.answer, std::as_bytes(std::span(data, n)));
  return hop.verdict ? n : 0;
}

/// The moment of truth about addresses: this very one is connected to, whatever names resolved to before or after.
curl_socket_t open_checked_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& hop = *static_cast<Hop*>(user);
  if (!hop.any_address && !is_public_address(&address->addr)) {
    hop.refused_host = hop.answer.url;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::unexpected<Error> private_place(const Origin& origin) {
  return fail(
      ErrorCode::kNetworkFailed,
      fmt::format("{} lies at an address of this machine or of a private network, which downloads may not reach; "
                  "if it is yours, add it to \"trusted_origins\" in the configuration",
                  origin.text()));
}

Error curl_error(CURLcode code, const char* detail, const Origin& origin) {
  std::string why = detail && *detail ? detail : curl_library().easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: why += "; is this machine online?"; break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      why += "; check this machine's clock and certificates, or whether something stands between it and the network";
      break;
    default: break;
  }
  return {ErrorCode::kNetworkFailed, fmt::format("asking {}: {}", origin.text(), harmless(why))};
}

}  // namespace

std::string HttpAnswer::header(std::string_view name) const {
  const auto found = headers.find(std::string(name));
  return found == headers.end() ? "" : found->second;
}

struct HttpClient::Inner {
  NetOptions options;
  OutboundRules rules;
  mutable std::mutex mutex;
  mutable std::vector<Channel> idle;

  Channel take() const {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return {};
    Channel channel = std::move(idle.back());
    idle.pop_back();
    return channel;
  }
  void give_back(Channel channel) const {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(channel));
  }
  Status run_hop(const Channel& channel, const HttpRequest& request, const Url& url, Hop& hop,
                 const std::stop_token& stop) const;
  Status transfer(const Channel& channel, const Url& url, Hop& hop, const std::stop_token& stop) const;
};

HttpClient::HttpClient() : inner_(std::make_unique<Inner>()) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

const NetOptions& HttpClient::options() const {
  return inner_->options;
}
const OutboundRules& HttpClient::rules() const {
  return inner_->rules;
}

Result<HttpClient> HttpClient::create(NetOptions options) {
  HEARTH_CHECK(curl_api());
  while (options.hub.ends_with('/')) options.hub.pop_back();
  HttpClient client;
  auto hub = parse_url(options.hub);
  if (!hub) return std::unexpected(std::move(hub.error()).within("the hub's address (HF_ENDPOINT)"));
  client.inner_->rules.hub = hub->origin;
  for (const std::string& text : options.trusted) {
    auto origin = parse_url(text);
    if (!origin) return std::unexpected(std::move(origin.error()).within("a trusted origin"));
    client.inner_->rules.trusted.push_back(origin->origin);
  }
  if (std::ranges::any_of(options.token, [](char c) { return c <= ' ' || c >= 0x7f; }))
    return fail(ErrorCode::kInvalidArgument, "the hub's token (HF_TOKEN) holds characters that tokens do not have");
  client.inner_->options = std::move(options);
  return client;
}

/// Drives one prepared handle to its end, looking at the clock and the stop flag ten times a second.
Status HttpClient::Inner::transfer(const Channel& channel, const Url& url, Hop& hop,
                                   const std::stop_token& stop) const {
  using Clock = std::chrono::steady_clock;
  CURL* curl = channel.request.get();
  CURLM* multi = channel.connections.get();
  char detail[CURL_ERROR_SIZE] = "";
  curl_library().easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_library().multi_add_handle(multi, curl);
  auto last_byte = Clock::now();
  std::uint64_t seen = 0;
  Status outcome;
  for (int running = 1; running > 0;) {
    const CURLMcode code = curl_library().multi_perform(multi, &running);
    if (code != CURLM_OK) {
      outcome = fail(ErrorCode::kNetworkFailed,
                     fmt::format("asking {}: {}", url.origin.text(), curl_library().multi_strerror(code)));
      break;
    }
    if (stop.stop_requested()) {
      outcome = fail(ErrorCode::kCancelled, "cancelled");
      break;
    }
    if (const std::uint64_t now = hop.n_bytes + hop.n_header_bytes; now != seen) {
      seen = now;
      last_byte = Clock::now();
    } else if (Clock::now() - last_byte > options.stall) {
      outcome = fail(ErrorCode::kNetworkFailed, fmt::format("asking {}: no byte came for {} seconds", url.origin.text(),
                                                            std::chrono::duration<double>(options.stall).count()));
      break;
    }
    if (running > 0) curl_library().multi_poll(multi, nullptr, 0, 100, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_library().multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE || message->data.result == CURLE_OK || !outcome) continue;
    if (!hop.verdict) {
      outcome = hop.verdict;
    } else if (!hop.refused_host.empty()) {
      outcome = private_place(url.origin);
    } else {
      outcome = std::unexpected(curl_error(message->data.result, detail, url.origin));
    }
  }
  curl_library().multi_remove_handle(multi, curl);
  curl_library().easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  return outcome;
}

Status HttpClient::Inner::run_hop(const Channel& channel, const HttpRequest& request, const Url& url, Hop& hop,
                                  const std::stop_token& stop) const {
  CURL* curl = channel.request.get();
  curl_library().easy_reset(curl);
  curl_library().easy_setopt(curl, CURLOPT_URL, url.text.c_str());
  curl_library().easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_library().easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_library().easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  curl_library().easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_library().easy_setopt(curl, CURLOPT_PROXY, options.proxy.c_str());  // empty: not even the environment's
  curl_library().easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect.count()));
  curl_library().easy_setopt(curl, CURLOPT_USERAGENT, "hearth");
  curl_library().easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
  curl_library().easy_setopt(curl, CURLOPT_HEADERDATA, &hop);
  curl_library().easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body);
  curl_library().easy_setopt(curl, CURLOPT_WRITEDATA, &hop);
  curl_library().easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_checked_socket);
  curl_library().easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &hop);
  hop.any_address = rules.trusts(url.origin) || !options.proxy.empty();  // a proxy is the owner's own choice
  curl_slist* lines = nullptr;
  for (const auto& [name, value] : request.headers)
    lines = curl_library().slist_append(lines, fmt::format("{}: {}", name, value).c_str());
  if (!options.token.empty() && url.origin == rules.hub)
    lines = curl_library().slist_append(lines, fmt::format("Authorization: Bearer {}", options.token).c_str());
  if (request.range && request.range->n_bytes > 0) {
    lines = curl_library().slist_append(lines, fmt::format("Range: bytes={}-{}", request.range->offset,
                                                           request.range->offset + request.range->n_bytes - 1)
                                                   .c_str());
  }
  const std::unique_ptr<curl_slist, FreeCurl> headers(lines);
  curl_library().easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  return transfer(channel, url, hop, stop);
}

Result<HttpAnswer> HttpClient::get(const HttpRequest& request, const BodySink& sink, std::stop_token stop) const {
  const Inner& inner = *inner_;
  HEARTH_TRY(Url url, parse_url(request.url));
  if (inner.options.offline) {
    return fail(ErrorCode::kOffline, fmt::format("{} is needed, and --offline forbids asking it", url.origin.text()));
  }
  HEARTH_CHECK(check_hop(inner.rules, nullptr, url.origin));
  Channel channel = inner.take();
  if (!channel.request || !channel.connections)
    return fail(ErrorCode::kInsufficientMemory, "no memory for a connection");
  std::map<std::string, std::string> first;
  for (int n_hops = 0;; ++n_hops) {
    if (!inner.options.proxy.empty() && !inner.rules.trusts(url.origin) && names_private_host(url.origin))
      return private_place(url.origin);
    Hop hop{.sink = &sink, .most_bytes = request.most_bytes};
    hop.answer.url = url.text;
    hop.answer.first = first;
    if (Status done = inner.run_hop(channel, request, url, hop, stop); !done)
      return std::unexpected(std::move(done.error()));
    if (n_hops == 0) hop.answer.first = first = hop.answer.headers;
    if (!is_redirect(hop.answer.status)) {
      inner.give_back(std::move(channel));
      return std::move(hop.answer);
    }
    if (n_hops == kMostRedirects)
      return fail(ErrorCode::kNetworkFailed,
                  fmt::format("{} redirects more than {} times", url.origin.text(), kMostRedirects));
    HEARTH_TRY(Url next, parse_redirect(url, hop.answer.header("location")));
    HEARTH_CHECK(check_hop(inner.rules, &url.origin, next.origin));
    url = std::move(next);
  }
}

Result<std::pair<HttpAnswer, std::string>> HttpClient::get_text(const HttpRequest& request,
                                                                std::stop_token stop) const {
  std::string body;
  const auto sink = [&](const HttpAnswer&, std::span<const std::byte> part) -> Status {
    body.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  };
  HEARTH_TRY(HttpAnswer answer, get(request, sink, std::move(stop)));
  return std::pair(std::move(answer), std::move(body));
}

}  // namespace hearth::library
