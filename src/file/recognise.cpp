// The table of formats, their beginnings, and the order in which a file is tried for them.
#include "file/recognise.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

#include "file/recognise_structure.h"

#include <fmt/format.h>

namespace hearth {

namespace {

struct FormatRow {
  FileFormat format;
  std::string_view name, engine, advice;
};

constexpr std::string_view kGetGguf = "download a GGUF of the model, or convert it to GGUF";

using enum FileFormat;
constexpr std::array kFormats = std::to_array<FormatRow>({
    {kGguf, "GGUF", "the native engine", ""},
    {kGgufBigEndian, "GGUF of the other byte order", "no engine on this machine", "convert it to little-endian"},
    {kGgml, "a GGML file from before GGUF", "llama.cpp of 2023", "convert it or download a GGUF"},
    {kSafetensors, "safetensors", "PyTorch with Transformers", kGetGguf},
    {kOnnx, "ONNX", "ONNX Runtime", kGetGguf},
    {kTflite, "TFLite (LiteRT)", "LiteRT", kGetGguf},
    {kLitertLm, "a LiteRT-LM model (.litertlm)", "LiteRT-LM", kGetGguf},
    {kTaskBundle, "a MediaPipe task bundle (.task)", "LiteRT-LM or MediaPipe", kGetGguf},
    {kExecutorch, "an ExecuTorch program (.pte)", "ExecuTorch", kGetGguf},
    {kCoreMlModel, "a Core ML model (.mlmodel)", "Core ML on Apple devices", kGetGguf},
    {kCoreMlPackage, "a Core ML package (.mlpackage)", "Core ML on Apple devices", kGetGguf},
    {kCoreMlCompiled, "a compiled Core ML model (.mlmodelc)", "Core ML on Apple devices", kGetGguf},
    {kMlcFolder, "a folder of MLC weights", "MLC LLM", kGetGguf},
    {kMlxFolder, "a folder of MLX weights", "MLX on Apple silicon", kGetGguf},
    {kHuggingFaceFolder, "a folder of safetensors", "PyTorch with Transformers", kGetGguf},
    {kOnnxFolder, "a folder of ONNX files", "ONNX Runtime", kGetGguf},
    {kPytorchZip, "a PyTorch checkpoint", "PyTorch", "convert it to GGUF on a machine where it may run code"},
    {kPytorchPickle, "a Python pickle, perhaps a PyTorch checkpoint", "PyTorch",
     "convert it to GGUF on a machine where it may run code"},
    {kHdf5, "an HDF5 file, perhaps a Keras model", "Keras", kGetGguf},
    {kOpenVino, "an OpenVINO model (.xml beside .bin)", "OpenVINO", kGetGguf},
    {kLlamafile, "a program with a model inside (llamafile)", "itself: it is an executable",
     "run it, or download the GGUF it was made of"},
    {kHearthScript, "a script of the fake engine", "the fake engine", ""},
    {kZip, "a zip archive, perhaps a PyTorch checkpoint", "", "unpack it and see what is inside"},
    {kGzip, "compressed with gzip", "", "unpack it first"},
    {kZstd, "compressed with zstd", "", "unpack it first"},
    {kWebPage, "a web page", "",
     "the download went wrong (a login, an error or a blocked network answered); download it again"},
    {kXml, "XML", "", "the download went wrong, download it again"},
    {kLfsPointer, "a Git LFS pointer, not the file itself", "", "run `git lfs pull`"},
    {kJson, "a JSON text", "", "the weights lie in another file, or a server's error message was saved"},
    {kEmpty, "empty", "", "download it again"},
    {kZeros, "zeros at its start", "", "the download is incomplete, download it again"},
    {kUnknown, "", "", ""},
});

struct Beginning {
  std::string_view bytes;
  std::size_t offset;
  FileFormat format;
};

// The first that fits counts.
constexpr std::array kBeginnings = std::to_array<Beginning>({
    {"GGUF", 0, kGguf},
    {"FUGG", 0, kGgufBigEndian},
    {"tjgg", 0, kGgml},
    {"lmgg", 0, kGgml},
    {"fmgg", 0, kGgml},
    {"LITERTLM", 0, kLitertLm},
    {"TFL3", 4, kTflite},
    {"version https://git-lfs", 0, kLfsPointer},
    {"MZqFpD", 0, kLlamafile},
    {"\x89HDF\r\n\x1a\n", 0, kHdf5},
    {"\x1f\x8b", 0, kGzip},
    {"\x28\xb5\x2f\xfd", 0, kZstd},
    {"\x80\x02", 0, kPytorchPickle},
    {"\x80\x03", 0, kPytorchPickle},
    {"\x80\x04", 0, kPytorchPickle},
    {"\x80\x05", 0, kPytorchPickle},
});

Recognised make(FileFormat format, std::string flaw = {}) {
  const auto row = std::ranges::find(kFormats, format, &FormatRow::format);
  return {.format = format,
          .name = row->name,
          .engine = row->engine,
          .advice = row->advice,
          .flaw = std::move(flaw),
          .first_bytes = {}};
}

bool starts_with_letters(std::string_view text, std::string_view lower) {
  const auto equal = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return text.size() >= lower.size() && std::ranges::equal(text.substr(0, lower.size()), lower, equal);
}

/// Formats that begin like text: markup and JSON.
std::optional<Recognised> recognise_text(std::string_view start) {
  if (start.starts_with("\xef\xbb\xbf")) start.remove_prefix(3);
  start.remove_prefix(std::min(start.find_first_not_of(" \t\r\n"), start.size()));
  if (start.starts_with("{")) return make(start.find("\"hearth_fake\"") < 64 ? kHearthScript : kJson);
  if (!start.starts_with("<")) return std::nullopt;
  if (starts_with_letters(start, "<!doctype html") || starts_with_letters(start, "<html")) return make(kWebPage);
  if (start.find("<net ") != std::string_view::npos) return make(kOpenVino);
  return start.starts_with("<?xml") ? make(kXml) : make(kWebPage);
}

bool is_executorch(std::string_view start) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return start.size() >= 8 && start.substr(4, 2) == "ET" && digit(start[6]) && digit(start[7]);
}

Recognised unknown(std::string_view start) {
  Recognised out = make(kUnknown);
  for (const char c : start.substr(0, 8))
    out.first_bytes += fmt::format("{}{:02x}", out.first_bytes.empty() ? "" : " ", static_cast<std::uint8_t>(c));
  return out;
}

}  // namespace

