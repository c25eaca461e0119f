// Walking archives, safetensors and protobuf messages as far as it takes to name them.
#include "file/recognise_structure.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "base/checked.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth {

namespace {

std::uint64_t little(std::string_view bytes, std::size_t at, std::size_t n) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < n; ++i) value |= std::uint64_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

Result<std::string> read_some(ByteSource& bytes, std::uint64_t offset, std::uint64_t n) {
  std::string out(static_cast<std::size_t>(n), '\0');
  HEARTH_CHECK(bytes.read(offset, std::as_writable_bytes(std::span(out))));
  return out;
}

std::string incomplete(std::uint64_t size, std::uint64_t expected) {
  return fmt::format("it is incomplete: it has {} bytes and needs {}", size, expected);
}

// ---- zip

struct ZipDirectory {
  std::uint64_t offset = 0, size = 0;
};

/// The directory of an archive from its end record, the one of ZIP64 where that says so.
Result<std::optional<ZipDirectory>> find_zip_directory(ByteSource& bytes) {
  constexpr std::uint64_t kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56;
  const std::uint64_t size = bytes.size_bytes();
  const std::uint64_t tail_bytes = std::min<std::uint64_t>(size, kEndBytes + 65535);
  HEARTH_TRY(const std::string tail, read_some(bytes, size - tail_bytes, tail_bytes));
  const std::size_t at = tail.rfind("PK\x05\x06");
  if (at == std::string::npos || tail.size() - at < kEndBytes) return std::optional<ZipDirectory>();
  ZipDirectory directory{.offset = little(tail, at + 16, 4), .size = little(tail, at + 12, 4)};
  if (at >= kLocatorBytes && tail.compare(at - kLocatorBytes, 4, "PK\x06\x07") == 0) {
    const std::uint64_t end64 = little(tail, at - kLocatorBytes + 8, 8);
    if (!(CheckedSize(end64) + kEnd64Bytes).at_most(size)) return std::optional<ZipDirectory>();
    HEARTH_TRY(const std::string record, read_some(bytes, end64, kEnd64Bytes));
    directory = {.offset = little(record, 48, 8), .size = little(record, 40, 8)};
  }
  if (!(CheckedSize(directory.offset) + directory.size).at_most(size)) return std::optional<ZipDirectory>();
  return directory;
}

// ---- safetensors

constexpr std::uint64_t kMostSafetensorsHeader = 100'000'000;  // the format's own limit

/// Hears a header's JSON: where the last tensor ends, and who wrote it.
class SafetensorsListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t value) override {
    if (in_offsets_) end_ = std::max<std::uint64_t>(end_, value);
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t& value) override {
    if (key_ == "format") framework_ = value;
    return true;
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= 4; }
  bool key(string_t& value) override {
    key_ = value;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    in_offsets_ = key_ == "data_offsets";
    return true;
  }
  bool end_array() override {
    in_offsets_ = false;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] const std::string& framework() const { return framework_; }

 private:
  std::uint64_t end_ = 0;
  int depth_ = 0;
  bool in_offsets_ = false;
  std::string key_, framework_;
};

// ---- protobuf

struct Field {
  std::uint64_t number = 0, kind = 0, value = 0;  // the value of a number, the length of bytes
};

/// Reads a varint at `at`; nothing when it does not end in time.
std::optional<std::uint64_t> read_varint(std::string_view bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes[at++]);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

constexpr std::uint64_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

/// The next field of a message; `at` moves behind it, perhaps beyond the file's end.
Result<std::optional<Field>> read_field(ByteSource& bytes, std::uint64_t& at) {
  HEARTH_TRY(const std::string head, read_some(bytes, at, std::min<std::uint64_t>(20, bytes.size_bytes() - at)));
  std::size_t used = 0;
  const std::uint64_t tag = read_varint(head, used).value_or(0);
  if (tag >> 3 == 0) return std::optional<Field>();
  Field field{.number = tag >> 3, .kind = tag & 7};
  if (field.kind == kVarint || field.kind == kBytes) {
    const auto value = read_varint(head, used);
    if (!value) return std::optional<Field>();
    field.value = *value;
  } else if (field.kind == kFixed64 || field.kind == kFixed32) {
    used += field.kind == kFixed64 ? 8 : 4;
  } else {
    return std::optional<Field>();
  }
  const auto end = (CheckedSize(at) + used + (field.kind == kBytes ? field.value : 0)).value();
  if (!end) return std::optional<Field>();
  at = *end;
  return field;
}

/// onnx.proto, ModelProto: which fields there are, and which of them are numbers.
bool fits_onnx(const Field& field) {
  constexpr std::array<std::uint64_t, 2> kNumbers = {1, 5};
  constexpr std::array<std::uint64_t, 10> kMessages = {2, 3, 4, 6, 7, 8, 14, 20, 25, 26};
  return field.kind == kVarint ? std::ranges::find(kNumbers, field.number) != kNumbers.end()
                               : field.kind == kBytes && std::ranges::find(kMessages, field.number) != kMessages.end();
}

/// Model.proto of Core ML: version, description, whether it can be updated, then one of the kinds from 200 on.
bool fits_core_ml(const Field& field) {
  if (field.kind == kVarint) return field.number == 1 || field.number == 10;
  return field.kind == kBytes && (field.number == 2 || (field.number >= 200 && field.number <= 3000));
}

}  // namespace

