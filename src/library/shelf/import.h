// Files of this machine onto the shelf: copied, linked, or used where they lie; and models that other programs keep,
// found in their own stores and used without a copy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "library/shelf/allow_list.h"
#include "library/shelf/shelf.h"

namespace hearth::library {

struct ImportOptions {
  enum class How : std::uint8_t { kCopy, kLink, kInPlace } how = How::kCopy;
  std::string name;  // empty: made of the file's name
  AllowList allowed;
  std::uint64_t spare_bytes = 256u << 20;
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

/// A file, the first of a split file's parts, or a folder of a format that is one.
Result<ShelfModel> import_model(Shelf& shelf, const std::filesystem::path& path, const ImportOptions& options,
                                const std::stop_token& stop);

/// A model in the store of another program.
struct ForeignModel {
  std::string name;   // a name that can be given here
  std::string owner;  // "ollama", "lm-studio", "hf-cache", "llama.cpp"
  std::string source, commit, quant;
  std::string sha256;  // as its store names the file; empty: it does not
  std::vector<std::filesystem::path> files;
};

/// The stores that are known, and where they are in a home folder.
struct ForeignStore {
  std::string_view owner, title;
  std::vector<std::filesystem::path> (*folders)(const std::filesystem::path& home);
  std::vector<ForeignModel> (*find)(const std::filesystem::path& folder);
};
std::span<const ForeignStore> foreign_stores();

/// Reads the file once to know its digest; nothing is copied, and nothing of theirs is ever removed.
Result<ShelfModel> adopt(Shelf& shelf, const ForeignModel& model, const ImportOptions& options,
                         const std::stop_token& stop);

/// A file's name as the name of a model: "Llama 3.2 (q4).gguf" -> "llama-3.2-q4".
std::string name_from_file(const std::filesystem::path& path);

}  // namespace hearth::library
