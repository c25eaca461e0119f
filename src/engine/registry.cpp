// The registry of engines: one line per engine, and the choice among them.
#include "engine/registry.h"

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "engine/fake/engine.h"
#include "engine/native/engine.h"
#include "file/recognise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth {

namespace {

constexpr std::size_t kSniffedBytes = 64;

std::string names_of_engines() {
  std::vector<std::string_view> names;
  for (const Engine& engine : all_engines()) names.push_back(engine.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string formats_of_engines() {
  std::vector<std::string> formats;
  for (const Engine& engine : all_engines())
    for (const std::string_view format : engine.formats) formats.push_back(fmt::format("{} ({})", format, engine.name));
  return fmt::format("{}", fmt::join(formats, ", "));
}

std::unexpected<Error> nobody_reads(const std::filesystem::path& path, const Recognised& found) {
  return fail(found.refusal_code(), fmt::format("{} is not a model that an engine here reads: {} (read are: {})",
                                                path.string(), found.sentence(), formats_of_engines()));
}

}  // namespace

std::span<const Engine> all_engines() {
  static const Engine engines[] = {native::engine(), fake::engine()};
  return engines;
}

Result<const Engine*> choose_engine(const std::filesystem::path& path, std::string_view name) {
  const auto engines = all_engines();
  if (!name.empty()) {
    const auto found = std::ranges::find(engines, name, &Engine::name);
    if (found == engines.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("there is no engine \"{}\"; this build has: {}", name, names_of_engines()));
    }
    if (const std::string why = found->not_ready(); !why.empty())
      return fail(ErrorCode::kUnsupportedModel, fmt::format("the engine \"{}\" cannot work here: {}", name, why));
    return &*found;
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    HEARTH_TRY(const Recognised folder, recognise(path));
    return nobody_reads(path, folder);
  }
  HEARTH_TRY(const RandomAccessFile file, RandomAccessFile::open(path));
  std::string bytes(std::min<std::uint64_t>(file.size(), kSniffedBytes), '\0');
  HEARTH_CHECK(file.read_at(0, std::as_writable_bytes(std::span(bytes))));
  std::string obstacle;
  for (const Engine& engine : engines) {
    if (!engine.recognises(bytes)) continue;
    const std::string why = engine.not_ready();
    if (why.empty()) return &engine;
    obstacle = fmt::format("the engine \"{}\" reads {}, but cannot work here: {}", engine.name, path.string(), why);
  }
  if (!obstacle.empty()) return fail(ErrorCode::kUnsupportedModel, std::move(obstacle));
  FileBytes source(file);
  HEARTH_TRY(const Recognised found, recognise(source));
  return nobody_reads(path, found);
}

Result<std::unique_ptr<LanguageModel>> open_model(const std::filesystem::path& path, const OpenOptions& options) {
  HEARTH_TRY(const Engine* engine, choose_engine(path, options.engine));
  options.log.write(LogLevel::kDebug, fmt::format("{}: engine {} {}", path.string(), engine->name, engine->version));
  return engine->open(path, options);
}

Result<std::unique_ptr<Vocabulary>> open_vocabulary(const std::filesystem::path& path, std::string_view engine_name) {
  HEARTH_TRY(const Engine* engine, choose_engine(path, engine_name));
  HEARTH_TRY(auto vocabulary, engine->open_vocabulary(path));
  if (!vocabulary) {
    return fail(ErrorCode::kUnsupportedModel,
                fmt::format("{} carries no tokenizer; use a file that has one", path.string()));
  }
  return vocabulary;
}

}  // namespace hearth
