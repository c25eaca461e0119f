// The models that are on this machine: blobs named by their digest, and an index that knows what they are called, where
// they came from and whose they are. Identical weights are kept once; what others own is used where it lies.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "library/names/catalogue.h"
#include "library/names/model_name.h"
#include "store/database.h"

namespace hearth::library {

struct ShelfFile {
  std::string name;  // as its source calls it; for people only
  std::string sha256;
  std::uint64_t n_bytes = 0;
  std::filesystem::path path;  // where it lies now
  std::string owner;           // empty: the shelf; else "ollama", "lm-studio", "hf-cache", "llama.cpp", "user"
};

struct ShelfModel {
  std::int64_t id = 0;
  std::vector<std::string> names;
  std::string source;  // "hf:owner/repo", "https://...", "file:/path"
  std::string commit;  // of the hub's repository
  std::string format, quant, licence;
  std::string added;  // "2026-03-01 18:05", UTC
  std::vector<ShelfFile> files;
  [[nodiscard]] std::uint64_t n_bytes() const;
};

struct NewModel {
  std::string name;  // canonical
  std::string source, commit, format, quant, licence;
  std::vector<ShelfFile> files;
};

struct Removal {
  std::vector<std::string> names;  // that still lead to the model
  std::uint64_t n_freed = 0;
  std::uint64_t n_owned_elsewhere = 0;  // bytes that stay, because they are others'
};

struct Fault {
  std::string file, what;
};

/// One thread at a time; any number of processes.
class Shelf {
 public:
  /// Opens or begins the shelf in `folder`. A damaged index is salvaged beside its copy; notice() then says so.
  static Result<Shelf> open(const std::filesystem::path& folder);
  /// Nothing when there is no shelf yet: asking does not make one.
  static Result<std::optional<Shelf>> open_existing(const std::filesystem::path& folder);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::string& notice() const { return notice_; }

  Result<std::vector<ShelfModel>> list();
  /// Every name that leads to a model, in order.
  Result<std::vector<std::string>> names();
  /// By the name it was given, or by what the catalogue says the name means. Nothing when it is not here.
  Result<std::optional<ShelfModel>> find(const ModelName& name, const Catalogue& catalogue);
  /// Puts a model on the shelf. What the name led to before stays under its commit: the newer one has not proven yet
  /// that it works.
  Result<ShelfModel> add(const NewModel& model);
  /// Another name for a model.
  Status name(std::int64_t model, const std::string& name);
  /// Takes a name away; with the last one the model, and the blobs that nobody else needs.
  Result<Removal> remove(const std::string& name);
  /// Reads every byte again and compares. `progress` gets bytes done and of all.
  static Result<std::vector<Fault>> verify(const ShelfModel& model,
                                           const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                           const std::stop_token& stop);
  /// Removes blobs that no model has and that are older than `min_age`, and what abandoned downloads left. Returns
  /// bytes.
  Result<std::uint64_t> collect(std::chrono::seconds min_age);
  /// The file that an engine opens. One that vanished or changed is an error with the cure.
  [[nodiscard]] Result<std::filesystem::path> path_to_open(const ShelfModel& model) const;
  [[nodiscard]] std::filesystem::path blob_path(const std::string& sha256) const { return folder_ / "blobs" / sha256; }

 private:
  Shelf(std::filesystem::path folder, store::Database database)
      : folder_(std::move(folder)), database_(std::move(database)) {}
  static Result<Shelf> open_index(const std::filesystem::path& folder);
  Result<std::optional<std::int64_t>> id_of(std::string_view name);
  Result<std::optional<std::int64_t>> id_by_source(const HubName& name);
  Result<ShelfModel> read_model(std::int64_t id);
  Status insert(const NewModel& model);
  Status keep_older(const ShelfModel& old);
  Status drop_unused_blobs(std::span<const ShelfFile> files, Removal& removal);

  std::filesystem::path folder_;
  store::Database database_;
  std::string notice_;
};

}  // namespace hearth::library