Result<ZipFinding> look_into_zip(ByteSource& bytes) {
  HEARTH_TRY(const auto directory, find_zip_directory(bytes));
  if (!directory) return ZipFinding{.flaw = "it is incomplete: its directory, which stands at the end, is missing"};
  constexpr std::uint64_t kMostRead = 4 << 20;
  HEARTH_TRY(const std::string list, read_some(bytes, directory->offset, std::min(directory->size, kMostRead)));
  ZipFinding finding;
  for (std::size_t at = 0; at + 46 <= list.size() && list.compare(at, 4, "PK\x01\x02") == 0;) {
    const std::size_t n_name = little(list, at + 28, 2), n_rest = little(list, at + 30, 2) + little(list, at + 32, 2);
    const std::string_view name = std::string_view(list).substr(at + 46, n_name);
    if (name.ends_with("data.pkl")) finding.format = FileFormat::kPytorchZip;
    if (name.starts_with("TF_LITE_")) finding.format = FileFormat::kTaskBundle;
    at += 46 + n_name + n_rest;
  }
  return finding;
}

bool looks_like_safetensors(std::string_view start) {
  if (start.size() < 10 || start[8] != '{') return false;
  const std::uint64_t n = little(start, 0, 8);
  return n >= 2 && n <= kMostSafetensorsHeader;
}

Result<SafetensorsFinding> look_into_safetensors(ByteSource& bytes) {
  const std::uint64_t size = bytes.size_bytes();
  HEARTH_TRY(const std::string length, read_some(bytes, 0, 8));
  const std::uint64_t n = little(length, 0, 8), header_end = 8 + n;
  if (header_end > size) return SafetensorsFinding{.framework = {}, .flaw = incomplete(size, header_end)};
  HEARTH_TRY(const std::string header, read_some(bytes, 8, n));
  SafetensorsListener listener;
  if (!nlohmann::json::sax_parse(header, &listener))
    return SafetensorsFinding{.framework = {}, .flaw = "it is damaged: its header is no JSON object"};
  const auto end = (CheckedSize(header_end) + listener.end()).value();
  if (!end || *end > size)
    return SafetensorsFinding{.framework = listener.framework(), .flaw = incomplete(size, end.value_or(~0ull))};
  return SafetensorsFinding{.framework = listener.framework(), .flaw = {}};
}

bool holds_mlx(const std::filesystem::path& folder) {
  const auto text = read_file(folder / "config.json", 1 << 20);
  if (text) {
    const auto config = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
    // MLX writes {"group_size": 64, "bits": 4}; other quantizers name their method.
    const auto how = config.is_object() ? config.find("quantization") : config.end();
    if (config.is_object() && how != config.end() && how->is_object() && how->contains("group_size")) return true;
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() != ".safetensors") continue;
    const auto file = RandomAccessFile::open(entry.path());
    if (!file || file->size() < 10) continue;
    FileBytes bytes(*file);
    const auto start = read_some(bytes, 0, 10);
    if (!start || !looks_like_safetensors(*start)) continue;
    const auto found = look_into_safetensors(bytes);
    return found && found->framework == "mlx";
  }
  return false;
}

Result<std::optional<ProtobufFinding>> look_into_protobuf(ByteSource& bytes) {
  constexpr int kMostFields = 4096;
  const std::uint64_t size = bytes.size_bytes();
  bool onnx = true, core_ml = true, graph = false, kind = false;
  std::uint64_t at = 0;
  for (int i = 0; i < kMostFields && at < size && (onnx || core_ml); ++i) {
    HEARTH_TRY(const auto field, read_field(bytes, at));
    if (!field) return std::optional<ProtobufFinding>();
    // Both begin with a small version number.
    if (i == 0 && (field->number != 1 || field->kind != kVarint || field->value == 0 || field->value > 99))
      return std::optional<ProtobufFinding>();
    onnx = onnx && fits_onnx(*field);
    core_ml = core_ml && fits_core_ml(*field);
    graph = graph || field->number == 7;
    kind = kind || field->number >= 200;
  }
  std::string flaw = at > size ? incomplete(size, at) : std::string();
  if (onnx && graph) return ProtobufFinding{FileFormat::kOnnx, std::move(flaw)};
  if (core_ml && kind) return ProtobufFinding{FileFormat::kCoreMlModel, std::move(flaw)};
  return std::optional<ProtobufFinding>();
}

std::string flaw_of_executorch(std::string_view start, std::uint64_t size_bytes) {
  if (start.size() < 32 || start.substr(8, 2) != "eh") return {};
  const std::uint64_t header = little(start, 12, 4), program = little(start, 16, 8), segments = little(start, 24, 8);
  const std::uint64_t segment_bytes = header >= 0x20 && start.size() >= 40 ? little(start, 32, 8) : 0;
  const auto end = segments == 0 ? std::optional(program) : (CheckedSize(segments) + segment_bytes).value();
  if (end && *end <= size_bytes && program <= size_bytes) return {};
  return incomplete(size_bytes, std::max(program, end.value_or(~0ull)));
}

}  // namespace hearth
