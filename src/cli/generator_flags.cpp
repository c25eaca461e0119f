// Flags to a Request and a LocalGenerator.
#include "cli/generator_flags.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "cli/console.h"
#include "cli/template_choice.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

constexpr std::array kPresets = {Preset::kDefault, Preset::kConversational, Preset::kPrecise,
                                 Preset::kOfflineAssistant};

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset preset : kPresets) names.emplace_back(preset_name(preset));
  return names;
}

}  // namespace

void GeneratorFlags::declare_model(Flags& flags) {
  model_.declare_model(flags);
}

void GeneratorFlags::declare(Flags& flags) {
  flags.choice("--preset", preset_, preset_names(), "A named set of options; what other flags say goes before it");
  flags.count("--max-tokens", max_tokens_, 1, 1u << 30, "Stop an answer after N tokens");
  flags.count("--max-sentences", max_sentences_, 1, 1u << 20, "Stop an answer after N sentences");
  flags.texts("--stop", stop_, "TEXT", "Stop before this text, which is not shown; repeatable");
  flags.choice("--thinking", thinking_, {"default", "on", "off"}, "Whether the model thinks aloud first");
  flags.text("--template", template_, "NAME|FILE", "This chat template instead of the model's own");
  flags.choice("--context", context_, {"drop-oldest", "refuse"},
               "What happens when messages no longer fit (default: whole turns are left out, oldest first)");
  form_.declare(flags);
  sampling_.declare(flags);
  flags.toggle("--speculate", speculate_, "Guess tokens ahead and verify several at once: says the same, often faster");
  flags.text("--draft", draft_, "MODEL", "A small model with the same vocabulary that guesses; implies --speculate");
  flags.toggle("--reuse", reuse_,
               "Keep what was read on disk, so that a later start with the same beginning is faster");
  model_.declare_context(flags);
  model_.declare_compute(flags);
}

Checked<Request> GeneratorFlags::request() const {
  Request request;
  HEARTH_TRY(request.sampling, sampling_.request());
  HEARTH_TRY(request.format, form_.format());
  request.preset = *std::ranges::find(kPresets, preset_, preset_name);
  request.max_tokens = max_tokens_;
  request.max_sentences = max_sentences_;
  if (std::ranges::find(stop_, std::string()) != stop_.end()) return usage_error("--stop: the text must not be empty");
  if (!stop_.empty()) request.stop = stop_;
  using Mode = ReasoningOptions::Mode;
  request.reasoning.mode = thinking_ == "on" ? Mode::kOn : thinking_ == "off" ? Mode::kOff : Mode::kAsModelDoes;
  request.context.kind = context_ == "refuse" ? ContextPolicy::Kind::kRefuse : ContextPolicy::Kind::kDropOldest;
  return request;
}

std::string_view GeneratorFlags::flag_for_messages() const {
  if (!template_.empty()) return "--template";
  if (!thinking_.empty()) return "--thinking";
  return context_.empty() ? "" : "--context";
}

Checked<std::unique_ptr<generate::LocalGenerator>> GeneratorFlags::open(const Settings& settings) {
  HEARTH_CHECK(check());
  const auto begun = std::chrono::steady_clock::now();
  HEARTH_TRY(auto opened, model_.open(settings));
  opened_ = std::move(opened);
  const double load_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (!draft_.empty()) {
    HEARTH_TRY(draft_model_, model_.open(draft_, settings));
  }
  return make(opened_, model_.path, model_.running(), load_s, settings);
}

Checked<void> GeneratorFlags::check() const {
  text::TemplateCandidates unused;
  if (!template_.empty()) HEARTH_CHECK(read_given_template(template_, unused));
  return {};
}

Checked<void> GeneratorFlags::load_draft(const Settings& settings, const LoadWatch& watch) {
  if (draft_.empty() || draft_model_) return {};
  HEARTH_TRY(LoadedModel loaded, model_.load(draft_, settings, watch));
  draft_model_ = std::move(loaded.model);
  return {};
}

Checked<std::unique_ptr<generate::LocalGenerator>> GeneratorFlags::make(const std::shared_ptr<LanguageModel>& model,
                                                                        const std::string& path,
                                                                        const fit::Running& running, double load_s,
                                                                        const Settings& settings) {
  generate::LocalGeneratorOptions options;
  if (!template_.empty()) HEARTH_CHECK(read_given_template(template_, options.chat_template));
  HEARTH_CHECK(require_vocabulary(*model, path));
  options.now = time_here;
  options.load_s = load_s;
  HEARTH_TRY(options.recommended, generate::recommended_beside(path, model->info()));
  HEARTH_TRY(options.scheduler, scheduler(running, settings));
  auto generator = generate::LocalGenerator::make(model, std::move(options));
  if (!generator) return std::unexpected(Failure(std::move(generator.error())));
  return std::move(*generator);
}

Checked<generate::SchedulerOptions> GeneratorFlags::scheduler(const fit::Running& running,
                                                              const Settings& settings) const {
  generate::SchedulerOptions options;
  options.cache.sequence = {.n_ctx = running.n_ctx, .kv = running.kv};
  options.chunk = running.ubatch;
  if (speculate_ || !draft_.empty()) options.speculation.mode = generate::SpeculationOptions::Mode::kOn;
  options.speculation.draft_model = draft_model_;
  if (reuse_ || keep_sessions_) {
    const auto cache = cache_options(model_.cache, settings);
    if (!cache && reuse_) return usage_error("--reuse keeps files in the cache folder, which is off; see --cache");
    if (cache) options.cache.sessions = {.folder = cache->folder / "sessions"};
  }
  return options;
}

}  // namespace hearth::cli
