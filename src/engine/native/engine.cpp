// How the registry reaches the native engine.
#include "engine/native/engine.h"

#include "engine/native/native_model.h"
#include "engine/native/vocabulary.h"
#include "hearth/version.h"

#include <fmt/format.h>

namespace hearth::native {

namespace {

constexpr std::string_view kFormats[] = {"GGUF"};

Result<std::unique_ptr<LanguageModel>> open_native(const std::filesystem::path& path, const OpenOptions& options) {
  Options native{.pool = options.pool,
                 .n_threads = options.n_threads,
                 .isa = options.isa,
                 .activations = options.activations,
                 .load = {},
                 .log = options.log};
  if (options.lock == OpenOptions::Lock::kYes) native.load.lock = LoadOptions::Lock::kYes;
  native.load.progress = options.progress;
  native.load.cache = options.cache;
  return NativeModel::open(path, native);
}

Result<std::unique_ptr<Vocabulary>> open_native_vocabulary(const std::filesystem::path& path) {
  HEARTH_TRY(const auto file, open_model_file(path));
  auto vocabulary = read_vocabulary(*file);
  if (!vocabulary) {
    return std::unexpected(
        std::move(vocabulary.error()).within(fmt::format("reading the tokenizer of {}", path.string())));
  }
  return vocabulary;
}

}  // namespace

Engine engine() {
  return {.name = "native",
          .version = kVersion,
          .summary = "our own forward passes and kernels, on the CPU",
          .formats = kFormats,
          .not_ready = [] { return std::string(); },
          .recognises = [](std::string_view first_bytes) { return first_bytes.starts_with("GGUF"); },
          .open = open_native,
          .open_vocabulary = open_native_vocabulary};
}

}  // namespace hearth::native
