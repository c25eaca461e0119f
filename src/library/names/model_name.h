// What a person types to mean a model, taken apart: nothing of it ever becomes part of a path.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace hearth::library {

/// "llama3.2:3b", "qwen2.5-1.5b-instruct:q4_k_m": a name of the catalogue or of this machine's own shelf.
struct CatalogueName {
  std::string name;  // lower case
  std::string tag;   // a size, a quantization or both ("3b-q8_0"), lower case; may be empty
};

/// "hf:owner/repo[:file|:quant][@revision]".
struct HubName {
  std::string owner, repo;
  std::string file;      // a path inside the repository; may be empty
  std::string quant;     // such as "Q4_K_M"; may be empty
  std::string revision;  // a branch, tag or commit; empty: main
  [[nodiscard]] std::string repository() const { return owner + "/" + repo; }
};

/// "https://host/path[#sha256=...]".
struct UrlName {
  std::string url;     // without the fragment
  std::string sha256;  // promised by the fragment; may be empty
};

/// A file or folder of this machine.
struct PathName {
  std::string path;
};

using ModelName = std::variant<CatalogueName, HubName, UrlName, PathName>;

inline constexpr std::size_t kLongestName = 512;

/// Hostile. Names have letters, digits and ". _ -" only; what begins with "/", "./", "../" or "~", and whatever has a
/// "/" or a file ending without "hf:" or "https:" in front, is a path.
Result<ModelName> parse_model_name(std::string_view text);
/// A name that a person gives: letters, digits and ". _ -", with one ":tag" at most.
Result<CatalogueName> parse_own_name(std::string_view text);
/// How it is shown and stored: parse_model_name(canonical_name(x)) is x.
std::string canonical_name(const ModelName& name);

/// A file's path inside a repository: parts of letters, digits, space and "._-+()=,~" separated by "/", none of them
/// "..", hidden or ending in a dot or a space.
Status check_repository_path(std::string_view path);
/// "Q4_K_M", "IQ3_XXS", "F16", "BF16", "MXFP4", "UD-Q4_K_XL" in either case.
bool looks_like_quant(std::string_view text);
/// For messages: what is not printable ASCII is shown as "?", and long texts are cut.
std::string harmless(std::string_view text);

}  // namespace hearth::library
