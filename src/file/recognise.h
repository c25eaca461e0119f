// What a file or folder is, told by its bytes alone: every format that people have models in, whether an engine here
// opens it or not, and everything that people take for a model by mistake.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "file/byte_source.h"

namespace hearth {

enum class FileFormat : std::uint8_t {
  // Models.
  kGguf,
  kGgufBigEndian,
  kGgml,  // the families of files before GGUF
  kSafetensors,
  kOnnx,
  kTflite,
  kLitertLm,
  kTaskBundle,
  kExecutorch,
  kCoreMlModel,
  kCoreMlPackage,
  kCoreMlCompiled,
  kMlcFolder,
  kMlxFolder,
  kHuggingFaceFolder,
  kOnnxFolder,
  kPytorchZip,
  kPytorchPickle,
  kHdf5,
  kOpenVino,
  kLlamafile,
  kHearthScript,  // what the fake engine plays
  // Wrapped, or no model at all.
  kZip,
  kGzip,
  kZstd,
  kWebPage,
  kXml,
  kLfsPointer,
  kJson,
  kEmpty,
  kZeros,
  kUnknown,
};

struct Recognised {
  FileFormat format = FileFormat::kUnknown;
  std::string_view name;    // "ONNX", "a web page"
  std::string_view engine;  // what opens it: "ONNX Runtime"; empty when it is no model
  std::string_view advice;  // what to do with it where that engine is not; empty for what we open
  /// What is wrong with the file as one of its format: "it is incomplete: ..."; empty when nothing was found.
  std::string flaw;
  /// The first bytes of what nobody knows, in hexadecimal.
  std::string first_bytes;

  [[nodiscard]] bool is_model() const { return !engine.empty(); }
  /// invalid_file for what is no model, corrupted_model for a damaged one, else unsupported_format.
  [[nodiscard]] ErrorCode refusal_code() const;
  /// "it is ONNX, which ONNX Runtime opens; download a GGUF of the model".
  [[nodiscard]] std::string sentence() const;
};

/// Reads a few kilobytes, of safetensors the header; what the source fails to read is an error.
Result<Recognised> recognise(ByteSource& bytes);
/// A folder by what lies in it; nothing when it is not one that holds a model.
std::optional<Recognised> recognise_folder(const std::filesystem::path& folder);
/// A file or a folder.
Result<Recognised> recognise(const std::filesystem::path& path);

}  // namespace hearth
