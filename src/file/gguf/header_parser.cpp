// Hostile bytes -> Header. Every length is compared with what remains of the file before anything is read, skipped or
// allocated, and every error names the field and its byte offset.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "file/gguf/header.h"

#include <fmt/format.h>

namespace hearth::gguf {

static_assert(std::endian::native == std::endian::little, "header bytes are used as they lie in the file");

namespace {

// The smallest encodings: what the remaining bytes must hold for each announced entry.
constexpr std::uint64_t kMinMetadataBytes = 8 + 1 + 4 + 1;        // key length, key, type, value
constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;  // name length, name, n_dims, dim, type, offset

// Numbers that once were element types, or are not ours: the message can name them.
std::string_view retired_dtype_name(std::uint32_t number) {
  switch (number) {
    case 4: return " (Q4_2, removed from the format)";
    case 5: return " (Q4_3, removed from the format)";
    case 31: return " (Q4_0_4_4, removed from the format: quantize to Q4_0)";
    case 32: return " (Q4_0_4_8, removed from the format: quantize to Q4_0)";
    case 33: return " (Q4_0_8_8, removed from the format: quantize to Q4_0)";
    case 36: return " (IQ4_NL_4_4, removed from the format: quantize to IQ4_NL)";
    case 37: return " (IQ4_NL_4_8, removed from the format: quantize to IQ4_NL)";
    case 38: return " (IQ4_NL_8_8, removed from the format: quantize to IQ4_NL)";
    default: return "";
  }
}

}  // namespace

class HeaderParser {
 public:
  explicit HeaderParser(HeaderSource& source) : source_(source), file_size_(source.file_size()) {}

  Result<Header> run() {
    HEARTH_CHECK(read_preamble());
    for (index_ = 0; index_ < n_metadata_; ++index_) HEARTH_CHECK(read_metadata_entry());
    stage_ = Stage::kTensor;
    header_.tensors_.reserve(static_cast<std::size_t>(n_tensors_));
    names_.reserve(static_cast<std::size_t>(n_tensors_));
    for (index_ = 0; index_ < n_tensors_; ++index_) HEARTH_CHECK(read_tensor_entry());
    stage_ = Stage::kWhole;
    HEARTH_CHECK(keep_bytes());
    HEARTH_CHECK(index_keys());
    HEARTH_CHECK(place_tensors());
    HEARTH_CHECK(check_names());
    HEARTH_CHECK(check_overlaps());
    return std::move(header_);
  }

 private:
  enum class Stage { kWhole, kMetadata, kTensor };
  struct Text {
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
  };

