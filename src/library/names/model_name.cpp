// Reading names: an allow-list of characters per part, and a sentence for everything else.
#include "library/names/model_name.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

namespace hearth::library {

namespace {

constexpr std::size_t kLongestPart = 128;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_character(char c) {
  return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::unexpected<Error> refuse(std::string_view what, std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} \"{}\": {}; names look like llama3.2:3b, hf:owner/repo:Q4_K_M@revision, https://..., or "
                          "the path of a file",
                          what, harmless(text), why));
}

/// One part of a name: no separator, nothing hidden, nothing that climbs.
Status check_part(std::string_view what, std::string_view part, std::string_view whole) {
  const auto complain = [&](std::string_view why) { return refuse(what, whole, why); };
  if (part.empty()) return complain("a part of it is empty");
  if (part.size() > kLongestPart) return complain(fmt::format("a part of it is longer than {} bytes", kLongestPart));
  if (!std::ranges::all_of(part, is_name_character))
    return complain("names have letters, digits, \".\", \"_\" and \"-\" only");
  if (!is_alnum(part.front())) return complain("a part of a name begins with a letter or a digit");
  if (part.back() == '.' || part.find("..") != std::string_view::npos)
    return complain("a part of a name neither ends with a dot nor holds two in a row");
  return {};
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

/// Branches may have slashes: "refs/pr/3".
Status check_revision(std::string_view revision, std::string_view whole) {
  if (revision.size() > kLongestPart) return refuse("the revision in", whole, "it is too long");
  std::size_t at = 0;
  while (at <= revision.size()) {
    const std::size_t end = std::min(revision.find('/', at), revision.size());
    HEARTH_CHECK(check_part("the revision in", revision.substr(at, end - at), whole));
    at = end + 1;
  }
  return {};
}

Result<ModelName> parse_hub_name(std::string_view rest, std::string_view whole) {
  HubName name;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    name.revision = rest.substr(at + 1);
    HEARTH_CHECK(check_revision(name.revision, whole));
    rest = rest.substr(0, at);
  }
  std::optional<std::string_view> choice;
  if (const std::size_t at = rest.find(':'); at != std::string_view::npos) {
    choice = rest.substr(at + 1);
    rest = rest.substr(0, at);
  }
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos)
    return refuse("the name", whole, "after hf: come an owner, \"/\" and a repository");
  name.owner = rest.substr(0, slash);
  name.repo = rest.substr(slash + 1);
  HEARTH_CHECK(check_part("the owner in", name.owner, whole));
  HEARTH_CHECK(check_part("the repository in", name.repo, whole));
  if (choice) {
    if (looks_like_quant(*choice)) {
      name.quant = *choice;
    } else {
      if (Status fine = check_repository_path(*choice); !fine) return refuse("the name", whole, fine.error().message);
      name.file = *choice;
    }
  }
  return ModelName(std::move(name));
}

Result<ModelName> parse_url_name(std::string_view text) {
  UrlName name;
  constexpr std::string_view kDigest = "#sha256=";
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<'; }))
    return refuse("the address", text, "it holds characters that addresses do not have");
  const std::size_t hash = text.find('#');
  name.url = text.substr(0, hash);
  if (hash != std::string_view::npos) {
    const std::string_view fragment = text.substr(hash);
    if (!fragment.starts_with(kDigest) || fragment.size() != kDigest.size() + 64 || !is_hex(fragment.substr(8)))
      return refuse("the address", text, "after # only sha256= and 64 hexadecimal digits are understood");
    name.sha256 = lower(fragment.substr(kDigest.size()));
  }
  const std::size_t host = name.url.find("://") + 3;
  const std::size_t path = name.url.find('/', host);
  if (host >= name.url.size() || path == host) return refuse("the address", text, "it names no host");
  if (name.url.substr(host, path - host).find('@') != std::string::npos)
    return refuse("the address", text, "it holds a user name; use a token instead");
  return ModelName(std::move(name));
}

constexpr std::string_view kEndings[] = {".gguf", ".json", ".safetensors", ".onnx",      ".tflite", ".litertlm",
                                         ".task", ".pte",  ".mlmodel",     ".mlpackage", ".bin",    ".hearth"};

bool looks_like_path(std::string_view text) {
  if (text.starts_with("/") || text.starts_with("./") || text.starts_with("../") || text.starts_with("~")) return true;
  if (text == "." || text == ".." || text.find_first_of("/\\") != std::string_view::npos) return true;
  const std::string small = lower(text);
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return small.ends_with(ending); });
}

}  // namespace

