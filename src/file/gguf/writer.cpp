// GGUF encoding: little-endian fields, tensors aligned, the result checked by our own reader before anything is
// written.
#include "file/gguf/writer.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "base/checked.h"

#include <fmt/format.h>

namespace hearth::gguf {

namespace {

template <typename T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void HeaderBuilder::append_string(std::string_view text) {
  append(metadata_, std::uint64_t{text.size()});
  metadata_ += text;
}

void HeaderBuilder::begin_entry(std::string_view key, ValueType type) {
  append_string(key);
  append(metadata_, static_cast<std::uint32_t>(type));
  ++n_metadata_;
}

void HeaderBuilder::add_raw(std::string_view key, ValueType type, std::span<const std::byte> bytes) {
  begin_entry(key, type);
  metadata_ += as_text(bytes);
}

void HeaderBuilder::add_raw_array(std::string_view key, ValueType element, std::uint64_t count,
                                  std::span<const std::byte> bytes) {
  begin_entry(key, ValueType::kArray);
  append(metadata_, static_cast<std::uint32_t>(element));
  append(metadata_, count);
  metadata_ += as_text(bytes);
}

void HeaderBuilder::add_string(std::string_view key, std::string_view value) {
  begin_entry(key, ValueType::kString);
  append_string(value);
}

void HeaderBuilder::add_strings(std::string_view key, std::span<const std::string_view> values) {
  add_raw_array(key, ValueType::kString, values.size(), {});
  for (const std::string_view value : values) append_string(value);
}

void HeaderBuilder::add_strings(std::string_view key, std::span<const std::string> values) {
  add_raw_array(key, ValueType::kString, values.size(), {});
  for (const std::string& value : values) append_string(value);
}

void HeaderBuilder::add_value(std::string_view key, const MetadataValue& value) {
  if (const auto* array = std::get_if<MetadataArray>(&value.value)) {
    return add_raw_array(key, array->element, array->count, array->bytes);
  }
  if (const auto* text = std::get_if<std::string_view>(&value.value)) return add_string(key, *text);
  // Little-endian: the first bytes of the wide form are the stored form.
  std::visit(
      [&](const auto& v) {
        using T = std::remove_cvref_t<decltype(v)>;
        if constexpr (std::is_arithmetic_v<T>) {
          add_raw(key, value.type, std::as_bytes(std::span(&v, 1)).first(value_type_bytes(value.type)));
        }
      },
      value.value);
}

void HeaderBuilder::add_tensor(std::string_view name, DType dtype, std::span<const std::uint64_t> dims) {
  tensors_.push_back({std::string(name), dtype, {dims.begin(), dims.end()}});
}

Result<HeaderBuilder::Built> HeaderBuilder::build() const {
  // The reader finds general.alignment wherever it stands, so let it: a header without tensors tells.
  std::string bytes;
  append(bytes, kMagic);
  append(bytes, kNewestVersion);
  const std::size_t count_at = bytes.size();
  append(bytes, std::uint64_t{0});
  append(bytes, n_metadata_);
  bytes += metadata_;
  HEARTH_TRY(const Header preview, parse_gguf(std::as_bytes(std::span(bytes)), bytes.size()));

  const std::uint64_t n_tensors = tensors_.size();
  std::memcpy(bytes.data() + count_at, &n_tensors, sizeof n_tensors);
  CheckedSize data_bytes;
  for (const Tensor& tensor : tensors_) {
    append(bytes, std::uint64_t{tensor.name.size()});
    bytes += tensor.name;
    append(bytes, static_cast<std::uint32_t>(tensor.dims.size()));
    const DTypeInfo& dtype = dtype_info(tensor.dtype);
    CheckedSize size = dtype.block_bytes;
    for (std::size_t i = 0; i < tensor.dims.size(); ++i) {
      append(bytes, tensor.dims[i]);
      size = size * (i == 0 ? tensor.dims[i] / dtype.block_len : tensor.dims[i]);
    }
    append(bytes, static_cast<std::uint32_t>(tensor.dtype));
    append(bytes, data_bytes.value().value_or(0));
    data_bytes = (data_bytes + size).rounded_up(preview.alignment());
  }
  const auto data_offset = CheckedSize(bytes.size()).rounded_up(preview.alignment());
  const auto total = (data_offset + data_bytes).value();
  if (!total)
    return fail(ErrorCode::kInvalidArgument, "building a GGUF header: the tensors together exceed 2^64 bytes");
  auto header = parse_gguf(std::as_bytes(std::span(bytes)), *total);
  if (!header) return std::unexpected(std::move(header).error().within("building a GGUF header"));
  bytes.resize(static_cast<std::size_t>(header->data_offset()), '\0');
  return Built{std::move(bytes), std::move(*header)};
}

Result<Writer> Writer::create(const std::filesystem::path& path, const HeaderBuilder& builder) {
  HEARTH_TRY(auto built, builder.build());
  HEARTH_TRY(auto file, AtomicFileWriter::create(path));
  HEARTH_CHECK(file.write(std::as_bytes(std::span(built.bytes))));
  Writer writer(std::move(file), std::move(built.header));
  writer.pos_ = built.bytes.size();
  return writer;
}

Status Writer::pad_to(std::uint64_t offset) {
  const std::string zeros(static_cast<std::size_t>(offset - pos_), '\0');  // less than one alignment
  pos_ = offset;
  return file_.write(std::as_bytes(std::span(zeros)));
}

Status Writer::write(std::span<const std::byte> bytes) {
  const auto tensors = header_.tensors();
  while (!bytes.empty()) {
    if (tensor_idx_ == tensors.size()) {
      return fail(ErrorCode::kInternal, fmt::format("writing a GGUF file: {} bytes more than its {} tensors hold",
                                                    bytes.size(), tensors.size()));
    }
    const TensorInfo& tensor = tensors[tensor_idx_];
    if (pos_ < tensor.offset) HEARTH_CHECK(pad_to(tensor.offset));
    const std::uint64_t missing = tensor.offset + tensor.size_bytes - pos_;
    const auto piece = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(missing, bytes.size())));
    HEARTH_CHECK(file_.write(piece));
    pos_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (piece.size() == missing) ++tensor_idx_;
  }
  return {};
}

Status Writer::finish() {
  const auto tensors = header_.tensors();
  if (tensor_idx_ != tensors.size()) {
    return fail(ErrorCode::kInternal,
                fmt::format("writing a GGUF file: data is complete for {} of {} tensors", tensor_idx_, tensors.size()));
  }
  if (const auto end = CheckedSize(pos_).rounded_up(header_.alignment()).value();
      end && *end > pos_ && !tensors.empty()) {
    HEARTH_CHECK(pad_to(*end));
  }
  return file_.publish();
}

}  // namespace hearth::gguf
