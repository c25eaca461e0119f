// Asking the hub and reading its answers.
#include "library/net/hub.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::library {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostAnswerBytes = 32u << 20;  // a listing of a few thousand files is one or two megabytes

bool is_hex_of(std::string_view text, std::size_t n) {
  return text.size() == n &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// "%20" for a space and so on; "/" stays.
std::string escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/._-~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<HubFile> parse_file(const Json& entry, const std::string& name) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidResponse, fmt::format("the hub's listing of {} {}", name, why));
  };
  if (!entry.is_object()) return bad("holds something that is no file");
  HubFile file{.path = text_of(entry, "rfilename"), .git_id = text_of(entry, "blobId")};
  if (const auto size = entry.find("size"); size != entry.end() && size->is_number_unsigned())
    file.n_bytes = size->get<std::uint64_t>();
  if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
    file.sha256 = text_of(*lfs, "sha256");
    if (const auto size = lfs->find("size"); size != lfs->end() && size->is_number_unsigned())
      file.n_bytes = size->get<std::uint64_t>();
    if (!is_hex_of(file.sha256, 64)) return bad(fmt::format("gives no digest for {}", harmless(file.path)));
  }
  if (!is_hex_of(file.git_id, 40)) file.git_id.clear();
  if (file.n_bytes > std::uint64_t{1} << 50) return bad("gives an impossible size");
  return file;
}

