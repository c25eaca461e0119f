// The engines of this build: which formats each reads, whether it works here, and which one opens a given file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "hearth/language_model.h"
#include "weights/packed_cache.h"

namespace hearth {

struct OpenOptions {
  std::string engine;                // by name; empty: the one that knows the file's format
  std::shared_ptr<ThreadPool> pool;  // shared with other models if given; else the model makes its own of n_threads
  int n_threads = 0;                 // 0: the cores this process may use
  std::string isa;                   // a kernel table by name; empty: the best
  ActivationPrecision activations = ActivationPrecision::kFloat;  // of the native engine
  /// Keep the weights in RAM (mlock).
  enum class Lock : std::uint8_t { kNo, kYes } lock = Lock::kNo;
  /// Where packed weights are kept for the next start; nowhere when absent.
  std::optional<CacheOptions> cache;
  /// Called with bytes loaded so far and in all; false gives the load up (kCancelled).
  std::function<bool(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
  LogSink log;
};

/// One line of the registry.
struct Engine {
  std::string_view name;
  std::string_view version;
  std::string_view summary;  // one line for people
  std::span<const std::string_view> formats;
  /// Why it cannot work here, as one sentence; empty when it is ready.
  std::string (*not_ready)();
  /// Whether a file that starts with these bytes (up to 64) is of its formats.
  bool (*recognises)(std::string_view first_bytes);
  Result<std::unique_ptr<LanguageModel>> (*open)(const std::filesystem::path& path, const OpenOptions& options);
  /// Only the vocabulary: no weights are read. Null for a file that carries none.
  Result<std::unique_ptr<Vocabulary>> (*open_vocabulary)(const std::filesystem::path& path);
};

/// In the order in which a file is offered to them.
std::span<const Engine> all_engines();

/// The engine called `name`, or with an empty name the first that recognises the file and is ready. Errors name the
/// engines there are, or say what the file seems to be.
Result<const Engine*> choose_engine(const std::filesystem::path& path, std::string_view name);

/// Opens a model with the engine that options.engine or the file itself names.
Result<std::unique_ptr<LanguageModel>> open_model(const std::filesystem::path& path, const OpenOptions& options);
/// Its vocabulary alone. A file without one is an error that says so.
Result<std::unique_ptr<Vocabulary>> open_vocabulary(const std::filesystem::path& path, std::string_view engine = {});

}  // namespace hearth
