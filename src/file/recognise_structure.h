// Formats that the first bytes do not settle, and files that stop early: what their structure says. All bytes are
// hostile; every length is compared with what the file holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "file/byte_source.h"
#include "file/recognise.h"

namespace hearth {

struct ZipFinding {
  FileFormat format = FileFormat::kZip;
  std::string flaw;
};
/// What an archive is, by the names in its directory (ZIP64 included).
Result<ZipFinding> look_into_zip(ByteSource& bytes);

/// A length that fits the format's own limit, then an object.
bool looks_like_safetensors(std::string_view start);
struct SafetensorsFinding {
  std::string framework;  // "pt", "mlx", as its metadata says
  std::string flaw;
};
Result<SafetensorsFinding> look_into_safetensors(ByteSource& bytes);
/// Whether a folder of safetensors was made for MLX: its metadata or its kind of quantization says so.
bool holds_mlx(const std::filesystem::path& folder);

struct ProtobufFinding {
  FileFormat format = FileFormat::kOnnx;
  std::string flaw;
};
/// ONNX and Core ML have no magic: a message whose fields are theirs. Nothing for anything else.
Result<std::optional<ProtobufFinding>> look_into_protobuf(ByteSource& bytes);

/// From the extended header (pytorch.org: ".pte file format"), which tells where the file must end.
std::string flaw_of_executorch(std::string_view start, std::uint64_t size_bytes);

}  // namespace hearth
