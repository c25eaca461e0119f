// Any bytes as tokenizer.json: an error or a tokenizer that encodes and decodes without a fault.
#include <string_view>

#include "text/tokenizer.h"
#include "text/vocab_files.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  using namespace hearth::text;
  const std::string_view input(reinterpret_cast<const char*>(bytes), n_bytes);
  auto data = parse_hf_tokenizer(input, R"({"bos_token": "<s>", "add_bos_token": true})");
  if (!data) return 0;
  const auto tokenizer = Tokenizer::make(std::move(*data));
  if (!tokenizer) return 0;
  for (const std::string_view text : {std::string_view("Hello  world, it's 12345!\n\n\xC3\xA9\xE4\xB8\x80 <s>"),
                                      std::string_view("\xFF\xC3 \xE2\x96\x81"), input.substr(0, 200)}) {
    const auto ids = tokenizer->encode(text, {.parse_special = true});
    static_cast<void>(tokenizer->decode(ids));
  }
  return 0;
}