  [[nodiscard]] std::string_view text(Text t) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + t.offset, t.bytes};
  }
  [[nodiscard]] std::uint64_t remaining() const { return file_size_ - pos_; }

  // "metadata entry 3 ('general.name'), string length at byte 87: problem"
  [[nodiscard]] std::unexpected<Error> error(std::string_view field, std::uint64_t offset, std::string_view problem,
                                             ErrorCode code = ErrorCode::kCorruptedModel) const {
    std::string where;
    if (stage_ != Stage::kWhole) {
      where = fmt::format("{} {}", stage_ == Stage::kMetadata ? "metadata entry" : "tensor", index_);
      if (name_.bytes > 0) where += fmt::format(" ({})", quote_untrusted(text(name_)));
      where += ", ";
    }
    return fail(code, fmt::format("{}{} at byte {}: {}", where, field, offset, problem));
  }
  // The same, about an entry read earlier.
  [[nodiscard]] std::unexpected<Error> error_at(Stage stage, std::uint64_t index, Text name, std::string_view field,
                                                std::uint64_t offset, std::string_view problem) {
    stage_ = stage;
    index_ = index;
    name_ = name;
    return error(field, offset, problem);
  }

  /// Makes the next n bytes readable at pos_.
  Status need(std::uint64_t n, std::string_view field) {
    if (n > remaining()) {
      return error(field, pos_,
                   fmt::format("needs {} bytes, but the file has only {} more; it may be an incomplete download", n,
                               remaining()));
    }
    const std::uint64_t end = pos_ + n;
    if (end <= bytes_.size()) return {};
    if (end > kMaxHeaderBytes) {
      return error(field, pos_, fmt::format("the header is larger than the {} bytes read at most", kMaxHeaderBytes),
                   ErrorCode::kUnsupportedFormat);
    }
    HEARTH_TRY(bytes_, source_.first_bytes(end));
    return {};
  }

  template <typename T>
  Result<T> read(std::string_view field) {
    HEARTH_CHECK(need(sizeof(T), field));
    T value;
    std::memcpy(&value, bytes_.data() + pos_, sizeof(T));
    pos_ += sizeof(T);
    return value;
  }

  /// Length, then bytes; leaves pos_ behind it.
  Result<Text> read_text(std::string_view field, std::uint64_t limit_bytes) {
    const std::uint64_t at = pos_;
    HEARTH_TRY(const std::uint64_t n, read<std::uint64_t>(field));
    if (n > remaining()) {
      return error(field, at, fmt::format("claims {} bytes, but only {} remain in the file", n, remaining()));
    }
    if (n > limit_bytes) {
      return error(field, at, fmt::format("claims {} bytes, more than the {} allowed", n, limit_bytes));
    }
    HEARTH_CHECK(need(n, field));
    const Text out{static_cast<std::uint32_t>(pos_), static_cast<std::uint32_t>(n)};
    pos_ += n;
    return out;
  }

  Status read_preamble();
  Result<std::uint64_t> read_count(std::string_view field, std::uint64_t min_bytes, std::uint64_t limit);
  Status read_metadata_entry();
  Result<ValueType> read_value_type(std::string_view field);
  Status read_scalar(Header::Entry& entry, std::uint64_t count);
  Status read_array(Header::Entry& entry);
  Status skip_strings(std::uint64_t count);
  Status read_tensor_entry();
  Status read_dims(TensorInfo& info);
  Status read_dtype_and_size(TensorInfo& info, std::uint64_t dims_at);
  Status keep_bytes();
  Status index_keys();
  Status read_alignment();
  Status place_tensors();
  Status check_names();
  Status check_overlaps();

  HeaderSource& source_;
  const std::uint64_t file_size_;
  std::span<const std::byte> bytes_;  // the first bytes of the file; pos_ may run ahead of them
  std::uint64_t pos_ = 0;             // <= file_size_
  Header header_;
  std::uint64_t n_metadata_ = 0;
  std::uint64_t n_tensors_ = 0;
  std::vector<Text> names_;      // of tensors, until the bytes have their final place
  Stage stage_ = Stage::kWhole;  // what index_ and name_ speak of
  std::uint64_t index_ = 0;
  Text name_;
};

Status HeaderParser::read_preamble() {
  if (file_size_ < 4) {
    return error("magic", 0, fmt::format("the file has {} bytes, too few for a GGUF file", file_size_),
                 ErrorCode::kUnsupportedFormat);
  }
  HEARTH_TRY(const std::uint32_t magic, read<std::uint32_t>("magic"));
  if (magic != kMagic) {
    return error("magic", 0, fmt::format("expected 'GGUF', found {}", quote_untrusted(text({0, 4}))),
                 ErrorCode::kUnsupportedFormat);
  }
  HEARTH_TRY(header_.version_, read<std::uint32_t>("version"));
  const std::uint32_t version = header_.version_;
  if (version != 0 && (version & 0xffff) == 0) {
    return error("version", 4, "the file is big-endian; convert it to little-endian (gguf-py: gguf_convert_endian)",
                 ErrorCode::kUnsupportedFormat);
  }
  if (version < 2 || version > kNewestVersion) {
    return error("version", 4, fmt::format("expected 2 or 3, found {}", version), ErrorCode::kUnsupportedFormat);
  }
  HEARTH_TRY(n_tensors_, read_count("tensor count", kMinTensorBytes, kMaxTensors));
  HEARTH_TRY(n_metadata_, read_count("metadata count", kMinMetadataBytes, kMaxMetadata));
  stage_ = Stage::kMetadata;
  return {};
}

