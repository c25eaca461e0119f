// A model on the hub looked at before its download: the header alone, over a few range requests.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "file/model_file.h"
#include "library/names/catalogue.h"
#include "library/names/model_name.h"
#include "library/net/http_client.h"

namespace hearth::library {

struct RemoteModel {
  std::unique_ptr<ModelFile> file;
  std::uint64_t n_transferred = 0;  // bytes that were read for it
};

/// GGUF only: other formats are kUnsupportedFormat.
Result<RemoteModel> read_remote_header(const HttpClient& client, const Catalogue& catalogue, const ModelName& name,
                                       const std::stop_token& stop);

}  // namespace hearth::library