std::string harmless(std::string_view text) {
  constexpr std::size_t kMost = 120;
  std::string out(text.substr(0, kMost));
  for (char& c : out) c = c >= ' ' && c < 0x7f ? c : '?';
  return text.size() > kMost ? out + "..." : out;
}

bool looks_like_quant(std::string_view text) {
  std::string small = lower(text);
  std::string_view rest = small;
  if (rest.starts_with("ud-")) rest.remove_prefix(3);
  if (rest == "f16" || rest == "f32" || rest == "bf16" || rest == "fp16" || rest == "mxfp4" || rest == "mxfp4_moe" ||
      rest == "nvfp4")
    return true;
  if (rest.starts_with("i") || rest.starts_with("t")) rest.remove_prefix(1);
  if (rest.size() < 4 || rest[0] != 'q' || rest[1] < '1' || rest[1] > '8' || rest[2] != '_') return false;
  return rest.size() <= 12 && std::ranges::all_of(rest, [](char c) { return is_alnum(c) || c == '_'; });
}

Status check_repository_path(std::string_view path) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("the file \"{}\" {}", harmless(path), why));
  };
  if (path.empty() || path.size() > kLongestName) return bad("has no name, or one that is too long");
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part.find("..") != std::string_view::npos || part.front() == '.' || part.back() == '.' ||
        part.back() == ' ' || part.front() == ' ')
      return bad("has a part that is empty, hidden, holds \"..\", or ends with a dot or a space");
    for (const char c : part) {
      if (!is_name_character(c) && std::string_view(" +()=,~").find(c) == std::string_view::npos)
        return bad("holds characters that names of model files do not have");
    }
    at = end + 1;
  }
  return {};
}

Result<CatalogueName> parse_own_name(std::string_view text) {
  if (text.size() > kLongestName)
    return refuse("the name", text, fmt::format("it has more than {} bytes", kLongestName));
  const std::size_t colon = text.find(':');
  CatalogueName name{.name = lower(text.substr(0, colon))};
  HEARTH_CHECK(check_part("the name", name.name, text));
  if (colon != std::string_view::npos) {
    name.tag = lower(text.substr(colon + 1));
    HEARTH_CHECK(check_part("the part after \":\" in", name.tag, text));
  }
  return name;
}

Result<ModelName> parse_model_name(std::string_view text) {
  if (text.empty()) return refuse("the name", text, "it is empty");
  if (text.find('\0') != std::string_view::npos) return refuse("the name", text, "it holds a zero byte");
  const std::string start = lower(text.substr(0, 8));
  if (start.starts_with("hf:")) {
    if (text.size() > kLongestName)
      return refuse("the name", text, fmt::format("it has more than {} bytes", kLongestName));
    return parse_hub_name(text.substr(3), text);
  }
  if (start.starts_with("https://")) {
    if (text.size() > 4 * kLongestName) return refuse("the address", text, "it is too long");
    return parse_url_name(text);
  }
  if (start.starts_with("http://")) {
    if (text.size() > 4 * kLongestName) return refuse("the address", text, "it is too long");
    return parse_url_name(text);  // only a hub that the owner configured is asked without encryption: net/address.h
  }
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos && scheme < 16)
    return refuse("the address", text, "only https:// is downloaded from");
  if (looks_like_path(text)) return ModelName(PathName{std::string(text)});
  HEARTH_TRY(CatalogueName name, parse_own_name(text));
  return ModelName(std::move(name));
}

std::string canonical_name(const ModelName& name) {
  struct Text {
    std::string operator()(const CatalogueName& own) const {
      return own.tag.empty() ? own.name : own.name + ":" + own.tag;
    }
    std::string operator()(const HubName& hub) const {
      std::string text = "hf:" + hub.repository();
      if (!hub.file.empty() || !hub.quant.empty()) text += ":" + (hub.file.empty() ? hub.quant : hub.file);
      if (!hub.revision.empty()) text += "@" + hub.revision;
      return text;
    }
    std::string operator()(const UrlName& url) const {
      return url.sha256.empty() ? url.url : url.url + "#sha256=" + url.sha256;
    }
    std::string operator()(const PathName& path) const { return path.path; }
  };
  return std::visit(Text{}, name);
}

}  // namespace hearth::library
