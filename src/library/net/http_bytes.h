// A file on a server as bytes that can be read here and there: headers are looked at before anything is downloaded.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "file/byte_source.h"
#include "library/net/http_client.h"

namespace hearth::library {

/// Asks for ranges, and for more than was read of each, so that a header costs a few requests.
class HttpBytes final : public ByteSource {
 public:
  /// `n_bytes` as the hub tells it. `client` must outlive it.
  HttpBytes(const HttpClient& client, std::string url, std::uint64_t n_bytes, std::stop_token stop)
      : client_(client), url_(std::move(url)), n_bytes_(n_bytes), stop_(std::move(stop)) {}

  [[nodiscard]] std::uint64_t size_bytes() const override { return n_bytes_; }
  [[nodiscard]] Status read(std::uint64_t offset, std::span<std::byte> into) override;
  /// Bytes that came over the network.
  [[nodiscard]] std::uint64_t n_transferred() const { return n_transferred_; }

 private:
  Status fill(std::uint64_t offset, std::uint64_t n_wanted);
  const HttpClient& client_;
  std::string url_;
  std::uint64_t n_bytes_;
  std::stop_token stop_;
  std::uint64_t begin_ = 0;  // of what is held
  std::vector<std::byte> held_;
  std::uint64_t n_transferred_ = 0;
};

}  // namespace hearth::library
