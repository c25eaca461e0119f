// How the registry reaches the fake engine: "demo", or the path of a script.
#include "engine/fake/engine.h"

#include "base/file.h"
#include "engine/fake/fake_model.h"
#include "hearth/version.h"

#include <fmt/format.h>

namespace hearth::fake {

namespace {

constexpr std::string_view kFormats[] = {"script"};
constexpr std::uint64_t kLargestScript = 16u << 20;

Result<Script> read_script(const std::filesystem::path& path) {
  if (path == "demo") return demo_script();
  auto text = read_file(path, kLargestScript);
  if (!text) {
    return std::unexpected(
        std::move(text.error()).within("the fake engine takes the path of a script, or the word demo"));
  }
  auto script = parse_script(*text);
  if (!script) return std::unexpected(std::move(script.error()).within(path.string()));
  return script;
}

Result<std::unique_ptr<LanguageModel>> open_fake(const std::filesystem::path& path, const OpenOptions&) {
  HEARTH_TRY(Script script, read_script(path));
  return std::make_unique<FakeModel>(std::move(script));
}

Result<std::unique_ptr<Vocabulary>> open_fake_vocabulary(const std::filesystem::path& path) {
  HEARTH_CHECK(read_script(path));
  return std::make_unique<ByteVocabulary>();
}

}  // namespace

Engine engine() {
  return {.name = "fake",
          .version = kVersion,
          .summary = "scripted answers without weights, for trying and testing what stands above an engine",
          .formats = kFormats,
          .not_ready = [] { return std::string(); },
          .recognises = looks_like_script,
          .open = open_fake,
          .open_vocabulary = open_fake_vocabulary};
}

}  // namespace hearth::fake
