// Varints, fixed-width values and length-delimited bytes; groups are not used by any message we read.
#include "text/protobuf_reader.h"

namespace hearth::text {

std::optional<std::uint64_t> ProtobufReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && pos_ < message_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(message_[pos_++]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ProtobufReader::fixed(std::size_t n_bytes) {
  if (message_.size() - pos_ < n_bytes) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = n_bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(message_[pos_ + i]);
  pos_ += n_bytes;
  return value;
}

std::optional<ProtobufField> ProtobufReader::next() {
  using Wire = ProtobufField::Wire;
  if (broken_ || pos_ == message_.size()) return std::nullopt;
  broken_ = true;  // unless the field turns out whole
  const auto tag = varint();
  if (!tag || *tag >> 3 == 0 || *tag >> 3 > 0x1FFFFFFF) return std::nullopt;
  ProtobufField field;
  field.number = static_cast<std::uint32_t>(*tag >> 3);
  std::optional<std::uint64_t> value;
  switch (*tag & 7) {
    case 0:
      field.wire = Wire::kVarint;
      value = varint();
      break;
    case 1:
      field.wire = Wire::kFixed64;
      value = fixed(8);
      break;
    case 2:
      field.wire = Wire::kBytes;
      value = varint();
      if (!value || *value > message_.size() - pos_) return std::nullopt;
      field.bytes = message_.substr(pos_, static_cast<std::size_t>(*value));
      pos_ += static_cast<std::size_t>(*value);
      break;
    case 5:
      field.wire = Wire::kFixed32;
      value = fixed(4);
      break;
    default: return std::nullopt;
  }
  if (!value) return std::nullopt;
  field.integer = *value;
  broken_ = false;
  return field;
}

}  // namespace hearth::text
