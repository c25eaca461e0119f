// A pipe for tokenizer_fuzz.py: opens one tokenizer file, then answers each line (a JSON string) with its ids.
//   tokenizer_oracle hf TOKENIZER.json | spm FILE.model | tiktoken FILE PRE | gpt2 VOCAB.json MERGES.txt PRE | gguf
//   FILE
// With "decode" as last argument each answer is a JSON object of the ids and of the text that they show.
// A line {"hex": "c3ff"} is bytes: no token is added or recognised, and what is shown comes back as "hex" with names of
// all.
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

std::string from_hex(std::string_view digits) {
  const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(16 * value(digits[i]) + value(digits[i + 1])));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string digits;
  for (const char byte : bytes) {
    digits.push_back("0123456789abcdef"[static_cast<unsigned char>(byte) >> 4]);
    digits.push_back("0123456789abcdef"[static_cast<unsigned char>(byte) & 15]);
  }
  return digits;
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
    const auto question = nlohmann::json::parse(line, nullptr, false);
    const bool is_bytes = question.is_object() && question.contains("hex") && question["hex"].is_string();
    if (!question.is_string() && !is_bytes) {
      std::cerr << "neither a JSON string nor {\"hex\": ...}: " << line << "\n";
      return 1;
    }
    const std::string text = is_bytes ? from_hex(question["hex"].get<std::string>()) : question.get<std::string>();
    const auto ids = tokenizer->encode(text, {.add_special = !is_bytes, .parse_special = parse_special && !is_bytes});
    nlohmann::json answer = ids;
    if (decode && is_bytes) {
      answer = {{"ids", ids}, {"hex", to_hex(tokenizer->decode(ids, {.show_special = true}))}};
    } else if (decode) {
      answer = {{"ids", ids}, {"text", tokenizer->decode(ids)}};
    }
    std::cout << answer.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) << "\n";
  }
  return 0;
}
