// Opening models for commands.
#include "cli/model_flags.h"

#include <algorithm>

#include "base/terminal.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/load_progress.h"
#include "cli/tuning.h"
#include "engine/registry.h"
#include "kernels/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::cli {

namespace {

std::string kv_storage_name(KvStorage kv) {
  return kv == KvStorage::kF32 ? "f32" : kv == KvStorage::kQ8_0 ? "q8_0" : "f16";
}

}  // namespace

std::string no_bf16_weights(const std::string& name) {
  return fmt::format("--bf16-activations changes nothing for {}: the native engine multiplies no BF16 weights of it",
                     name);
}

void ModelFlags::declare_model(Flags& flags) {
  flags.model("MODEL", path, typed, "The model: a file, or a name such as llama3.2:3b (see `hearth list`)");
  flags.text("--engine", engine, "NAME",
             "Use this engine instead of the one that fits the file (see `hearth engines`)");
  flags.toggle("--log", log, "Write a debug log with time, file and line to standard error");
}

void ModelFlags::declare_compute(Flags& flags) {
  flags.count("--threads", n_threads, 1, kMaxThreads,
              "Threads to use (default: HEARTH_THREADS, else as measured; see `hearth doctor`)");
  flags.text("--isa", isa, "NAME",
             "Use this kernel table (default: HEARTH_ISA, else as measured; see `hearth doctor`)");
  declare_bf16_activations(flags);
  flags.toggle("--mlock", lock, "Keep the weights in RAM");
  flags.toggle("--force", force, "Load even where memory is short, or where loading it ended badly before");
  flags.text("--cache", cache, "DIR|off",
             "Where packed weights are kept for the next start (default: HEARTH_CACHE, else see `hearth cache`)");
}

void ModelFlags::declare_bf16_activations(Flags& flags) {
  flags.toggle("--bf16-activations", bf16_activations,
               "Round activations to BF16 before they meet BF16 weights (numeric recipe 2): faster where the processor "
               "multiplies BF16");
}

void ModelFlags::declare_context(Flags& flags) {
  flags.count("--ctx", n_ctx, 1, 1u << 30, "Positions of the context (default: what the model was trained for)");
  flags.choice("--kv", kv, {"f16", "f32", "q8_0"}, "How keys and values are stored (default: f16)");
  flags.count("--ubatch", ubatch, 1, 1u << 20, "Tokens of one pass through the layers (default: 512)");
}

Checked<std::unique_ptr<LanguageModel>> ModelFlags::open(const Settings& settings) {
  HEARTH_TRY(LoadedModel loaded, load_watched(path, settings));
  n_ctx = loaded.running.n_ctx;
  ubatch = loaded.running.ubatch;
  kv = kv_storage_name(loaded.running.kv);
  foreseen = std::move(loaded.foreseen);
  return std::move(loaded.model);
}

Checked<std::unique_ptr<LanguageModel>> ModelFlags::open(const std::string& file, const Settings& settings) const {
  HEARTH_TRY(LoadedModel loaded, load_watched(file, settings));
  return std::move(loaded.model);
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

Checked<void> ModelFlags::check(const std::string& file, const Settings& settings) const {
  HEARTH_CHECK(check_engine_name(engine_name(settings)));
  HEARTH_CHECK(check_isa_name(isa.empty() ? settings.isa : isa));
  HEARTH_CHECK(choose_engine(file, engine_name(settings)));
  HEARTH_CHECK(begin_careful_load(file, running(), with_flags(settings), force ? Force::kYes : Force::kNo));
  return {};
}

Checked<LoadedModel> ModelFlags::load(const std::string& file, const Settings& settings, const LoadWatch& watch) const {
  OpenOptions options;
  options.engine = engine_name(settings);
  options.lock = lock ? OpenOptions::Lock::kYes : OpenOptions::Lock::kNo;
  options.cache = cache_options(cache, settings);
  options.activations = activations();
  if (log) options.log = debug_log();
  HEARTH_CHECK(check_engine_name(options.engine));
  HEARTH_TRY(care::CarefulLoad care,
             begin_careful_load(file, running(), with_flags(settings), force ? Force::kYes : Force::kNo));
  if (!care.notice().empty()) watch.tell(care.notice());
  HEARTH_CHECK(check_isa_name(isa.empty() ? settings.isa : isa));
  const Settings best = tuned(with_flags(settings));
  options.isa = best.isa;
  options.n_threads = static_cast<int>(best.n_threads);
  options.progress = watch.progress;
  const auto interrupted = [&] {
    return std::unexpected(Failure({ErrorCode::kCancelled, "loading was interrupted"}, kInterrupted));
  };
  if (!watch.progress(0, 0)) return interrupted();
  auto model = open_model(file, options);
  if (!watch.progress(0, 0)) return interrupted();
  if (!model) return std::unexpected(Failure(std::move(model.error())));
  if (bf16_activations && (*model)->info().recipe_id != kernels::kBf16RecipeId) watch.tell(no_bf16_weights(file));
  care.succeeded();
  return LoadedModel{.model = std::move(*model), .running = care.running(), .foreseen = care.foreseen()};
}

Checked<LoadedModel> ModelFlags::load_watched(const std::string& file, const Settings& settings) const {
  const InterruptGuard guard;  // from before the load is written down: giving up is no death
  LoadProgress progress(is_terminal(StandardStream::kError) && !log ? LoadProgress::Shown::kYes
                                                                    : LoadProgress::Shown::kNo);
  auto loaded = load(file, settings,
                     {.progress =
                          [&](std::uint64_t done, std::uint64_t total) {
                            progress.show(done, total);
                            return !guard.interrupted();
                          },
                      .tell = [](const std::string& text) { note(text); }});
  progress.finish();
  return loaded;
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
