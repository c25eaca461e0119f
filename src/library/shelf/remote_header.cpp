// The same choice of files as a pull makes, read through HttpBytes.
#include "library/shelf/remote_header.h"

#include "library/fetch/transfer.h"
#include "library/net/http_bytes.h"
#include "library/net/hub.h"
#include "library/shelf/pull.h"

#include <fmt/format.h>

namespace hearth::library {

Result<RemoteModel> read_remote_header(const HttpClient& client, const Catalogue& catalogue, const ModelName& name,
                                       const std::stop_token& stop) {
  std::vector<std::unique_ptr<HttpBytes>> sources;
  std::vector<NamedSource> parts;
  const auto add = [&](const std::string& called, const std::string& url, std::uint64_t n_bytes) {
    sources.push_back(std::make_unique<HttpBytes>(client, url, n_bytes, stop));
    parts.push_back({called, sources.back().get()});
  };
  if (const auto* url = std::get_if<UrlName>(&name)) {
    const FetchRequest request{.url = url->url, .what = url->url};
    HEARTH_TRY(const RemoteFile remote, probe_remote(client, request, stop));
    add(url->url, url->url, remote.n_bytes);
  } else {
    HEARTH_TRY(const HubTarget target, hub_target(name, catalogue));
    HEARTH_TRY(const HubRepository repository, look_at_repository(client, target.name, stop));
    const std::string& file = target.file.empty() ? target.name.file : target.file;
    HEARTH_TRY(const HubChoice choice, choose_files(repository, file, target.name.quant));
    if (choice.format != "gguf") {
      return fail(ErrorCode::kUnsupportedFormat,
                  fmt::format("{} is {}, which is planned by the engine that opens it ({})", repository.name,
                              choice.format, engine_of_format(choice.format)));
    }
    for (const HubFile& entry : choice.files)
      add(fmt::format("{}, {}", repository.name, entry.path), file_url(client, repository, entry.path), entry.n_bytes);
  }
  RemoteModel model;
  HEARTH_TRY(model.file, read_model_header(parts));
  for (const auto& source : sources) model.n_transferred += source->n_transferred();
  return model;
}

}  // namespace hearth::library
