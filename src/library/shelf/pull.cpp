// Pulling: ask, choose, fetch, look into, put on the shelf.
#include "library/shelf/pull.h"

#include <algorithm>

#include "file/model_file.h"
#include "file/recognise.h"
#include "library/net/hub.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

class Pull {
 public:
  Pull(Shelf& shelf, const HttpClient& client, const PullOptions& options, std::stop_token stop)
      : shelf_(shelf), client_(client), options_(options), stop_(std::move(stop)) {}

  Result<ShelfModel> from_hub(const HubTarget& target, const std::string& called) {
    const std::string source = "hf:" + target.name.repository();
    HEARTH_CHECK(options_.allowed.check(source));
    HEARTH_TRY(const HubRepository repository, look_at_repository(client_, target.name, stop_));
    const std::string& file = target.file.empty() ? target.name.file : target.file;
    HEARTH_TRY(const HubChoice choice, choose_files(repository, file, target.name.quant));
    NewModel model{.name = called,
                   .source = source,
                   .commit = repository.commit,
                   .format = choice.format,
                   .quant = choice.quant.empty() ? target.name.quant : choice.quant,
                   .licence = repository.licence};
    n_files_ = choice.files.size();
    for (const HubFile& entry : choice.files) n_all_ += entry.n_bytes;
    for (const HubFile& entry : choice.files) {
      const FetchRequest request{.url = file_url(client_, repository, entry.path),
                                 .what = fmt::format("{}, {}", repository.name, entry.path),
                                 .n_bytes = entry.n_bytes,
                                 .sha256 = entry.sha256,
                                 .git_id = entry.git_id};
      HEARTH_TRY(ShelfFile here, bring(request, entry.path));
      model.files.push_back(std::move(here));
    }
    return put(std::move(model));
  }

  Result<ShelfModel> from_address(const UrlName& name, const std::string& called) {
    HEARTH_CHECK(options_.allowed.check(name.url));
    std::string file = name.url.substr(0, name.url.find('?'));
    file = file.substr(file.rfind('/') + 1);
    if (!check_repository_path(file)) file = "model";
    HEARTH_TRY(ShelfFile here, bring({.url = name.url, .what = name.url, .sha256 = name.sha256}, file));
    return put({.name = called, .source = name.url, .files = {std::move(here)}});
  }

 private:
  Result<ShelfFile> bring(const FetchRequest& request, const std::string& name) {
    FetchOptions fetch = options_.fetch;
    fetch.folder = shelf_.folder();
    if (options_.progress) {
      fetch.progress = [&](const FetchProgress& progress) {
        options_.progress({.file_idx = file_idx_,
                           .n_files = n_files_,
                           .file = name,
                           .n_bytes_before = n_before_,
                           .n_bytes_all = std::max(n_all_, n_before_ + progress.n_bytes),
                           .fetch = progress});
      };
    }
    HEARTH_TRY(const Fetched fetched, fetch_file(client_, request, fetch, stop_));
    n_before_ += fetched.n_bytes;
    ++file_idx_;
    return ShelfFile{
        .name = name, .sha256 = fetched.sha256, .n_bytes = fetched.n_bytes, .path = shelf_.blob_path(fetched.sha256)};
  }

  /// The last look: what is no model gets no name; `hearth gc` takes its bytes.
  Result<ShelfModel> put(NewModel model) {
    std::vector<std::filesystem::path> paths;
    for (const ShelfFile& file : model.files) paths.push_back(file.path);
    if (model.format.empty() || model.format == "gguf" || paths.size() == 1) {
      auto format = check_model_files(paths);
      if (!format) return std::unexpected(std::move(format.error()).within(harmless(model.files.front().name)));
      model.format = std::move(*format);
    }
    return shelf_.add(model);
  }

  Shelf& shelf_;
  const HttpClient& client_;
  const PullOptions& options_;
  std::stop_token stop_;
  std::size_t file_idx_ = 0, n_files_ = 1;
  std::uint64_t n_before_ = 0, n_all_ = 0;
};

}  // namespace

Result<std::string> check_model_files(std::span<const std::filesystem::path> files) {
  std::string format;
  for (const std::filesystem::path& path : files) {
    HEARTH_TRY(const Recognised found, recognise(path));
    if (!found.is_model() || !found.flaw.empty()) {
      return fail(found.is_model() ? ErrorCode::kCorruptedModel : ErrorCode::kInvalidFile,
                  fmt::format("it is not put on the shelf: {}", found.sentence()));
    }
    if (!format.empty()) continue;
    format = found.format == FileFormat::kHearthScript ? "fake" : std::string(found.name);
    for (char& c : format) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (format != "gguf" || files.size() > 1) return format;  // the parts of a split file are opened by name, later
  const auto opened = open_model_file(files.front());
  // A type or version that only a newer Hearth reads is no damage.
  if (!opened && opened.error().code == ErrorCode::kCorruptedModel) return std::unexpected(opened.error());
  return format;
}

Result<HubTarget> hub_target(const ModelName& name, const Catalogue& catalogue) {
  if (const auto* hub = std::get_if<HubName>(&name)) return HubTarget{.name = *hub};
  const auto* own = std::get_if<CatalogueName>(&name);
  if (!own)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" names nothing of the hub", harmless(canonical_name(name))));
  HEARTH_TRY(const CatalogueChoice choice, catalogue.find(*own));
  const CatalogueSource* source = choice.model->source("gguf");
  if (!source) source = &choice.model->sources.front();
  HEARTH_TRY(const ModelName parsed, parse_model_name("hf:" + source->repo));
  HubTarget target{.name = std::get<HubName>(parsed)};
  target.name.quant = choice.quant;
  const auto file = source->files.find(choice.quant.empty() ? "Q4_K_M" : choice.quant);
  if (file != source->files.end()) {
    target.name.quant = file->first;
    target.file = file->second;
  }
  return target;
}

Result<Pulled> pull(Shelf& shelf, const HttpClient& client, const Catalogue& catalogue, const ModelName& name,
                    const PullOptions& options, std::stop_token stop) {
  if (const auto* path = std::get_if<PathName>(&name)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is a path; `hearth import` takes files of this machine", harmless(path->path)));
  }
  HEARTH_TRY(const std::optional<ShelfModel> here, shelf.find(name, catalogue));
  if (here && options.freshness == PullOptions::Freshness::kWhatIsHere && shelf.path_to_open(*here)) {
    HEARTH_CHECK(options.allowed.check(here->source));
    return Pulled{.model = *here, .was_here = true};
  }
  Pull work(shelf, client, options, std::move(stop));
  const std::string called = canonical_name(name);
  Pulled pulled;
  if (const auto* url = std::get_if<UrlName>(&name)) {
    HEARTH_TRY(pulled.model, work.from_address(*url, called));
  } else {
    HEARTH_TRY(const HubTarget target, hub_target(name, catalogue));
    HEARTH_TRY(pulled.model, work.from_hub(target, called));
  }
  pulled.was_here = here && here->id == pulled.model.id;
  return pulled;
}

}  // namespace hearth::library
