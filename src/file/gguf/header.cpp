// Looking things up in a parsed header, and where the parser's bytes come from.
#include "file/gguf/header.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace hearth::gguf {

namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// One read for small vocabularies. Then growth by quarters: little is read in vain, and growing is cheap (see
// HeaderBytes).
constexpr std::uint64_t kFirstReadBytes = 256 << 10;

/// The first bytes of a source, read as the parser asks for them.
class GrowingSource : public HeaderSource {
 public:
  explicit GrowingSource(ByteSource& from) : from_(from), size_(from.size_bytes()) {}
  [[nodiscard]] std::uint64_t file_size() const override { return size_; }
  [[nodiscard]] Result<std::span<const std::byte>> first_bytes(std::uint64_t n_bytes) override {
    if (n_bytes > have_) {
      const std::uint64_t wish = std::max({n_bytes, have_ + have_ / 4, have_ + kFirstReadBytes});
      const std::uint64_t target = std::min(size_, wish);
      HEARTH_CHECK(resize(target));
      const std::span<std::byte> rest(bytes_.get() + have_, static_cast<std::size_t>(target - have_));
      HEARTH_CHECK(from_.read(have_, rest));
      have_ = target;
    }
    return std::span<const std::byte>(bytes_.get(), static_cast<std::size_t>(have_));
  }
  [[nodiscard]] Result<HeaderBytes> take_first_bytes(std::uint64_t n_bytes) override {
    HEARTH_CHECK(resize(n_bytes));
    return std::move(bytes_);
  }

 private:
  Status resize(std::uint64_t n_bytes) {
    void* resized = std::realloc(bytes_.get(), static_cast<std::size_t>(n_bytes));
    if (resized == nullptr) {
      return fail(ErrorCode::kInsufficientMemory, fmt::format("no memory for {} bytes of header", n_bytes));
    }
    (void)bytes_.release();
    bytes_.reset(static_cast<std::byte*>(resized));
    return {};
  }

  ByteSource& from_;
  const std::uint64_t size_;
  HeaderBytes bytes_;
  std::uint64_t have_ = 0;
};

class MemorySource : public HeaderSource {
 public:
  MemorySource(std::span<const std::byte> bytes, std::uint64_t file_size) : bytes_(bytes), file_size_(file_size) {}
  [[nodiscard]] std::uint64_t file_size() const override { return file_size_; }
  [[nodiscard]] Result<std::span<const std::byte>> first_bytes(std::uint64_t n_bytes) override {
    if (n_bytes <= bytes_.size()) return bytes_;
    missing_ = n_bytes;
    return fail(ErrorCode::kIo, fmt::format("the header needs the first {} bytes of the file, only {} are here",
                                            n_bytes, bytes_.size()));
  }
  [[nodiscard]] Result<HeaderBytes> take_first_bytes(std::uint64_t n_bytes) override {
    HeaderBytes out(static_cast<std::byte*>(std::malloc(static_cast<std::size_t>(n_bytes))));
    if (!out) return fail(ErrorCode::kInsufficientMemory, fmt::format("no memory for {} bytes of header", n_bytes));
    std::memcpy(out.get(), bytes_.data(), static_cast<std::size_t>(n_bytes));
    return out;
  }
  /// What the parser asked for in vain; 0 when it never did.
  [[nodiscard]] std::uint64_t missing() const { return missing_; }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t file_size_;
  std::uint64_t missing_ = 0;
};

}  // namespace

std::string_view Header::key(const Entry& entry) const {
  return {reinterpret_cast<const char*>(bytes_.get()) + entry.key_offset, entry.key_bytes};
}

MetadataEntry Header::metadata(std::size_t idx) const {
  const Entry& entry = entries_[idx];
  const std::byte* at = bytes_.get() + entry.value_offset;
  const std::span<const std::byte> bytes(at, entry.value_bytes);
  MetadataEntry out{key(entry), {entry.type, entry.value_offset, {}}};
  if (entry.type == ValueType::kArray) {
    const std::uint32_t* marks = entry.element == ValueType::kString ? marks_.data() + entry.marks_idx : nullptr;
    out.value.value = MetadataArray{entry.element, entry.count, bytes, marks};
  } else if (entry.type == ValueType::kString) {
    out.value.value = std::string_view(reinterpret_cast<const char*>(at), entry.value_bytes);
  } else {
    out.value = array_element({entry.type, 1, bytes, nullptr}, 0);
    out.value.offset = entry.value_offset;
  }
  return out;
}

std::optional<MetadataValue> Header::find_metadata(std::string_view wanted) const {
  const auto at = std::ranges::lower_bound(by_key_, wanted, {}, [&](std::uint32_t i) { return key(entries_[i]); });
  if (at == by_key_.end() || key(entries_[*at]) != wanted) return std::nullopt;
  return metadata(*at).value;
}

Result<std::variant<Header, NeedMoreBytes>> parse_gguf_prefix(std::span<const std::byte> prefix,
                                                              std::uint64_t file_size) {
  MemorySource source(prefix, std::max<std::uint64_t>(file_size, prefix.size()));
  auto header = parse_header(source);
  if (header) return std::move(*header);
  if (source.missing() > 0) return NeedMoreBytes{source.missing()};
  return std::unexpected(std::move(header).error());
}

Result<Header> parse_header(ByteSource& bytes) {
  GrowingSource source(bytes);
  return parse_header(source);
}

Result<Header> parse_gguf(std::span<const std::byte> bytes, std::uint64_t file_size) {
  MemorySource source(bytes, std::max<std::uint64_t>(file_size, bytes.size()));
  return parse_header(source);
}

}  // namespace hearth::gguf