Result<std::uint64_t> HeaderParser::read_count(std::string_view field, std::uint64_t min_bytes, std::uint64_t limit) {
  const std::uint64_t at = pos_;
  HEARTH_TRY(const std::uint64_t count, read<std::uint64_t>(field));
  if (count > remaining() / min_bytes) {
    return error(field, at,
                 fmt::format("claims {} entries of at least {} bytes, but only {} bytes remain in the file", count,
                             min_bytes, remaining()));
  }
  if (count > limit) return error(field, at, fmt::format("claims {} entries, more than the {} allowed", count, limit));
  return count;
}

Status HeaderParser::read_metadata_entry() {
  name_ = {};
  const std::uint64_t key_at = pos_;
  HEARTH_TRY(name_, read_text("key length", kMaxKeyBytes));
  if (name_.bytes == 0) return error("key length", key_at, "the key is empty");
  Header::Entry entry;
  entry.key_offset = name_.offset;
  entry.key_bytes = name_.bytes;
  HEARTH_TRY(entry.type, read_value_type("value type"));
  if (entry.type == ValueType::kArray) {
    HEARTH_CHECK(read_array(entry));
  } else if (entry.type == ValueType::kString) {
    HEARTH_TRY(const Text value, read_text("string length", kMaxStringBytes));
    entry.value_offset = value.offset;
    entry.value_bytes = value.bytes;
  } else {
    entry.element = entry.type;
    HEARTH_CHECK(read_scalar(entry, 1));
  }
  header_.entries_.push_back(entry);
  return {};
}

Result<ValueType> HeaderParser::read_value_type(std::string_view field) {
  const std::uint64_t at = pos_;
  HEARTH_TRY(const std::uint32_t number, read<std::uint32_t>(field));
  if (number >= kValueTypeCount) {
    return error(field, at, fmt::format("expected a type number from 0 to {}, found {}", kValueTypeCount - 1, number));
  }
  return static_cast<ValueType>(number);
}

// One scalar or `count` of them, packed: entry.element says of which type.
Status HeaderParser::read_scalar(Header::Entry& entry, std::uint64_t count) {
  const auto size = (CheckedSize(count) * value_type_bytes(entry.element)).value();
  if (!size || *size > remaining()) {
    return error(entry.type == ValueType::kArray ? "array data" : "value", pos_,
                 fmt::format("needs {} x {} bytes, but only {} remain in the file", count,
                             value_type_bytes(entry.element), remaining()));
  }
  HEARTH_CHECK(need(*size, "value"));
  if (entry.element == ValueType::kBool) {
    for (std::uint64_t i = pos_; i < pos_ + *size; ++i) {
      if (bytes_[i] <= std::byte{1}) continue;
      return error("bool", i, fmt::format("expected 0 or 1, found {}", static_cast<unsigned>(bytes_[i])));
    }
  }
  entry.value_offset = static_cast<std::uint32_t>(pos_);
  entry.value_bytes = static_cast<std::uint32_t>(*size);
  pos_ += *size;
  return {};
}

Status HeaderParser::read_array(Header::Entry& entry) {
  const std::uint64_t type_at = pos_;
  HEARTH_TRY(entry.element, read_value_type("array element type"));
  if (entry.element == ValueType::kArray) {
    return error("array element type", type_at, "arrays of arrays are not supported", ErrorCode::kUnsupportedFormat);
  }
  const std::uint64_t count_at = pos_;
  HEARTH_TRY(const std::uint64_t count, read<std::uint64_t>("array count"));
  const bool strings = entry.element == ValueType::kString;
  const std::uint64_t min_bytes = strings ? 8 : value_type_bytes(entry.element);
  if (count > remaining() / min_bytes || count > kMaxHeaderBytes / min_bytes) {
    return error("array count", count_at,
                 fmt::format("claims {} elements of at least {} bytes, but only {} bytes remain in the file (and {} "
                             "are allowed)",
                             count, min_bytes, remaining(), kMaxHeaderBytes));
  }
  entry.count = static_cast<std::uint32_t>(count);
  if (!strings) return read_scalar(entry, count);
  entry.value_offset = static_cast<std::uint32_t>(pos_);
  entry.marks_idx = static_cast<std::uint32_t>(header_.marks_.size());
  HEARTH_CHECK(skip_strings(count));
  entry.value_bytes = static_cast<std::uint32_t>(pos_ - entry.value_offset);
  return {};
}