ErrorCode Recognised::refusal_code() const {
  if (!flaw.empty()) return ErrorCode::kCorruptedModel;
  return is_model() ? ErrorCode::kUnsupportedFormat : ErrorCode::kInvalidFile;
}

std::string Recognised::sentence() const {
  if (format == FileFormat::kUnknown) return "it starts with the bytes " + first_bytes + ", which no format here has";
  std::string out = fmt::format("it is {}", name);
  if (!engine.empty()) out += fmt::format(", which {} opens", engine);
  if (!flaw.empty()) out += "; " + flaw;
  if (!advice.empty()) out += fmt::format("; {}", advice);
  return out;
}

Result<Recognised> recognise(ByteSource& bytes) {
  const std::uint64_t size = bytes.size_bytes();
  if (size == 0) return make(kEmpty);
  std::string start(static_cast<std::size_t>(std::min<std::uint64_t>(size, 512)), '\0');
  HEARTH_CHECK(bytes.read(0, std::as_writable_bytes(std::span(start))));
  for (const Beginning& beginning : kBeginnings) {
    if (start.size() > beginning.offset &&
        std::string_view(start).substr(beginning.offset).starts_with(beginning.bytes))
      return make(beginning.format);
  }
  if (is_executorch(start)) return make(kExecutorch, flaw_of_executorch(start, size));
  if (start.starts_with("PK\x03\x04")) {
    HEARTH_TRY(const ZipFinding zip, look_into_zip(bytes));
    return make(zip.format, zip.flaw);
  }
  if (looks_like_safetensors(start)) {
    HEARTH_TRY(const SafetensorsFinding found, look_into_safetensors(bytes));
    return make(kSafetensors, found.flaw);
  }
  if (auto text = recognise_text(start)) return std::move(*text);
  HEARTH_TRY(const auto message, look_into_protobuf(bytes));
  if (message) return make(message->format, message->flaw);
  if (start.find_first_not_of('\0') == std::string::npos) return make(kZeros);
  return unknown(start);
}

std::optional<Recognised> recognise_folder(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto has = [&](const char* name) { return fs::exists(folder / name, ignored); };
  if (has("coremldata.bin")) return make(kCoreMlCompiled);
  if (has("Manifest.json") && has("Data/com.apple.CoreML")) return make(kCoreMlPackage);
  if (has("mlc-chat-config.json")) {
    const bool weights = has("ndarray-cache.json") || has("tensor-cache.json");
    return make(kMlcFolder, weights ? "" : "it is incomplete: the list of its weights is missing");
  }
  if (has("genai_config.json")) return make(kOnnxFolder);
  std::size_t n_safetensors = 0, n_onnx = 0;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    n_safetensors += entry.path().extension() == ".safetensors";
    n_onnx += entry.path().extension() == ".onnx";
  }
  if (n_onnx > 0) return make(kOnnxFolder);
  if (n_safetensors == 0) return std::nullopt;
  return make(holds_mlx(folder) ? kMlxFolder : kHuggingFaceFolder);
}

Result<Recognised> recognise(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    if (auto found = recognise_folder(path)) return std::move(*found);
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not a regular file, and no folder of a model that is known here", path.string()));
  }
  HEARTH_TRY(const RandomAccessFile file, RandomAccessFile::open(path));
  FileBytes bytes(file);
  return recognise(bytes);
}

}  // namespace hearth
