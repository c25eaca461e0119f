// Several models in memory under one budget: loaded when first used, the one used longest ago goes when another needs
// its place, those that idle go by themselves, those in use or pinned stay.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/language_model.h"

namespace hearth::care {

using Clock = std::chrono::steady_clock;

/// What happens to models, for those who show it. Called from the thread that caused it, without any lock held.
struct ResidencyEvent {
  enum class Kind : std::uint8_t { kLoading, kProgress, kLoaded, kFailed, kUnloaded };
  Kind kind = Kind::kLoading;
  std::string model;
  std::uint64_t done_bytes = 0, total_bytes = 0;  // kProgress
  std::string why;                                // kUnloaded: "idle", "room for X", "asked"; kFailed: the error
};

struct ResidencyOptions {
  std::uint64_t budget_bytes = 0;
  /// A model nobody used for that long is unloaded by collect_idle(); zero: never.
  std::chrono::seconds keep_alive{300};
  /// What a model will take, before it is loaded.
  std::function<Result<std::uint64_t>(const std::string& model)> predict;
  using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;
  std::function<Result<std::unique_ptr<LanguageModel>>(const std::string& model, const Progress& progress)> load;
  std::function<void(const ResidencyEvent&)> on_event;
  std::function<Clock::time_point()> now = [] { return Clock::now(); };
};

/// Safe to use from several threads; two that ask for the same model wait for one load. Loads of different models take
/// turns, so that together they never take more than the budget.
class Residency {
 public:
  explicit Residency(ResidencyOptions options) : options_(std::move(options)) {}

  /// The model, loaded now if it is not here. While the pointer lives the model is in use and stays. What cannot fit
  /// even after everything unused has gone is insufficient_memory, which names who holds the memory; nothing is
  /// unloaded for it then. A load that itself says insufficient_memory is tried again after each unused model that
  /// goes.
  Result<std::shared_ptr<LanguageModel>> use(const std::string& model);
  /// The same in place of `old`, which stays until the new one works. Where there is no room for both, `old` goes first
  /// unless it is in use, and comes back when the new one fails.
  Result<std::shared_ptr<LanguageModel>> switch_to(const std::string& model, const std::string& old);

  enum class Pin : std::uint8_t { kNo, kYes };
  /// Pinned models are never unloaded for others or for idling. False when it is not here.
  bool pin(std::string_view model, Pin pin);
  /// This model's own time to idle.
  bool keep_alive(std::string_view model, std::chrono::seconds time);
  /// kBusy while it is in use, kFileNotFound when it is not here.
  Status unload(std::string_view model);
  /// Unloads what has idled too long; returns when to look again, nothing when nothing will idle out.
  std::optional<Clock::time_point> collect_idle();

  struct Resident {
    std::string model;
    std::uint64_t bytes = 0;
    bool pinned = false, in_use = false;
    std::chrono::seconds idle{0};
  };
  /// The one used last first.
  [[nodiscard]] std::vector<Resident> list() const;
  [[nodiscard]] std::uint64_t used_bytes() const;

 private:
  struct Entry {
    std::string model;
    std::shared_ptr<LanguageModel> loaded;
    std::uint64_t bytes = 0;
    Clock::time_point last_used;
    std::chrono::seconds keep_alive{0};
    Pin pin = Pin::kNo;
    [[nodiscard]] bool in_use() const { return loaded.use_count() > 1; }
  };
  Entry* find(std::string_view model);
  [[nodiscard]] std::uint64_t sum() const;
  std::string holders() const;
  /// Takes out what was used longest ago until `bytes` fit beside the rest, sparing `spared`; nothing when they cannot.
  std::optional<std::vector<Entry>> make_room(std::uint64_t bytes, std::string_view spared);
  /// Takes out the one used longest ago; nothing when none may go.
  std::vector<Entry> take_oldest(std::string_view spared);
  static bool may_go(const Entry& entry, std::string_view spared);
  void let_go(std::vector<Entry> entries, const std::string& why);
  Result<std::shared_ptr<LanguageModel>> bring(const std::string& model, const std::string& spared);
  void tell(ResidencyEvent event) const {
    if (options_.on_event) options_.on_event(event);
  }

  ResidencyOptions options_;
  std::mutex loading_;        // held for a whole load: one at a time
  mutable std::mutex mutex_;  // entries_
  std::vector<Entry> entries_;
};

}  // namespace hearth::care
