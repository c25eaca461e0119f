// The header of one GGUF file: parsed from hostile bytes, validated completely, kept as the bytes it came in plus a
// compact index. Format: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "file/byte_source.h"
#include "file/metadata.h"
#include "file/model_file.h"

namespace hearth::gguf {

inline constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF", little-endian
inline constexpr std::uint32_t kNewestVersion = 3;
inline constexpr std::uint64_t kDefaultAlignment = 32;

// Limits no honest file comes near. The largest vocabularies make headers of about 30 MiB.
inline constexpr std::uint64_t kMaxHeaderBytes = 128ull << 20;
inline constexpr std::uint64_t kMaxMetadata = 1u << 16;
inline constexpr std::uint64_t kMaxTensors = 1u << 18;
inline constexpr std::uint64_t kMaxKeyBytes = 65535;  // the format's own limit
inline constexpr std::uint64_t kMaxTensorNameBytes = 256;
inline constexpr std::uint64_t kMaxStringBytes = 16u << 20;
inline constexpr std::uint64_t kMaxAlignment = 1u << 20;

/// Header bytes come from malloc so that they can grow by realloc: for large blocks the system moves pages, where a new
/// block would cost a page fault per page and a copy (measured: most of the time to open a large vocabulary).
struct FreeBytes {
  void operator()(std::byte* bytes) const { std::free(bytes); }  // NOLINT(cppcoreguidelines-no-malloc)
};
using HeaderBytes = std::unique_ptr<std::byte[], FreeBytes>;

/// The start of a file, as much of it as the parser has asked for.
class HeaderSource {
 public:
  virtual ~HeaderSource() = default;
  [[nodiscard]] virtual std::uint64_t file_size() const = 0;
  /// At least the first n_bytes of the file, where n_bytes <= file_size(). The span is valid until the next call.
  [[nodiscard]] virtual Result<std::span<const std::byte>> first_bytes(std::uint64_t n_bytes) = 0;
  /// Those bytes for good, once, when the parser knows how long the header is.
  [[nodiscard]] virtual Result<HeaderBytes> take_first_bytes(std::uint64_t n_bytes) = 0;
};

/// A validated header. Movable; views into it stay valid when it moves.
class Header {
 public:
  [[nodiscard]] std::uint32_t version() const { return version_; }
  [[nodiscard]] std::uint64_t alignment() const { return alignment_; }
  /// Where the header ends.
  [[nodiscard]] std::uint64_t header_bytes() const { return header_bytes_; }
  /// Where tensor data starts: header_bytes() rounded up to the alignment.
  [[nodiscard]] std::uint64_t data_offset() const { return data_offset_; }
  [[nodiscard]] std::uint64_t file_size() const { return file_size_; }
  /// The header as it lies in the file.
  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_.get(), header_bytes_}; }

  [[nodiscard]] std::size_t n_metadata() const { return entries_.size(); }
  [[nodiscard]] MetadataEntry metadata(std::size_t idx) const;
  [[nodiscard]] std::optional<MetadataValue> find_metadata(std::string_view key) const;
  /// Names are views into this header.
  [[nodiscard]] std::span<const TensorInfo> tensors() const { return tensors_; }
  /// Hands the directory over; tensors() is empty from then on.
  [[nodiscard]] std::vector<TensorInfo> take_tensors() { return std::exchange(tensors_, {}); }

 private:
  friend class HeaderParser;
  struct Entry {
    std::uint32_t key_offset = 0;
    std::uint32_t key_bytes = 0;
    std::uint32_t value_offset = 0;  // of the scalar, of the string's first byte, of the array's first element
    std::uint32_t value_bytes = 0;
    std::uint32_t count = 0;      // elements of an array
    std::uint32_t marks_idx = 0;  // of a string array, into marks_
    ValueType type = ValueType::kU8;
    ValueType element = ValueType::kU8;
  };
  [[nodiscard]] std::string_view key(const Entry& entry) const;

  std::uint32_t version_ = 0;
  std::uint64_t alignment_ = kDefaultAlignment;
  std::uint64_t header_bytes_ = 0;
  std::uint64_t data_offset_ = 0;
  std::uint64_t file_size_ = 0;
  HeaderBytes bytes_;  // [0, header_bytes_)
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> by_key_;  // indexes of entries_, sorted by key
  std::vector<std::uint32_t> marks_;   // StringArray marks of all string arrays
  std::vector<TensorInfo> tensors_;
};

/// Reads as much of the source as the header needs, and nothing of the tensor data.
Result<Header> parse_header(HeaderSource& source);
/// The same from a file here or elsewhere: reads of 256 KiB, then of a quarter of what is there.
Result<Header> parse_header(ByteSource& bytes);

/// More of the file is needed: at least its first `n_bytes` (at most the file size). Ask again with these.
struct NeedMoreBytes {
  std::uint64_t n_bytes = 0;
};
/// The header of a file of `file_size` bytes of which only `prefix` is here, as in a remote file fetched by ranges.
/// Fetching twice what is there, or n_bytes if that is more, keeps the total work linear.
Result<std::variant<Header, NeedMoreBytes>> parse_gguf_prefix(std::span<const std::byte> prefix,
                                                              std::uint64_t file_size);
/// The header of a file of `file_size` bytes that starts with `bytes`; bytes that stop short are an error.
Result<Header> parse_gguf(std::span<const std::byte> bytes, std::uint64_t file_size);

}  // namespace hearth::gguf
