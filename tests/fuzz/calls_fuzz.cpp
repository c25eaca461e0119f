// Any text as the answer of a model with tools, in every family's format and cut anywhere: however it is cut, the same
// text and calls come out, and nothing is lost.
#include <string>
#include <string_view>

#include "generate/tools/call_parser.h"
#include "generate/tools/tool_set.h"

namespace {

using namespace hearth::generate;

struct Said {
  std::string text, calls;
  void add(const ShownText& shown) {
    text += shown.answer;
    for (const CallPiece& piece : shown.calls) {
      if (!piece.name.empty()) calls += "\n" + piece.name + " ";
      calls += piece.arguments;
    }
  }
  bool operator==(const Said&) const = default;
};

Said read(const CallFamily& family, const std::shared_ptr<const ToolSet>& tools, std::string_view text,
          std::size_t step) {
  CallParserOptions options;
  options.family = &family;
  options.tools = tools;
  const auto parser = make_call_parser(std::move(options));
  Said said;
  for (std::size_t at = 0; at < text.size(); at += step) said.add(parser->feed(text.substr(at, step)));
  said.add(parser->flush());
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  static const std::vector<hearth::Tool> kGiven = {
      {.name = "f", .description = "", .parameters = R"({"type": "object"})"},
      {.name = "get_weather", .description = "", .parameters = R"({"type": "object", "properties":
          {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]})"}};
  static const auto kTools = *ToolSet::make(kGiven);
  if (n_bytes < 2) return 0;
  const auto families = call_families();
  const CallFamily& family = families[bytes[0] % families.size()];
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 2, n_bytes - 2);
  const std::size_t step = 1 + bytes[1] % 16;
  if (read(family, kTools, text, text.size() + 1) != read(family, kTools, text, step)) __builtin_trap();
  return 0;
}
