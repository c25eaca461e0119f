// A pipe for tokenizer_fuzz.py: opens one tokenizer file, then answers each line (a JSON string) with its ids.
//   tokenizer_oracle hf TOKENIZER.json | spm FILE.model | tiktoken FILE PRE | gpt2 VOCAB.json MERGES.txt PRE | gguf
//   FILE
// With "decode" as last argument each answer is a JSON object of the ids and of the text that they show.
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "file/model_file.h"
#include "models/vocab_from_metadata.h"
#include "text/tokenizer.h"
#include "text/vocab_files.h"

namespace {

using hearth::Result;
using hearth::text::VocabData;

constexpr std::uint64_t kFileLimit = 1ULL << 30;

Result<VocabData> open_vocabulary(const std::vector<std::string>& arguments) {
  const std::string& kind = arguments[0];
  const std::string& path = arguments[1];
  if (kind == "gguf") {
    HEARTH_TRY(const auto file, hearth::open_model_file(path));
    return hearth::vocab_from_metadata(*file);
  }
  HEARTH_TRY(const std::string bytes, hearth::read_file(path, kFileLimit));
  if (kind == "hf") return hearth::text::parse_hf_tokenizer(bytes);
  if (kind == "spm") return hearth::text::parse_sentencepiece_model(bytes);
  if (kind == "tiktoken" && arguments.size() > 2) return hearth::text::parse_tiktoken(bytes, {.pre = arguments[2]});
  if (kind == "gpt2" && arguments.size() > 3) {
    HEARTH_TRY(const std::string merges, hearth::read_file(arguments[2], kFileLimit));
    return hearth::text::parse_vocab_and_merges(bytes, merges, {.pre = arguments[3]});
  }
  return hearth::fail(hearth::ErrorCode::kInvalidArgument, "unknown kind or too few arguments: " + kind);
}

}  // namespace

int main(int n_arguments, char** argument_list) {
  const std::vector<std::string> arguments(argument_list + 1, argument_list + n_arguments);
  if (arguments.size() < 2) {
    std::cerr << "usage: tokenizer_oracle KIND FILE...\n";
    return 2;
  }
  auto data = open_vocabulary(arguments);
  if (!data) {
    std::cerr << data.error().message << "\n";
    return 1;
  }
  const auto tokenizer = hearth::text::Tokenizer::make(std::move(*data));
  if (!tokenizer) {
    std::cerr << tokenizer.error().message << "\n";
    return 1;
  }
  const bool decode = arguments.back() == "decode";
  const bool parse_special = arguments[0] == "hf";
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const auto text = nlohmann::json::parse(line, nullptr, false);
    if (!text.is_string()) {
      std::cerr << "not a JSON string: " << line << "\n";
      return 1;
    }
    const auto ids =
        tokenizer->encode(text.get_ref<const std::string&>(), {.add_special = true, .parse_special = parse_special});
    nlohmann::json answer = ids;
    if (decode) answer = {{"ids", ids}, {"text", tokenizer->decode(ids)}};
    std::cout << answer.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) << "\n";
  }
  return 0;
}
