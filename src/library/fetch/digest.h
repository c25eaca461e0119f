// SHA-256 as a stream, for what must be proven and not only noticed; SHA-1 only where the hub's own ids are made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/part_file.h"
#include "base/result.h"

namespace hearth::library {

class Digest {
 public:
  enum class Kind : std::uint8_t { kSha256, kSha1 };
  explicit Digest(Kind kind = Kind::kSha256);
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  /// Lower-case hexadecimal digits; ends the stream.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_of(std::string_view text);
/// Of n_bytes from an offset; a file that ends before is kCorruptedModel.
Result<std::string> sha256_of(const PartFile& file, std::uint64_t offset, std::uint64_t n_bytes,
                              const std::stop_token& stop);

}  // namespace hearth::library
