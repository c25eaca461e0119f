// Known beginnings of files that people hand us instead of a model.
#include "engine/foreign_file.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace hearth {

namespace {

struct Beginning {
  std::string_view bytes;
  std::string_view meaning;
};

constexpr std::array kBeginnings = {
    Beginning{"version https://git-lfs", "it is a Git LFS pointer, not the file itself; run `git lfs pull`"},
    Beginning{"<", "it is a web page or XML; the download went wrong, download it again"},
    Beginning{"PK\x03\x04", "it is a zip archive, perhaps a PyTorch checkpoint; convert it to GGUF"},
    Beginning{"\x80\x02", "it is a Python pickle, perhaps a PyTorch checkpoint; convert it to GGUF"},
    Beginning{"\x89HDF", "it is an HDF5 file, perhaps a Keras model; convert it to GGUF"},
    Beginning{"\x1f\x8b", "it is compressed with gzip; unpack it first"},
    Beginning{"\x28\xb5\x2f\xfd", "it is compressed with zstd; unpack it first"},
    Beginning{"tjgg", "it is a GGML file from before GGUF; convert it or download a GGUF"},
    Beginning{"lmgg", "it is a GGML file from before GGUF; convert it or download a GGUF"},
    Beginning{"fmgg", "it is a GGML file from before GGUF; convert it or download a GGUF"},
    Beginning{"FUGG", "it is a GGUF file of the other byte order; convert it to little-endian"},
};

/// safetensors: u64 length of a JSON header, then that header.
bool looks_like_safetensors(std::string_view bytes) {
  return bytes.size() > 9 && bytes[8] == '{' && bytes[5] == 0 && bytes[6] == 0 && bytes[7] == 0;
}

}  // namespace

std::string describe_foreign_file(std::string_view first_bytes) {
  if (first_bytes.empty()) return "it is empty; download it again";
  for (const Beginning& beginning : kBeginnings) {
    if (first_bytes.starts_with(beginning.bytes)) return std::string(beginning.meaning);
  }
  if (looks_like_safetensors(first_bytes)) return "it seems to be a safetensors file; convert the model to GGUF";
  if (std::ranges::all_of(first_bytes, [](char c) { return c == '\0'; }))
    return "it starts with zeros; the download is incomplete, download it again";
  std::string hex;
  for (const char c : first_bytes.substr(0, 8)) hex += fmt::format(" {:02x}", static_cast<std::uint8_t>(c));
  return "it starts with the bytes" + hex;
}

}  // namespace hearth
