// Where other programs keep their models, and how to read what they wrote down. All of it is hostile: a manifest names
// digests and never paths, a link that leaves its store is not followed, and counts have limits.
#include <algorithm>
#include <array>

#include "base/file.h"
#include "library/names/model_name.h"
#include "library/net/hub.h"
#include "library/shelf/import.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::library {

namespace {

namespace fs = std::filesystem;
using ForeignJson = nlohmann::json;

constexpr std::size_t kMostEntries = 20'000;  // of one store: more is no store of models

/// The regular files below a folder, links resolved, none of them outside `root`; sorted.
std::vector<std::pair<fs::path, fs::path>> files_below(const fs::path& folder, const fs::path& root) {
  std::vector<std::pair<fs::path, fs::path>> files;  // as named, as it lies
  std::error_code code;
  const fs::path whole_root = fs::canonical(root, code);
  if (code) return files;
  std::size_t n_seen = 0;
  for (fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, code), end;
       !code && entry != end && n_seen < kMostEntries; entry.increment(code), ++n_seen) {
    std::error_code ignored;
    if (entry.depth() > 6) entry.disable_recursion_pending();
    if (!entry->is_regular_file(ignored)) continue;
    const fs::path lies = fs::canonical(entry->path(), ignored);
    const auto inside = std::ranges::mismatch(whole_root, lies);
    if (!ignored && inside.in1 == whole_root.end()) files.emplace_back(entry->path(), lies);
  }
  std::ranges::sort(files);
  return files;
}

bool is_model_name(const fs::path& file) {
  const std::string name = file.filename().string();
  return file.extension() == ".gguf" && name.find("mmproj") == std::string::npos;
}

/// The later parts of a split file come with the first one.
bool is_later_part(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::size_t at = name.rfind("-of-");
  return at != std::string::npos && at >= 6 && name[at - 6] == '-' && name.substr(at - 5, 5) != "00001";
}

std::vector<fs::path> with_later_parts(const fs::path& first, const std::vector<std::pair<fs::path, fs::path>>& files) {
  const std::string name = first.filename().string();
  const std::size_t at = name.rfind("-00001-of-");
  std::vector<fs::path> parts;
  for (const auto& [named, lies] : files) {
    const std::string other = named.filename().string();
    const bool same = at != std::string::npos && named.parent_path() == first.parent_path() &&
                      other.size() == name.size() && other.starts_with(name.substr(0, at + 1)) &&
                      other.ends_with(name.substr(at + 6));
    if (named == first || same) parts.push_back(at == std::string::npos ? lies : named);
  }
  return parts;
}

std::optional<std::string> digest_of_manifest(const fs::path& manifest) {
  const auto text = read_file(manifest, 1u << 20);
  if (!text) return std::nullopt;
  const auto json = ForeignJson::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("layers") || !json["layers"].is_array()) return std::nullopt;
  for (const ForeignJson& layer : json["layers"]) {
    if (!layer.is_object() || layer.value("mediaType", ForeignJson()) != "application/vnd.ollama.image.model") continue;
    const auto digest = layer.find("digest");
    if (digest == layer.end() || !digest->is_string()) return std::nullopt;
    std::string hex = digest->get<std::string>();
    if (!hex.starts_with("sha256:")) return std::nullopt;
    hex = hex.substr(7);
    const bool fine = hex.size() == 64 &&
                      std::ranges::all_of(hex, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return fine ? std::optional(hex) : std::nullopt;
  }
  return std::nullopt;
}

