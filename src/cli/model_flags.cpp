// Opening models for commands.
#include "cli/model_flags.h"

#include <algorithm>
#include <chrono>

#include "base/terminal.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/tuning.h"
#include "engine/registry.h"
#include "kernels/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::cli {

namespace {

/// Shows how far loading is, but only when it takes long enough to be noticed.
class LoadProgress {
 public:
  void operator()(std::uint64_t done, std::uint64_t total) {
    using Clock = std::chrono::steady_clock;
    if (Clock::now() < next_ || total == 0) return;
    next_ = Clock::now() + std::chrono::milliseconds(100);
    note_progress(fmt::format("\rloading {:3} %", 100 * done / total));
    shown_ = true;
  }
  void finish() const {
    if (shown_) note_progress("\r             \r");
  }

 private:
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  bool shown_ = false;
};

std::string kv_storage_name(KvStorage kv) {
  return kv == KvStorage::kF32 ? "f32" : kv == KvStorage::kQ8_0 ? "q8_0" : "f16";
}

}  // namespace

void ModelFlags::declare_model(Flags& flags) {
  flags.model("MODEL", path, "The model: a file, or a name such as llama3.2:3b (see `hearth list`)");
  flags.text("--engine", engine, "NAME",
             "Use this engine instead of the one that fits the file (see `hearth engines`)");
  flags.toggle("--log", log, "Write a debug log with time, file and line to standard error");
}

void ModelFlags::declare_compute(Flags& flags) {
  flags.count("--threads", n_threads, 1, kMaxThreads,
              "Threads to use (default: HEARTH_THREADS, else as measured; see `hearth doctor`)");
  flags.text("--isa", isa, "NAME",
             "Use this kernel table (default: HEARTH_ISA, else as measured; see `hearth doctor`)");
  flags.toggle("--mlock", lock, "Keep the weights in RAM");
  flags.toggle("--force", force, "Load even where memory is short, or where loading it ended badly before");
  flags.text("--cache", cache, "DIR|off",
             "Where packed weights are kept for the next start (default: HEARTH_CACHE, else see `hearth cache`)");
}

void ModelFlags::declare_context(Flags& flags) {
  flags.count("--ctx", n_ctx, 1, 1u << 30, "Positions of the context (default: what the model was trained for)");
  flags.choice("--kv", kv, {"f16", "f32", "q8_0"}, "How keys and values are stored (default: f16)");
  flags.count("--ubatch", ubatch, 1, 1u << 20, "Tokens of one pass through the layers (default: 512)");
}

Checked<std::unique_ptr<LanguageModel>> ModelFlags::open(const Settings& settings) {
  fit::Running now = running();
  HEARTH_CHECK(check_engine_name(engine_name(settings)));
  HEARTH_TRY(CarefulLoad care, CarefulLoad::begin(path, now, with_flags(settings), force ? Force::kYes : Force::kNo));
  n_ctx = now.n_ctx;
  ubatch = now.ubatch;
  kv = kv_storage_name(now.kv);
  foreseen = care.foreseen();
  return load(path, settings, care);
}

Checked<std::unique_ptr<LanguageModel>> ModelFlags::open(const std::string& file, const Settings& settings) const {
  fit::Running now = running();
  HEARTH_TRY(CarefulLoad care, CarefulLoad::begin(file, now, with_flags(settings), force ? Force::kYes : Force::kNo));
  return load(file, settings, care);
}

Checked<void> check_isa_name(const std::string& name) {
  if (name.empty() || kernels::find_table(name)) return {};
  std::vector<std::string_view> names;
  for (const auto* table : kernels::all_tables()) names.push_back(table->name);
  return usage_error(fmt::format("there is no kernel table \"{}\"; this build has {} (see `hearth doctor`)", name,
                                 fmt::join(names, ", ")));
}

Checked<void> check_engine_name(const std::string& name) {
  const auto engines = all_engines();
  if (name.empty() || std::ranges::find(engines, name, &Engine::name) != engines.end()) return {};
  std::vector<std::string_view> names;
  for (const Engine& known : engines) names.push_back(known.name);
  return usage_error(
      fmt::format("there is no engine \"{}\"; this build has {} (see `hearth engines`)", name, fmt::join(names, ", ")));
}

Checked<std::unique_ptr<LanguageModel>> ModelFlags::load(const std::string& file, const Settings& settings,
                                                         CarefulLoad& care) const {
  OpenOptions options;
  options.engine = engine_name(settings);
  options.lock = lock ? OpenOptions::Lock::kYes : OpenOptions::Lock::kNo;
  options.cache = cache_options(cache, settings);
  if (log) options.log = debug_log();
  HEARTH_CHECK(check_engine_name(options.engine));
  HEARTH_CHECK(check_isa_name(isa.empty() ? settings.isa : isa));
  const Settings best = tuned(with_flags(settings));
  options.isa = best.isa;
  options.n_threads = static_cast<int>(best.n_threads);
  LoadProgress progress;
  const bool shown = is_terminal(StandardStream::kError) && !log;
  const InterruptGuard guard;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    if (shown) progress(done, total);
    return !guard.interrupted();
  };
  auto model = open_model(file, options);
  progress.finish();
  if (!model) {
    const int code = model.error().code == ErrorCode::kCancelled ? kInterrupted : kFailed;
    return std::unexpected(Failure(std::move(model.error()), code));
  }
  care.succeeded();
  return std::move(*model);
}

Settings ModelFlags::with_flags(Settings settings) const {
  if (!cache.empty()) settings.cache = cache;
  if (!isa.empty()) settings.isa = isa;
  if (n_threads != 0) settings.n_threads = n_threads;
  return settings;
}

fit::Running ModelFlags::running() const {
  return {.n_ctx = n_ctx, .ubatch = ubatch, .kv = sequence().kv};
}

SequenceOptions ModelFlags::sequence() const {
  SequenceOptions options{.n_ctx = n_ctx, .kv = KvStorage::kF16};
  if (kv == "f32") options.kv = KvStorage::kF32;
  if (kv == "q8_0") options.kv = KvStorage::kQ8_0;
  return options;
}

Result<const Vocabulary*> require_vocabulary(const LanguageModel& model, const std::string& path) {
  if (const Vocabulary* vocabulary = model.vocabulary()) return vocabulary;
  return fail(
      ErrorCode::kUnsupportedModel,
      fmt::format("{} carries no tokenizer, so it cannot read or write text; use `hearth logits` with token ids, "
                  "or a file that has a tokenizer",
                  path));
}

}  // namespace hearth::cli
