// The pieces of C++ in the docs stand here word for word, so that they compile; a test compares.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "file/temporary_folder.h"
#include "generate/local_generator.h"
#include "hearth/tools.h"
#include "hearth/typed.h"

extern "C" int docs_c_chat(void);

namespace docs {

using namespace hearth;  // NOLINT: as a reader of the docs has it

std::string shown;
bool show(std::string_view text) {
  shown += text;
  return true;
}
bool show(std::string_view field, std::string_view json) {
  return show(field) && show(json);
}
std::string forecast(const std::string& city) {
  return "mild in " + city;
}

struct Place {
  std::string city;
  std::optional<int> days;
};

}  // namespace docs

HEARTH_DESCRIBE(docs::Place, city, days)

namespace docs {

struct Forecast {
  std::vector<Place> places;
};

}  // namespace docs

HEARTH_DESCRIBE(docs::Forecast, places)

namespace docs {

void use(const std::string& city) {
  show(city);
}

Status generation(std::shared_ptr<LanguageModel> model) {
  HEARTH_TRY(auto generator, generate::LocalGenerator::make(model, {}));
  Request request;
  request.messages = {Message::instruction("Be brief."), Message::user("Why is the sky blue?")};
  HEARTH_TRY(Reply reply, generator->generate(request, [](const Event& event) {
    if (const auto* text = std::get_if<TextDelta>(&event.what)) show(text->text);
    return true;  // false stops the answer and keeps what was said
  }));
  EXPECT_EQ(shown, reply.text());
  return {};
}

void sessions() {
  generate::LocalGeneratorOptions options;
  options.scheduler.cache.sessions = {.folder = "/home/me/.local/state/hearth/sessions", .max_bytes = 4ull << 30};
}

Status saved(generate::LocalGenerator* generator, const Request& request, const std::string& principal) {
  HEARTH_TRY(const std::size_t n_saved, generator->save_session(request, "talk.session"));
  HEARTH_TRY(const std::size_t n_restored, generator->restore_session("talk.session", principal));
  EXPECT_EQ(n_saved, n_restored);
  return {};
}

void speculation(const std::shared_ptr<LanguageModel>& small_model) {
  generate::LocalGeneratorOptions options;
  options.scheduler.speculation = {.mode = generate::SpeculationOptions::Mode::kOn};
  options.scheduler.speculation.draft_model = small_model;  // optional: a LanguageModel with the same vocabulary
}

Status tools(Generator& generator, const Request& request) {
  Toolbox box;
  box.add("get_weather", "The weather at a place", [](const Place& place) { return forecast(place.city); });
  HEARTH_TRY(ToolRun run, run_tools(generator, request, box));
  show(run.text());
  return {};
}

Status typed(Generator& generator, const Request& request) {
  HEARTH_TRY(auto typed, generate_as<Forecast>(generator, request, [](std::string_view field, std::string_view json) {
               return show(field, json);  // each member as it is complete
             }));
  use(typed.value.places[0].city);
  return {};
}

}  // namespace docs

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;

/// Without white space, and without what a name of this file's namespace needs.
std::string squeezed(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  for (std::size_t at; (at = text.find("docs::")) != std::string::npos;) text.erase(at, 6);
  return text;
}

/// The blocks of the page that are marked as C or C++, cut where an empty line is.
std::vector<std::string> snippets(const fs::path& page) {
  std::vector<std::string> all;
  std::ifstream text(page);
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) {
      inside = line == "```cpp" || line == "```c";
      if (inside) all.emplace_back();
    } else if (inside) {
      if (line.empty()) all.emplace_back();
      all.back() += line + "\n";
    }
  }
  return all;
}

TEST(Snippets, StandInThisFile) {
  const fs::path root = HEARTH_SOURCE_DIR;
  std::string here =
      squeezed(read_text(root / "tests/docs/snippets_test.cpp") + read_text(root / "tests/docs/snippets.c"));
  std::size_t n_snippets = 0;
  std::vector<fs::path> pages = {root / "README.md"};
  for (const auto& entry : fs::directory_iterator(root / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  for (const fs::path& page : pages) {
    for (const std::string& snippet : snippets(page)) {
      // A block may define a type and describe it: these stand apart here.
      std::string rest = snippet;
      const std::size_t describe = rest.find("HEARTH_DESCRIBE");
      for (const std::string& part :
           {rest.substr(0, describe), describe == std::string::npos ? "" : rest.substr(describe)})
        EXPECT_NE(here.find(squeezed(part)), std::string::npos) << page << " has code that tests/docs does not:\n"
                                                                << part;
      ++n_snippets;
    }
  }
  EXPECT_GE(n_snippets, 9u);
}

TEST(Snippets, TheOneInCSaysWhatTheModelSays) {
  const TemporaryFolder folder;
  std::ignore = folder.write("model.gguf", R"({"hearth_fake": 1, "replies": [{"after": "", "say": "Scattering."}]})");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_EQ(docs_c_chat(), 1);
  fs::current_path(before);
  EXPECT_EQ(docs_c_chat(), 0) << "no such model here";
}

TEST(Snippets, DoWhatTheySay) {
  const auto model = std::make_shared<fake::FakeModel>(fake::demo_script());
  ASSERT_TRUE(docs::generation(model));
  docs::sessions();
  docs::speculation(model);
  auto generator = generate::LocalGenerator::make(model, {});
  ASSERT_TRUE(generator);
  Request request;
  request.messages = {Message::user("Hi")};
  EXPECT_TRUE(docs::tools(**generator, request));
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_TRUE(docs::saved(generator->get(), request, ""));
  fs::current_path(before);
}

}  // namespace
}  // namespace hearth::testing