// Vocabularies have half a million of these: only the length fields are touched, and every 16th place is kept.
Status HeaderParser::skip_strings(std::uint64_t count) {
  const std::uint64_t start = pos_;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (pos_ + 8 > bytes_.size()) HEARTH_CHECK(need(8, "array string length"));
    std::uint64_t n = 0;
    std::memcpy(&n, bytes_.data() + pos_, 8);
    if (n > file_size_ - pos_ - 8 || n > kMaxStringBytes) {
      return error("array string length", pos_,
                   fmt::format("string {} of {} claims {} bytes, but only {} remain in the file (and {} are allowed)",
                               i, count, n, file_size_ - pos_ - 8, kMaxStringBytes));
    }
    if (i % StringArray::kStride == 0) header_.marks_.push_back(static_cast<std::uint32_t>(pos_ - start));
    pos_ += 8 + n;
  }
  return need(0, "array string");
}

Status HeaderParser::read_tensor_entry() {
  name_ = {};
  const std::uint64_t name_at = pos_;
  HEARTH_TRY(name_, read_text("name length", kMaxTensorNameBytes));
  if (name_.bytes == 0) return error("name length", name_at, "the name is empty");
  TensorInfo info;
  const std::uint64_t dims_at = pos_ + 4;
  HEARTH_CHECK(read_dims(info));
  HEARTH_CHECK(read_dtype_and_size(info, dims_at));
  HEARTH_TRY(info.offset, read<std::uint64_t>("offset"));
  header_.tensors_.push_back(info);
  names_.push_back(name_);
  return {};
}

Status HeaderParser::read_dims(TensorInfo& info) {
  const std::uint64_t at = pos_;
  HEARTH_TRY(info.n_dims, read<std::uint32_t>("number of dimensions"));
  if (info.n_dims < 1 || info.n_dims > info.dims.size()) {
    return error("number of dimensions", at, fmt::format("expected 1 to {}, found {}", info.dims.size(), info.n_dims));
  }
  for (std::uint32_t i = 0; i < info.n_dims; ++i) {
    const std::uint64_t dim_at = pos_;
    HEARTH_TRY(info.dims[i], read<std::uint64_t>("dimension"));
    if (info.dims[i] == 0) return error("dimension", dim_at, fmt::format("dimension {} is 0", i));
  }
  return {};
}

Status HeaderParser::read_dtype_and_size(TensorInfo& info, std::uint64_t dims_at) {
  const std::uint64_t at = pos_;
  HEARTH_TRY(const std::uint32_t number, read<std::uint32_t>("element type"));
  const DTypeInfo* dtype = find_dtype(number);
  if (dtype == nullptr) {
    return error("element type", at,
                 fmt::format("number {}{} is not an element type known here", number, retired_dtype_name(number)),
                 ErrorCode::kUnsupportedFormat);
  }
  info.dtype = dtype->type;
  if (info.dims[0] % dtype->block_len != 0) {
    return error("dimension", dims_at,
                 fmt::format("a row of {} elements is not a multiple of the {} elements of a {} "
                             "block",
                             info.dims[0], dtype->block_len, dtype->name));
  }
  const auto size =
      (CheckedSize(info.dims[0] / dtype->block_len) * dtype->block_bytes * info.dims[1] * info.dims[2] * info.dims[3])
          .value();
  // Also the element count must fit: callers multiply the dimensions.
  const CheckedSize n_elements = CheckedSize(info.dims[0]) * info.dims[1] * info.dims[2] * info.dims[3];
  if (!size || n_elements.overflowed() || *size > file_size_) {
    return error("dimensions", dims_at,
                 fmt::format("{} x {} x {} x {} elements of {} are more than the {} bytes of the file", info.dims[0],
                             info.dims[1], info.dims[2], info.dims[3], dtype->name, file_size_));
  }
  info.size_bytes = *size;
  return {};
}

Status HeaderParser::keep_bytes() {
  header_.file_size_ = file_size_;
  header_.header_bytes_ = pos_;
  HEARTH_TRY(header_.bytes_, source_.take_first_bytes(pos_));
  bytes_ = {header_.bytes_.get(), static_cast<std::size_t>(pos_)};
  return {};
}

