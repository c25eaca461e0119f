// A small model that runs ahead of a large one: what it says next is what the large one verifies in one step.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "generate/prefix_cache.h"
#include "hearth/language_model.h"
#include "sample/sampler.h"

namespace hearth::generate {

/// Why this model cannot draft for the other; nothing when it can.
Status check_draft_model(const LanguageModel& target, const LanguageModel& draft);

/// For one thread. The texts of finished answers are kept for the next ones, as the large model keeps them.
class DraftModel {
 public:
  explicit DraftModel(std::shared_ptr<LanguageModel> model, const PrefixCacheOptions& cache);

  /// One answer's sequence in the small model.
  struct Follower {
    SequenceId sequence = 0;
    std::vector<Token> held;
    bool alive = false;
  };
  Follower follow(const CachedText& prompt);
  void leave(Follower& follower, const std::string& principal);

  struct Wanted {
    Follower* follower = nullptr;
    std::span<const Token> text;               // all of it, which the sequence catches up with first
    std::size_t n_tokens = 0;                  // to draft; 0: only catch up
    const sample::Sampler* sampler = nullptr;  // of the answer: the same random numbers make more drafts right
    sample::MirostatState mirostat;
    std::vector<Token> drafted;
  };
  /// Reads at most `chunk` tokens of what the followers have not read; who has caught up drafts. A follower whose step
  /// fails is given up, nothing else.
  void draft(std::span<Wanted> wanted, std::size_t chunk);

  [[nodiscard]] const std::string& name() const { return model_->info().name; }

 private:
  bool evaluate(std::span<Wanted*> wanted, const std::vector<std::vector<Token>>& tokens);
  bool go_back(Follower& follower, std::size_t to);

  std::shared_ptr<LanguageModel> model_;
  std::size_t n_ctx_;
  PrefixCache cache_;
};

}  // namespace hearth::generate
