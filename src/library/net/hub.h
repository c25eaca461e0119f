// The hub of models: which files a repository has at which commit, what they must hash to, and where they are.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "library/names/model_name.h"
#include "library/net/http_client.h"

namespace hearth::library {

struct HubFile {
  std::string path;
  std::uint64_t n_bytes = 0;
  std::string sha256;  // of large files
  std::string git_id;  // of the others: SHA-1 of "blob SIZE\0" and the content
};

/// A repository as it was at one commit.
struct HubRepository {
  std::string name;    // "owner/repo"
  std::string commit;  // 40 hexadecimal digits
  std::string licence;
  std::vector<HubFile> files;
};

/// Asks the hub, trying again where that may help. `name.revision` is pinned to the commit it means now.
Result<HubRepository> look_at_repository(const HttpClient& client, const HubName& name, std::stop_token stop);
/// Hostile.
Result<HubRepository> parse_repository(std::string_view json, const std::string& name);
/// Where a file is asked for; answers often with a redirect to a signed address that expires.
std::string file_url(const HttpClient& client, const HubRepository& repository, const std::string& path);

/// What a name means in this repository.
struct HubChoice {
  std::string format;          // "gguf", "mlx", "mlc", "safetensors", "onnx", ...
  std::string quant;           // upper case; empty where the file does not tell
  std::vector<HubFile> files;  // all parts of a split file, in order
};
/// `quant` empty: the usual one (Q4_K_M, else what is nearest). A split file that lacks a part is kInvalidFile.
Result<HubChoice> choose_files(const HubRepository& repository, const std::string& file, const std::string& quant);

/// The quantization that a file's name tells, upper case; empty when it tells none.
std::string quant_of_file(std::string_view path);

/// Why a server refused, as an error with the cure.
Error explain_refusal(const HttpClient& client, const HttpAnswer& answer, const std::string& what);

}  // namespace hearth::library
