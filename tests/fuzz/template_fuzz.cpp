// Any bytes as a chat template: an error or a prompt within the limits, without a fault.
#include <string_view>

#include <nlohmann/json.hpp>

#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  using namespace hearth::text;
  static const auto kValues = nlohmann::ordered_json::parse(
      R"({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi <|end|> \u00e9"},
          {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5]}}}]}],
          "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "array"}}}}}],
          "add_generation_prompt": true, "n": 18446744073709551615})");
  const auto parsed = ChatTemplate::parse({reinterpret_cast<const char*>(bytes), n_bytes});
  if (!parsed) return 0;
  RenderOptions options;
  options.tokens = {{"bos_token", "<s>"}};
  options.now = LocalTime{2024, 2, 29, 13, 5, 9};
  options.limits.n_steps = 200'000;
  options.limits.output_bytes = std::size_t{1} << 20;
  options.limits.memory_bytes = std::size_t{16} << 20;
  static_cast<void>(parsed->render(kValues, options));
  return 0;
}
