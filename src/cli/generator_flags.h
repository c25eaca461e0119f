// The flags of commands that talk to a model in messages: how to answer, and opening the generator.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"
#include "cli/form_flags.h"
#include "cli/model_flags.h"
#include "cli/outcome.h"
#include "cli/sampling_flags.h"
#include "generate/local_generator.h"

namespace hearth::cli {

class GeneratorFlags {
 public:
  /// MODEL, --engine and --log.
  void declare_model(Flags& flags);
  /// Every other flag.
  void declare(Flags& flags);
  /// What the flags say about answers; without messages.
  [[nodiscard]] Checked<Request> request() const;
  [[nodiscard]] Checked<std::unique_ptr<generate::LocalGenerator>> open(const Settings& settings);
  /// A generator of a model that is here and runs as `running` says. `load_s` is for receipts.
  [[nodiscard]] Checked<std::unique_ptr<generate::LocalGenerator>> make(const std::shared_ptr<LanguageModel>& model,
                                                                        const std::string& path,
                                                                        const fit::Running& running, double load_s,
                                                                        const Settings& settings);
  /// A flag that was given and says something about messages; empty when there is none.
  [[nodiscard]] std::string_view flag_for_messages() const;
  [[nodiscard]] bool has_template() const { return !template_.empty(); }
  /// The mistakes that show before anything is loaded.
  [[nodiscard]] Checked<void> check() const;
  /// For make(), unless it is here or none is wanted; open() does it too.
  [[nodiscard]] Checked<void> load_draft(const Settings& settings, const LoadWatch& watch);
  /// What the flags say about loading.
  [[nodiscard]] const ModelFlags& model_flags() const { return model_; }
  /// The model that open() loaded.
  [[nodiscard]] const LanguageModel& model() const { return *opened_; }
  /// After the first reply: keeps what it really took beside what was predicted.
  void remember(const Receipt& receipt, const Settings& settings) const {
    if (model_.foreseen) remember_load(*model_.foreseen, model_.running(), receipt, model_.with_flags(settings));
  }
  /// What is read is kept for the next start, as with --reuse, unless the cache is off.
  void keep_sessions() { keep_sessions_ = true; }

 private:
  [[nodiscard]] Checked<generate::SchedulerOptions> scheduler(const fit::Running& running,
                                                              const Settings& settings) const;

  ModelFlags model_;
  SamplingFlags sampling_;
  FormFlags form_;
  std::string preset_ = "default", template_, thinking_, context_;
  std::optional<std::size_t> max_tokens_, max_sentences_;
  std::vector<std::string> stop_;
  std::string draft_;
  bool speculate_ = false, reuse_ = false, keep_sessions_ = false;
  std::shared_ptr<LanguageModel> opened_, draft_model_;
};

}  // namespace hearth::cli
