// Token ids as people and programs hand them over: JSON, or numbers between white space.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/vocabulary.h"

namespace hearth::cli {

struct TokenFile {
  std::vector<Token> tokens;
  std::optional<std::size_t> n_ctx;  // an object may name the context its tokens were meant for
};

/// A JSON list of ids, or an object with the list `tokens` and perhaps the number `n_ctx`.
Result<TokenFile> parse_token_json(std::string_view json);
/// The same, or ids between white space or commas.
Result<std::vector<Token>> parse_token_text(std::string_view text);
Result<TokenFile> read_token_file(const std::filesystem::path& path);
/// "[1, 22, 3]" and a line end.
std::string token_json(const std::vector<Token>& tokens);

}  // namespace hearth::cli
