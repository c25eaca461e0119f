// The wire format of protocol buffers, as much as reading one needs: fields in order, lengths checked.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::text {

/// One field of a message: the value by its wire type.
struct ProtobufField {
  std::uint32_t number = 0;
  enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  Wire wire = Wire::kVarint;
  std::uint64_t integer = 0;  // varint and fixed
  std::string_view bytes;     // kBytes

  [[nodiscard]] float as_float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(integer)); }
};

/// Reads the fields of `message` one by one. After next() gave nothing, broken() says whether the message ended well.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : message_(message) {}

  std::optional<ProtobufField> next();
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] std::size_t position() const { return pos_; }

 private:
  std::optional<std::uint64_t> varint();
  std::optional<std::uint64_t> fixed(std::size_t n_bytes);

  std::string_view message_;
  std::size_t pos_ = 0;
  bool broken_ = false;
};

}  // namespace hearth::text
