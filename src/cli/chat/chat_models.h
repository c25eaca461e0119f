// The models of a chat: the one that answers, those that stay in memory beside it, and loads that nobody waits for.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/generator_flags.h"
#include "cli/load_progress.h"
#include "cli/outcome.h"
#include "cli/settings.h"
#include "generate/local_generator.h"
#include "library/care/idle_collector.h"
#include "library/care/residency.h"

namespace hearth::cli {

struct ChatModelsOptions {
  std::uint64_t budget_bytes = 0;      // of all models together
  std::chrono::seconds keep_alive{0};  // a model that does not answer any more stays that long; 0: until room is needed
  std::function<void(const std::string&)> tell;  // what a person should know; called by the thread that waits
  LoadProgress::Shown progress = LoadProgress::Shown::kNo;
};

/// What one program may take here, or what is free where that is more.
std::uint64_t default_models_budget();

/// To a conversation this is one Generator, whichever model answers. For one thread; loads happen in another one, of
/// which there is one at a time.
class ChatModels final : public Generator {
 public:
  ChatModels(GeneratorFlags& flags, Settings settings, ChatModelsOptions options);
  ~ChatModels() override;

  /// The flags' model, which answers first. It is looked at, not loaded.
  Checked<void> begin();
  /// Loads it, and reads these messages, while the person types.
  void load_ahead(const Request& begun);
  /// Waits for the model, loading it now where nobody did.
  Result<Reply> generate(const Request& request, const EventSink& sink, const CancelCheck& cancelled) override;

  /// From now on this model answers, opened by that engine (empty: the one that knows the file). The one before answers
  /// until the new one is loaded and takes the conversation; where there is no room for both it goes first, and comes
  /// back when the new one fails.
  Status change(std::string name, const std::string& engine, const Request& conversation, const CancelCheck& cancelled);
  Status unload(const std::string& name);
  Status pin(const std::string& name, care::Residency::Pin pin);

  /// Of the model that answers.
  [[nodiscard]] std::string name() const;
  /// Those in memory, one a line.
  [[nodiscard]] std::string list_text() const;
  /// After the first reply: keeps what it really took, where it was taken for one model.
  void remember(const Receipt& receipt) const;

 private:
  struct Known {
    std::string name, path, engine;
    fit::Running running;
    std::optional<care::Foreseen> foreseen;
    double load_s = 0;
  };
  std::string meet(Known model);
  [[nodiscard]] Known known(const std::string& key) const;
  [[nodiscard]] Result<std::string> key_of(const std::string& name) const;

  Result<std::uint64_t> predict(const std::string& key) const;
  Result<std::unique_ptr<LanguageModel>> load(const std::string& key, const care::ResidencyOptions::Progress& progress);
  Result<std::unique_ptr<generate::LocalGenerator>> generator_of(const std::string& key,
                                                                 const std::shared_ptr<LanguageModel>& model);
  Status sit();
  Status exchange(const std::string& key, Request conversation);
  void on_event(const care::ResidencyEvent& event);

  void set_to_work(std::function<Status()> work);
  /// Waits for what was begun; its error. Cancelled, it is given up.
  Status settle(const CancelCheck& cancelled);
  void give_up();
  [[nodiscard]] LoadWatch watch(const care::ResidencyOptions::Progress& progress);

  GeneratorFlags& flags_;
  Settings settings_;
  ChatModelsOptions options_;
  mutable std::mutex mutex_;  // known_, notices_
  std::map<std::string, Known> known_;
  std::vector<std::string> notices_;
  std::atomic<std::uint64_t> done_bytes_ = 0, total_bytes_ = 0;
  care::Residency residency_;
  std::optional<care::IdleCollector> collector_;
  std::string seat_;  // the key of the model that answers; changes only while the caller waits
  // Of the working thread while there is one, else of the caller's.
  std::unique_ptr<generate::LocalGenerator> generator_;
  std::stop_source stop_;
  std::future<Status> work_;
};

}  // namespace hearth::cli
