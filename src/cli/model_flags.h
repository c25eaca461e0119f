// The flags that every command with a model shares, and opening the model they name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/careful_load.h"
#include "cli/flags.h"
#include "cli/outcome.h"
#include "cli/settings.h"
#include "hearth/language_model.h"

namespace hearth::cli {

/// A model in memory, how it is to be run, and what was known of it before.
struct LoadedModel {
  std::unique_ptr<LanguageModel> model;
  fit::Running running;                    // what the flags say, or less when the last load ended the process
  std::optional<care::Foreseen> foreseen;  // nothing of other engines' files
};

/// Who follows a load.
struct LoadWatch {
  std::function<bool(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;  // false gives it up
  std::function<void(const std::string&)> tell;                                       // what a person should know
};

/// When --bf16-activations was given and the model does not follow it.
std::string no_bf16_weights(const std::string& name);

struct ModelFlags {
  std::string path;
  std::string typed;  // what was given in its place: a path or a name
  std::string engine;
  std::string isa;
  std::string kv = "f16";
  std::string cache;
  std::size_t n_threads = 0;
  std::size_t n_ctx = 0;
  std::size_t ubatch = 512;
  bool bf16_activations = false;
  bool lock = false;
  bool log = false;
  bool force = false;
  /// After open(settings): what was known of the model before; nothing of other engines' files.
  std::optional<care::Foreseen> foreseen;

  /// MODEL, --engine and --log.
  void declare_model(Flags& flags);
  /// --threads, --isa, --bf16-activations, --mlock, --force and --cache.
  void declare_compute(Flags& flags);
  void declare_bf16_activations(Flags& flags);
  /// --ctx, --kv and --ubatch.
  void declare_context(Flags& flags);

  /// The settings, overruled by these flags.
  [[nodiscard]] Settings with_flags(Settings settings) const;
  /// The threads to use: flag, setting, or 0 for all cores.
  [[nodiscard]] std::size_t threads(const Settings& settings) const {
    return n_threads ? n_threads : settings.n_threads;
  }
  [[nodiscard]] const std::string& engine_name(const Settings& settings) const {
    return engine.empty() ? settings.engine : engine;
  }
  /// Loads the model with care (see careful_load.h), showing progress on a terminal. Context, storage and batch become
  /// smaller when the last load of this model ended the process.
  [[nodiscard]] Checked<std::unique_ptr<LanguageModel>> open(const Settings& settings);
  /// The same with another file.
  [[nodiscard]] Checked<std::unique_ptr<LanguageModel>> open(const std::string& file, const Settings& settings) const;
  /// The same, silently and without a thought of Ctrl-C: for loads in the background.
  [[nodiscard]] Checked<LoadedModel> load(const std::string& file, const Settings& settings,
                                          const LoadWatch& watch) const;
  /// Whether load() would begin: engine, flags, memory, earlier deaths. Nothing is loaded.
  [[nodiscard]] Checked<void> check(const std::string& file, const Settings& settings) const;
  [[nodiscard]] ActivationPrecision activations() const {
    return bf16_activations ? ActivationPrecision::kBf16 : ActivationPrecision::kFloat;
  }
  [[nodiscard]] SequenceOptions sequence() const;
  [[nodiscard]] fit::Running running() const;

 private:
  [[nodiscard]] Checked<LoadedModel> load_watched(const std::string& file, const Settings& settings) const;
};

/// The model's vocabulary, or an error that names the cure.
Result<const Vocabulary*> require_vocabulary(const LanguageModel& model, const std::string& path);
/// An unknown engine is a mistake in usage, named before any file is opened.
Checked<void> check_engine_name(const std::string& name);
/// The same for a kernel table; empty is the best one.
Checked<void> check_isa_name(const std::string& name);

}  // namespace hearth::cli
