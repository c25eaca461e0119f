// Parsing lists of token ids.
#include "cli/token_file.h"

#include <charconv>
#include <limits>

#include "base/file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr std::uint64_t kLargestFile = 1ull << 30;

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

/// Collects without building a tree: lists may have millions of ids.
class TokenReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TokenFile file;
  std::string problem;
  bool found = false;

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a boolean"); }
  bool number_float(double, const std::string& text) override { return other(text); }
  bool string(std::string& text) override { return other('"' + text.substr(0, 40) + '"'); }
  bool binary(binary_t&) override { return other("binary data"); }
  bool number_integer(std::int64_t value) override { return in_list() ? id_refused(fmt::format("{}", value)) : true; }
  bool number_unsigned(std::uint64_t value) override {
    if (in_list()) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<Token>::max()))
        return id_refused(fmt::format("{}", value));
      file.tokens.push_back(static_cast<Token>(value));
    } else if (depth_ == 1 && key_ == "n_ctx") {
      file.n_ctx = value;
    } else if (depth_ == 0) {
      return stop("expected a list of token ids or an object with \"tokens\", found a number");
    }
    return true;
  }
  bool start_object(std::size_t) override {
    if (in_list()) return id_refused("an object");
    ++depth_;
    return true;
  }
  bool key(std::string& name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    if (in_list()) return id_refused("a list");
    ++depth_;
    if (depth_ == 1 || (depth_ == 2 && key_ == "tokens")) {
      list_depth_ = depth_;
      found = true;
      file.tokens.clear();
    }
    return true;
  }
  bool end_array() override {
    if (in_list()) list_depth_ = 0;
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return stop(fmt::format("it is not valid JSON (byte {})", position));
  }

 private:
  [[nodiscard]] bool in_list() const { return list_depth_ != 0 && depth_ == list_depth_; }
  bool stop(std::string why) {
    problem = std::move(why);
    return false;
  }
  bool id_refused(const std::string& what) {
    return stop(fmt::format("entry {} of the list is {}, expected a token id from 0 on", file.tokens.size(), what));
  }
  bool other(const std::string& what) {
    if (in_list()) return id_refused(what);
    return depth_ == 0 ? stop("expected a list of token ids or an object with \"tokens\", found " + what) : true;
  }

  int depth_ = 0, list_depth_ = 0;
  std::string key_;
};

}  // namespace

Result<TokenFile> parse_token_json(std::string_view json) {
  TokenReader reader;
  const bool parsed = nlohmann::json::sax_parse(json, &reader);
  if (!parsed) return refuse(reader.problem);
  if (!reader.found) return refuse("it has no list \"tokens\"; expected a list of ids or an object with \"tokens\"");
  return std::move(reader.file);
}

Result<std::vector<Token>> parse_token_text(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,";
  const std::size_t start = text.find_first_not_of(kBetween);
  if (start == std::string_view::npos) return std::vector<Token>();
  if (text[start] == '[' || text[start] == '{') {
    HEARTH_TRY(TokenFile file, parse_token_json(text));
    return std::move(file.tokens);
  }
  std::vector<Token> tokens;
  for (std::size_t at = start; at < text.size(); at = std::min(text.size(), text.find_first_not_of(kBetween, at))) {
    const std::string_view word = text.substr(at, text.find_first_of(kBetween, at) - at);
    Token token = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), token);
    if (code != std::errc() || end != word.data() + word.size() || token < 0) {
      return refuse(
          fmt::format("entry {} is \"{}\", expected a token id from 0 on", tokens.size(), word.substr(0, 40)));
    }
    tokens.push_back(token);
    at += word.size();
  }
  return tokens;
}

Result<TokenFile> read_token_file(const std::filesystem::path& path) {
  HEARTH_TRY(const std::string json, read_file(path, kLargestFile));
  auto file = parse_token_json(json);
  if (!file) return std::unexpected(std::move(file.error()).within("reading token ids from " + path.string()));
  return file;
}

std::string token_json(const std::vector<Token>& tokens) {
  return fmt::format("[{}]\n", fmt::join(tokens, ", "));
}

}  // namespace hearth::cli
