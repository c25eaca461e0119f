// The interpreter as a program for jinja_compare.py: a JSON list of cases in, a JSON list of outcomes out.
#include <iostream>
#include <iterator>
#include <string>

#include <nlohmann/json.hpp>

#include "text/chat_template.h"

int main() {
  using Json = nlohmann::ordered_json;
  using namespace hearth::text;
  const std::string input((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  Json answers = Json::array();
  for (const Json& entry : Json::parse(input)) {
    const auto parsed = ChatTemplate::parse(entry["template"].get<std::string>());
    if (!parsed) {
      answers.push_back({{"error", parsed.error().message}});
      continue;
    }
    RenderOptions options;
    options.now = LocalTime{2024, 7, 26, 12, 0, 0};
    const auto rendered = parsed->render(entry.value("vars", Json::object()), options);
    answers.push_back(rendered ? Json{{"output", join_segments(*rendered)}}
                               : Json{{"error", rendered.error().message}});
  }
  std::cout << answers.dump() << "\n";
  return 0;
}
