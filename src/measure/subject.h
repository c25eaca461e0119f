// A model under measurement: sequences fed with tokens that mean nothing.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "hearth/language_model.h"

namespace hearth::measure {

class Subject {
 public:
  /// What every evaluation is given.
  struct Settings {
    std::size_t n_sequences = 1, n_ctx = 0;
    KvStorage kv = KvStorage::kF16;
    std::size_t ubatch = 512;
    CancelCheck cancelled;
  };
  static Result<Subject> make(std::unique_ptr<LanguageModel> model, Settings settings);

  /// n tokens of the first sequence at once, logits of the last.
  Status append(std::size_t n);
  /// The same with logits of all n, as verifying n - 1 drafted tokens needs them.
  Status append_verified(std::size_t n);
  /// One token of each of the first n sequences, all in one evaluation.
  Status append_to_each(std::size_t n);
  /// The first n sequences back to `depth` positions, computing those that are missing.
  Status go_to(std::size_t depth, std::size_t n);

  [[nodiscard]] LanguageModel& model() { return *model_; }

 private:
  Subject(std::unique_ptr<LanguageModel> model, Settings settings)
      : model_(std::move(model)), settings_(std::move(settings)) {}
  Token next_token();
  std::vector<Token> next_tokens(std::size_t n);
  Status append_to(std::size_t sequence, std::size_t n);
  Status evaluate(std::span<const Item> items, std::span<const Want> wants);

  std::unique_ptr<LanguageModel> model_;
  Settings settings_;
  std::vector<SequenceId> sequences_;
  std::uint64_t state_ = 1;
};

}  // namespace hearth::measure
