// From a name to a model on the shelf: what the name means, which files that takes, all of them verified and looked
// into before they are called a model.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>

#include "library/fetch/fetch.h"
#include "library/names/catalogue.h"
#include "library/shelf/allow_list.h"
#include "library/shelf/shelf.h"

namespace hearth::library {

struct PullProgress {
  std::size_t file_idx = 0, n_files = 1;
  std::string file;
  std::uint64_t n_bytes_before = 0, n_bytes_all = 0;  // of the files before this one, and of all of them
  FetchProgress fetch;
};

struct PullOptions {
  FetchOptions fetch;  // its folder and progress are set here
  AllowList allowed;
  enum class Freshness : std::uint8_t { kWhatIsHere, kNewest } freshness = Freshness::kWhatIsHere;
  std::function<void(const PullProgress&)> progress;
};

struct Pulled {
  ShelfModel model;
  bool was_here = false;  // exactly this was on the shelf before
};

/// What a name stands for on the hub.
struct HubTarget {
  HubName name;
  std::string file;  // where the catalogue knows better than file names tell
};
Result<HubTarget> hub_target(const ModelName& name, const Catalogue& catalogue);

/// A name that is on the shelf costs no packet unless the newest is asked for.
Result<Pulled> pull(Shelf& shelf, const HttpClient& client, const Catalogue& catalogue, const ModelName& name,
                    const PullOptions& options, std::stop_token stop);

/// "gguf" and so on, by the bytes of a file or of the parts of a split one. Refuses what is no model or damaged, saying
/// what it is instead.
Result<std::string> check_model_files(std::span<const std::filesystem::path> files);

}  // namespace hearth::library