Status HeaderParser::index_keys() {
  auto& order = header_.by_key_;
  order.resize(header_.entries_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto key = [&](std::uint32_t i) { return header_.key(header_.entries_[i]); };
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    const int c = key(a).compare(key(b));
    return c != 0 ? c < 0 : a < b;
  });
  const auto twin = std::ranges::adjacent_find(order, {}, key);
  if (twin != order.end()) {
    const Header::Entry& first = header_.entries_[twin[0]];
    const Header::Entry& second = header_.entries_[twin[1]];
    return error_at(Stage::kMetadata, twin[1], {second.key_offset, second.key_bytes}, "key", second.key_offset,
                    fmt::format("the same key stands at byte {} already", first.key_offset));
  }
  return read_alignment();
}

Status HeaderParser::read_alignment() {
  const auto value = header_.find_metadata("general.alignment");
  if (!value) return {};
  HEARTH_TRY(header_.alignment_, convert_value<std::uint32_t>("general.alignment", *value));
  if (!std::has_single_bit(header_.alignment_) || header_.alignment_ > kMaxAlignment) {
    return error("general.alignment", value->offset,
                 fmt::format("expected a power of two up to {}, found {}", kMaxAlignment, header_.alignment_));
  }
  return {};
}

// Offsets are relative to the data section until here, to the file from here on.
Status HeaderParser::place_tensors() {
  const auto data = CheckedSize(header_.header_bytes_).rounded_up(header_.alignment_).value();
  header_.data_offset_ = data.value_or(header_.header_bytes_);
  auto& tensors = header_.tensors_;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    TensorInfo& info = tensors[i];
    info.name = text(names_[i]);
    const std::uint64_t relative = info.offset;
    // Where the entry's offset field lies: name, n_dims, dims and type stand before it.
    const std::uint64_t field = names_[i].offset + names_[i].bytes + 4 + 8ull * info.n_dims + 4;
    if (relative % header_.alignment_ != 0) {
      return error_at(Stage::kTensor, i, names_[i], "offset", field,
                      fmt::format("{} is not a multiple of the alignment {}", relative, header_.alignment_));
    }
    const auto begin = (CheckedSize(header_.data_offset_) + relative).value();
    if (!begin || !(CheckedSize(*begin) + info.size_bytes).at_most(file_size_)) {
      return error_at(Stage::kTensor, i, names_[i], "offset", field,
                      fmt::format("{} bytes at offset {} of the data (which starts at byte {}) reach beyond the file's "
                                  "{} bytes; it may be an incomplete download",
                                  info.size_bytes, relative, header_.data_offset_, file_size_));
    }
    info.offset = *begin;
  }
  return {};
}

Status HeaderParser::check_names() {
  const auto& tensors = header_.tensors_;
  std::vector<std::uint32_t> order(tensors.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    const int c = tensors[a].name.compare(tensors[b].name);
    return c != 0 ? c < 0 : a < b;
  });
  const auto twin = std::ranges::adjacent_find(order, {}, [&](std::uint32_t i) { return tensors[i].name; });
  if (twin == order.end()) return {};
  return error_at(Stage::kTensor, twin[1], names_[twin[1]], "name", names_[twin[1]].offset,
                  fmt::format("tensor {} (byte {}) has the same name", twin[0], names_[twin[0]].offset));
}

Status HeaderParser::check_overlaps() {
  const auto& tensors = header_.tensors_;
  std::vector<std::uint32_t> order(tensors.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(tensors[a].offset, a) < std::pair(tensors[b].offset, b);
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& before = tensors[order[i - 1]];
    const TensorInfo& info = tensors[order[i]];
    if (before.offset + before.size_bytes <= info.offset) continue;
    const Text name = names_[order[i]];
    return error_at(
        Stage::kTensor, order[i], name, "offset", name.offset + name.bytes + 4 + 8ull * info.n_dims + 4,
        fmt::format("its data at byte {} overlaps tensor {} ({}), which holds bytes {} to {}", info.offset,
                    order[i - 1], quote_untrusted(before.name), before.offset, before.offset + before.size_bytes));
  }
  return {};
}

Result<Header> parse_header(HeaderSource& source) {
  return HeaderParser(source).run();
}

}  // namespace hearth::gguf