std::string lower_text(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string upper_text(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// "-00002-of-00005.gguf": its part's number and count; 0 of 0 when it is whole.
struct Split {
  unsigned part = 0, count = 0;
  std::string_view stem;
};
Split split_of(std::string_view path) {
  constexpr std::size_t kEnd = std::string_view("-00001-of-00002.gguf").size();
  if (path.size() <= kEnd) return {};
  const std::string_view end = path.substr(path.size() - kEnd);
  if (end[0] != '-' || end.substr(6, 4) != "-of-" || end.substr(15) != ".gguf") return {};
  Split split{.stem = path.substr(0, path.size() - kEnd)};
  for (const std::size_t at : {1, 10}) {
    unsigned number = 0;
    for (const char c : end.substr(at, 5)) {
      if (c < '0' || c > '9') return {};
      number = number * 10 + static_cast<unsigned>(c - '0');
    }
    (at == 1 ? split.part : split.count) = number;
  }
  return split;
}

Result<std::vector<HubFile>> with_all_parts(const HubRepository& repository, const HubFile& file) {
  const Split split = split_of(file.path);
  if (split.count == 0) return std::vector{file};
  std::vector<HubFile> parts;
  for (unsigned part = 1; part <= split.count && part < 100'000; ++part) {
    const std::string path = fmt::format("{}-{:05}-of-{:05}.gguf", split.stem, part, split.count);
    const auto found = std::ranges::find(repository.files, path, &HubFile::path);
    if (found == repository.files.end()) {
      return fail(ErrorCode::kInvalidFile, fmt::format("{} has {} of {} parts only: {} is missing; choose another file",
                                                       repository.name, parts.size(), split.count, harmless(path)));
    }
    parts.push_back(*found);
  }
  return parts;
}

/// Whole folders of the formats that no single file holds.
std::string folder_format(const HubRepository& repository) {
  bool safetensors = false, onnx = false;
  for (const HubFile& file : repository.files) {
    const std::string path = lower_text(file.path);
    if (path == "mlc-chat-config.json") return "mlc";
    safetensors |= path.ends_with(".safetensors");
    onnx |= path.ends_with(".onnx");
  }
  if (safetensors) return lower_text(repository.name).find("mlx") != std::string::npos ? "mlx" : "safetensors";
  return onnx ? "onnx" : "";
}

}  // namespace

// The last word of the name that looks like one.
std::string quant_of_file(std::string_view path) {
  std::string found;
  const std::size_t slash = path.rfind('/');
  std::string_view rest = slash == std::string_view::npos ? path : path.substr(slash + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("-. "), rest.size());
    if (looks_like_quant(rest.substr(0, end))) found = upper_text(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

Error explain_refusal(const HttpClient& client, const HttpAnswer& answer, const std::string& what) {
  const std::string code = answer.header("x-error-code");
  const std::string& hub = client.options().hub;
  const bool has_token = !client.options().token.empty();
  if (answer.status == 401 || answer.status == 403) {
    if (code == "RepoNotFound" || (code.empty() && answer.status == 401 && !has_token))
      return {ErrorCode::kNotAuthorized,
              fmt::format(
                  "{} does not exist, or is private; check its name on {}, or set HF_TOKEN to a token that may read it",
                  what, hub)};
    return {
        ErrorCode::kNotAuthorized,
        has_token
            ? fmt::format("{} is gated and your token may not read it; accept the licence on its page on {}", what, hub)
            : fmt::format("{} is gated: accept the licence on its page on {} and set HF_TOKEN to a token of yours",
                          what, hub)};
  }
  if (answer.status == 404 && code == "RevisionNotFound")
    return {ErrorCode::kFileNotFound, fmt::format("{} has no such revision; leave \"@...\" away for the newest", what)};
  if (answer.status == 404 || answer.status == 410)
    return {ErrorCode::kFileNotFound, fmt::format("{} does not exist on {}; check the spelling", what, hub)};
  if (answer.status == 429)
    return {ErrorCode::kNetworkFailed,
            fmt::format("{} asks us to wait before asking for {} again; try later, or set HF_TOKEN", hub, what)};
  return {ErrorCode::kNetworkFailed,
          fmt::format("asking for {}: the server answered {}; try again later", what, answer.status)};
}

Result<HubRepository> parse_repository(std::string_view text, const std::string& name) {
  constexpr int kDeepest = 32;
  bool too_deep = false;
  const Json json = Json::parse(
      text, [&](int depth, Json::parse_event_t, Json&) { return !(too_deep |= depth > kDeepest); },
      /*allow_exceptions=*/false);
  if (!json.is_object() || too_deep) {
    const bool page = text.find("<html") != std::string_view::npos || text.find("<HTML") != std::string_view::npos;
    return fail(ErrorCode::kInvalidResponse,
                fmt::format("the hub's answer about {} is {}", name,
                            page ? "a web page: is there a login page between this machine and the network?"
                                 : "no JSON object"));
  }
  HubRepository repository{.name = name, .commit = text_of(json, "sha")};
  if (!is_hex_of(repository.commit, 40))
    return fail(ErrorCode::kInvalidResponse, fmt::format("the hub's answer about {} names no commit", name));
  if (const auto card = json.find("cardData"); card != json.end() && card->is_object())
    repository.licence = text_of(*card, "license");
  const auto files = json.find("siblings");
  if (files == json.end() || !files->is_array())
    return fail(ErrorCode::kInvalidResponse, fmt::format("the hub's answer about {} lists no files", name));
  for (const Json& entry : *files) {
    HEARTH_TRY(HubFile file, parse_file(entry, name));
    if (check_repository_path(file.path)) repository.files.push_back(std::move(file));  // others are never asked for
  }
  return repository;
}

Result<HubRepository> look_at_repository(const HttpClient& client, const HubName& name, std::stop_token stop) {
  const std::string revision = name.revision.empty() ? "main" : name.revision;
  std::string branch;  // "refs/pr/3" is one word of the address
  for (const char c : revision) branch += c == '/' ? std::string("%2F") : std::string(1, c);
  const HttpRequest request{
      .url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", client.options().hub, name.repository(), branch),
      .headers = {{"Accept", "application/json"}},
      .most_bytes = kMostAnswerBytes};
  for (int attempt = 1;; ++attempt) {
    std::optional<std::chrono::seconds> asked;
    Error error;
    if (auto got = client.get_text(request, stop)) {
      const auto& [answer, body] = *got;
      if (answer.status == 200) return parse_repository(body, name.repository());
      error = explain_refusal(client, answer, name.repository());
      if (answer.status != 429 && answer.status < 500) return std::unexpected(std::move(error));
      asked = parse_retry_after(answer.header("retry-after"));
    } else {
      error = std::move(got.error());
      if (error.code != ErrorCode::kNetworkFailed) return std::unexpected(std::move(error));
    }
    const auto pause = pause_before_retry(attempt, client.options().retry_unit, asked);
    if (!pause || attempt >= client.options().n_attempts) return std::unexpected(std::move(error));
    if (!wait_for(*pause, stop)) return fail(ErrorCode::kCancelled, "cancelled");
  }
}

std::string file_url(const HttpClient& client, const HubRepository& repository, const std::string& path) {
  return fmt::format("{}/{}/resolve/{}/{}", client.options().hub, repository.name, repository.commit, escaped(path));
}

Result<HubChoice> choose_files(const HubRepository& repository, const std::string& file, const std::string& quant) {
  if (!file.empty()) {
    const auto found = std::ranges::find(repository.files, file, &HubFile::path);
    if (found == repository.files.end())
      return fail(ErrorCode::kFileNotFound,
                  fmt::format("{} has no file \"{}\"; name one of its files, or a quantization such as :Q4_K_M",
                              repository.name, file));
    HubChoice choice{.format = file.ends_with(".gguf") ? "gguf" : file.substr(file.rfind('.') + 1),
                     .quant = quant_of_file(file)};
    HEARTH_TRY(choice.files, with_all_parts(repository, *found));
    return choice;
  }
  std::vector<std::pair<std::string, const HubFile*>> found;  // quantization, first part
  for (const HubFile& entry : repository.files) {
    const std::string path = lower_text(entry.path);
    if (!path.ends_with(".gguf") || path.find("mmproj") != std::string::npos ||
        path.find("imatrix") != std::string::npos)
      continue;
    if (split_of(entry.path).part > 1) continue;
    found.emplace_back(quant_of_file(entry.path), &entry);
  }
  if (found.empty()) {
    HubChoice choice{.format = folder_format(repository)};
    if (choice.format.empty())
      return fail(ErrorCode::kUnsupportedFormat,
                  fmt::format("{} holds no model of a format that is known here", repository.name));
    for (const HubFile& entry : repository.files) {
      const std::string path = lower_text(entry.path);
      if (path != "readme.md" && entry.n_bytes > 0) choice.files.push_back(entry);
    }
    return choice;
  }
  std::vector<std::string> wanted = {"Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q8_0", "IQ4_XS", "Q6_K", "F16", "BF16"};
  if (!quant.empty()) wanted = {upper_text(quant)};
  // A whole file before a split one of the same quantization: some repositories hold both.
  std::ranges::stable_sort(found, {}, [](const auto& entry) { return split_of(entry.second->path).count; });
  for (const std::string& want : wanted) {
    for (const auto& [has, entry] : found) {
      if (has != want) continue;
      HubChoice choice{.format = "gguf", .quant = has};
      HEARTH_TRY(choice.files, with_all_parts(repository, *entry));
      return choice;
    }
  }
  if (quant.empty()) {
    HubChoice choice{.format = "gguf", .quant = found.front().first};
    HEARTH_TRY(choice.files, with_all_parts(repository, *found.front().second));
    return choice;
  }
  std::string has;
  for (const auto& [name, entry] : found)
    has += (has.empty() ? "" : ", ") + (name.empty() ? harmless(entry->path) : name);
  return fail(ErrorCode::kFileNotFound,
              fmt::format("{} has no {}; it has {}", repository.name, upper_text(quant), has));
}

}  // namespace hearth::library