/// manifests/HOST/NAMESPACE/MODEL/TAG, blobs/sha256-DIGEST.
std::vector<ForeignModel> find_ollama(const fs::path& folder) {
  std::vector<ForeignModel> models;
  for (const auto& [named, lies] : files_below(folder / "manifests", folder)) {
    const auto digest = digest_of_manifest(lies);
    if (!digest) continue;
    const std::string model = named.parent_path().filename().string(),
                      space = named.parent_path().parent_path().filename().string();
    const std::string name = (space == "library" ? model : space + "-" + model) + ":" + named.filename().string();
    const auto parsed = parse_own_name(name);
    const fs::path blob = folder / "blobs" / ("sha256-" + *digest);
    std::error_code ignored;
    if (!parsed || !fs::is_regular_file(fs::symlink_status(blob, ignored))) continue;
    models.push_back({.name = canonical_name(*parsed),
                      .owner = "ollama",
                      .source = "ollama:" + canonical_name(*parsed),
                      .sha256 = *digest,
                      .files = {fs::absolute(blob)}});
  }
  return models;
}

/// models--OWNER--REPO/snapshots/COMMIT/FILE, a link to ../../blobs/DIGEST.
std::vector<ForeignModel> find_hf_cache(const fs::path& folder) {
  std::vector<ForeignModel> models;
  std::error_code code;
  std::vector<fs::path> repos;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    repos.push_back(entry->path());
  std::ranges::sort(repos);
  for (const fs::path& repo : repos) {
    std::string name = repo.filename().string();
    const std::size_t dashes = name.find("--", 8);
    if (!name.starts_with("models--") || dashes == std::string::npos) continue;
    const std::string source = "hf:" + name.substr(8, dashes - 8) + "/" + name.substr(dashes + 2);
    if (!parse_model_name(source)) continue;
    const auto files = files_below(repo / "snapshots", repo);
    for (const auto& [named, lies] : files) {
      if (!is_model_name(named) || is_later_part(named)) continue;
      const fs::path inside = named.lexically_relative(repo / "snapshots");
      const std::string commit = inside.begin()->string(), file = inside.lexically_relative(commit).generic_string();
      ForeignModel model{.name = source + ":" + file, .owner = "hf-cache", .source = source, .commit = commit};
      model.quant = quant_of_file(file);
      model.files = with_later_parts(named, files);
      const auto parsed = parse_model_name(model.name);
      if (parsed && std::holds_alternative<HubName>(*parsed) && commit.size() == 40) models.push_back(std::move(model));
    }
  }
  return models;
}

/// Folders of .gguf files, wherever in them.
std::vector<ForeignModel> find_loose(const fs::path& folder, const std::string& owner) {
  std::vector<ForeignModel> models;
  const auto files = files_below(folder, folder);
  for (const auto& [named, lies] : files) {
    if (!is_model_name(named) || is_later_part(named)) continue;
    models.push_back({.name = name_from_file(named),
                      .owner = owner,
                      .source = "file:" + lies.string(),
                      .files = with_later_parts(named, files)});
  }
  return models;
}

std::vector<ForeignModel> find_lm_studio(const fs::path& folder) {
  return find_loose(folder, "lm-studio");
}
std::vector<ForeignModel> find_llama_cpp(const fs::path& folder) {
  return find_loose(folder, "llama.cpp");
}

using Folders = std::vector<fs::path>;
constexpr std::array kStores = std::to_array<ForeignStore>({
    {"ollama", "Ollama",
     [](const fs::path& home) { return Folders{home / ".ollama/models", "/usr/share/ollama/.ollama/models"}; },
     find_ollama},
    {"lm-studio", "LM Studio",
     [](const fs::path& home) { return Folders{home / ".lmstudio/models", home / ".cache/lm-studio/models"}; },
     find_lm_studio},
    {"hf-cache", "the Hugging Face cache",
     [](const fs::path& home) { return Folders{home / ".cache/huggingface/hub"}; }, find_hf_cache},
    {"llama.cpp", "llama.cpp's cache",
     [](const fs::path& home) { return Folders{home / ".cache/llama.cpp", home / "Library/Caches/llama.cpp"}; },
     find_llama_cpp},
});

}  // namespace

std::span<const ForeignStore> foreign_stores() {
  return kStores;
}

}  // namespace hearth::library
