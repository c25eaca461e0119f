// A hub of models on this machine's loopback, over real sockets: listings, redirects to signed addresses, ranges, and a
// hook that may spoil any answer byte by byte. Written by hand because faults are what no server library can make.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "library/fetch/digest.h"

namespace hearth::testing {

struct Asked {
  std::string path;
  std::map<std::string, std::string> headers;  // lower case
  std::size_t number = 0;                      // of the request, from 0
  bool has_range = false;
  std::size_t first = 0, last = 0;
  [[nodiscard]] bool is_file() const { return path.starts_with("/cdn/"); }
  [[nodiscard]] bool is_resolve() const { return path.find("/resolve/") != std::string::npos; }
  [[nodiscard]] bool is_api() const { return path.starts_with("/api/"); }
};

struct Answer {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  std::size_t declared = std::string::npos;   // Content-Length; npos: the body's; 0 with `chunked`: none
  std::size_t cut_after = std::string::npos;  // of the body: then the connection ends
  bool reset = false;                         // it ends with RST
  int stall_ms = 0;                           // silence before the body
  int trickle_ms = 0;                         // pause after each KiB
  bool no_length = false;
};

class LocalHub {
 public:
  using Fault = std::function<void(const Asked&, Answer&)>;

  LocalHub() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_, 64) != 0) return;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }
  ~LocalHub() {
    stop_ = true;
    acceptor_ = {};
    for (std::jthread& thread : threads_) thread = {};
    ::close(socket_);
  }
  LocalHub(const LocalHub&) = delete;
  LocalHub& operator=(const LocalHub&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Adds a file; returns its SHA-256.
  std::string put(const std::string& repo, const std::string& path, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    repos_[repo][path] = bytes;
    const std::string digest = library::sha256_of(bytes);
    blobs_[digest] = bytes;
    return digest;
  }
  void drop(const std::string& repo, const std::string& path) {
    const std::lock_guard lock(mutex_);
    repos_[repo].erase(path);
  }
  void set_commit(const std::string& commit) {
    const std::lock_guard lock(mutex_);
    commit_ = commit;
  }
  void set_fault(Fault fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }
  [[nodiscard]] std::vector<Asked> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  /// Bytes of files that left.
  [[nodiscard]] std::size_t n_sent() const { return n_sent_; }
  void forget() {
    const std::lock_guard lock(mutex_);
    asked_.clear();
    n_sent_ = 0;
  }
  std::string cdn;  // where files lie; empty: here

 private:
  void accept_all(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd wait{socket_, POLLIN, 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      const int peer = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) continue;
      const int now = 1;
      ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
      threads_.emplace_back([this, peer] { serve(peer); });
    }
  }
  bool read_request(int peer, Asked& asked) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      pollfd wait{peer, POLLIN, 0};
      const int ready = ::poll(&wait, 1, 20);
      if (stop_) return false;
      if (ready == 0) continue;
      char buffer[4096];
      const ssize_t n = ::recv(peer, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(n));
      if (text[0] == 0x16)
        return send_all(peer, "this is not TLS\r\n\r\n") && false;  // a handshake that nobody answers
    }
    const std::size_t space = text.find(' ');
    asked.path = text.substr(space + 1, text.find(' ', space + 1) - space - 1);
    for (std::size_t at = text.find("\r\n") + 2; text.compare(at, 2, "\r\n") != 0;) {
      const std::size_t end = text.find("\r\n", at), colon = text.find(':', at);
      std::string name = text.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      asked.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    if (const auto range = asked.headers.find("range"); range != asked.headers.end()) {
      asked.has_range = std::sscanf(range->second.c_str(), "bytes=%zu-%zu", &asked.first, &asked.last) == 2;
    }
    return true;
  }
  [[nodiscard]] Answer listing(const std::string& repo) const {
    const auto found = repos_.find(repo);
    if (found == repos_.end()) return {.status = 404, .headers = {{"X-Error-Code", "RepoNotFound"}}};
    std::string json = "{\"id\": \"" + repo + "\", \"sha\": \"" + commit_ + "\", \"siblings\": [";
    for (const auto& [path, bytes] : found->second) {
      if (json.back() == '}') json += ", ";
      json += "{\"rfilename\": \"" + path + "\", \"size\": " + std::to_string(bytes.size()) +
              ", \"lfs\": {\"sha256\": \"" + library::sha256_of(bytes) +
              "\", \"size\": " + std::to_string(bytes.size()) + "}}";
    }
    return {.headers = {{"Content-Type", "application/json"}}, .body = json + "]}"};
  }
  [[nodiscard]] Answer answer_to(const Asked& asked) const {
    const std::string path = asked.path.substr(0, asked.path.find('?'));
    if (asked.is_api()) {
      const std::string rest = path.substr(std::string("/api/models/").size());
      return listing(rest.substr(0, rest.find("/revision/")));
    }
    if (const std::size_t at = path.find("/resolve/"); at != std::string::npos) {
      const auto repo = repos_.find(path.substr(1, at - 1));
      const std::size_t slash = path.find('/', at + 9);
      if (repo == repos_.end() || slash == std::string::npos) return {.status = 404};
      const auto file = repo->second.find(path.substr(slash + 1));
      if (file == repo->second.end()) return {.status = 404, .headers = {{"X-Error-Code", "EntryNotFound"}}};
      const std::string digest = library::sha256_of(file->second);
      return {.status = 302,
              .headers = {{"X-Repo-Commit", commit_},
                          {"Location", cdn + "/cdn/" + digest + "?signature=" + std::to_string(asked.number)}}};
    }
    const auto blob = path.starts_with("/cdn/") ? blobs_.find(path.substr(5)) : blobs_.end();
    if (blob == blobs_.end()) return {.status = 404};
    const std::string& bytes = blob->second;
    Answer answer{.headers = {{"Content-Type", "application/octet-stream"}, {"ETag", "\"" + blob->first + "\""}},
                  .body = bytes};
    if (!asked.has_range) return answer;
    if (asked.first >= bytes.size())
      return {.status = 416, .headers = {{"Content-Range", "bytes */" + std::to_string(bytes.size())}}};
    const std::size_t last = std::min(asked.last, bytes.size() - 1);
    answer.status = 206;
    answer.body = bytes.substr(asked.first, last - asked.first + 1);
    answer.headers["Content-Range"] =
        "bytes " + std::to_string(asked.first) + "-" + std::to_string(last) + "/" + std::to_string(bytes.size());
    return answer;
  }
  bool send_all(int peer, std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  bool send_body(int peer, const Answer& answer, bool counts) {
    std::string_view rest = std::string_view(answer.body).substr(0, answer.cut_after);
    const std::size_t step = answer.trickle_ms > 0 ? 1024 : 65536;
    while (!rest.empty()) {
      if (stop_) return false;
      const std::string_view part = rest.substr(0, step);
      if (counts) n_sent_ += part.size();  // before the client can have it
      if (!send_all(peer, part)) {
        if (counts) n_sent_ -= part.size();
        return false;
      }
      rest.remove_prefix(part.size());
      if (answer.trickle_ms > 0) pause(answer.trickle_ms);
    }
    return answer.cut_after == std::string::npos;
  }
  void pause(int ms) const {
    for (int waited = 0; waited < ms && !stop_; waited += 10)
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min(10, ms)));
  }
  void serve(int peer) {
    for (;;) {
      Asked asked;
      if (!read_request(peer, asked)) break;
      Answer answer;
      {
        const std::lock_guard lock(mutex_);
        asked.number = n_asked_++;
        asked_.push_back(asked);
        answer = answer_to(asked);
        if (fault_) fault_(asked, answer);
      }
      std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " As said\r\n";
      for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
      const std::size_t length = answer.declared == std::string::npos ? answer.body.size() : answer.declared;
      head += answer.no_length ? "Connection: close\r\n" : "Content-Length: " + std::to_string(length) + "\r\n";
      if (!send_all(peer, head + "\r\n")) break;
      if (answer.stall_ms > 0) pause(answer.stall_ms);
      const bool whole = send_body(peer, answer, asked.is_file() && (answer.status == 200 || answer.status == 206));
      if (answer.reset) {
        const linger now{1, 0};
        ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        break;
      }
      if (!whole || answer.no_length || length != answer.body.size()) break;
    }
    ::close(peer);
  }

  int socket_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::string>> repos_;
  std::map<std::string, std::string> blobs_;
  std::string commit_ = std::string(40, 'c');
  Fault fault_;
  std::vector<Asked> asked_;
  std::size_t n_asked_ = 0;
  std::atomic<std::size_t> n_sent_ = 0;
  std::atomic<bool> stop_ = false;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

/// Bytes that compress badly and differ everywhere.
inline std::string noise(std::size_t n, std::uint64_t seed) {
  std::string bytes(n, '\0');
  std::uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;
  for (char& c : bytes) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    c = static_cast<char>(x >> 33);
  }
  return bytes;
}

}  // namespace hearth::testing
