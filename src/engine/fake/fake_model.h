// The fake LanguageModel: answers by a script, deterministically and in microseconds, so that everything above an
// engine can be tested, and tried without a model. What it answers is a pure function of a sequence's tokens.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "engine/fake/byte_vocabulary.h"
#include "engine/fake/script.h"
#include "hearth/language_model.h"

namespace hearth::fake {

/// What was asked of a FakeModel so far, failed calls included.
struct Counts {
  std::size_t n_evaluate = 0, n_create = 0, n_fork = 0, n_rewind = 0, n_export = 0, n_import = 0, n_destroy = 0;
  std::size_t n_tokens = 0;     // evaluated and kept
  std::size_t n_cancelled = 0;  // evaluations
};

/// Calls may come from several threads; evaluations take turns.
class FakeModel final : public LanguageModel {
 public:
  explicit FakeModel(Script script);

  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  [[nodiscard]] const Capabilities& capabilities() const override { return script_.capabilities; }
  [[nodiscard]] const Vocabulary* vocabulary() const override { return &vocabulary_; }
  Result<SequenceId> create_sequence(const SequenceOptions& options) override;
  void destroy_sequence(SequenceId sequence) override;
  [[nodiscard]] Result<std::size_t> length(SequenceId sequence) const override;
  Result<SequenceId> fork(SequenceId sequence, std::size_t at) override;
  Result<std::size_t> rewind(SequenceId sequence, std::size_t to) override;
  Status export_state(SequenceId sequence,
                      const std::function<Status(std::span<const std::byte>)>& write) const override;
  Result<SequenceId> import_state(std::span<const std::byte> bytes, const SequenceOptions& options) override;
  Status evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                  const EvaluateOptions& options) override;

  [[nodiscard]] Counts counts() const;
  /// The tokens of a sequence, for assertions.
  [[nodiscard]] Result<std::vector<Token>> tokens(SequenceId sequence) const;

 private:
  struct Sequence {
    std::vector<Token> tokens;
    std::size_t n_ctx = 0;
    std::size_t peak = 0;  // the longest it has been: a window reaches back from there
  };
  struct Row;

  [[nodiscard]] Result<const Sequence*> find(SequenceId id) const;
  /// Counts a call and fails it when the script says so.
  Status enter(Failure::Call call, std::size_t& count) const;
  [[nodiscard]] Result<std::size_t> checked_n_ctx(std::size_t asked) const;
  Result<SequenceId> adopt(Sequence sequence);
  Status check_item(const Item& item, std::span<const Item> before) const;
  Status check_want(std::size_t want_idx, const Want& want, std::span<const Item> items) const;
  Status run_layers(std::span<const Item> items, const EvaluateOptions& options);
  bool wait(std::chrono::microseconds delay, const CancelCheck& cancelled) const;
  void answer(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink) const;
  void fill_logits(std::span<const Token> history, std::span<float> logits) const;
  void fill_hidden(std::span<const Token> history, std::span<float> hidden) const;

  Script script_;
  ModelInfo info_;
  ByteVocabulary vocabulary_;
  mutable std::mutex mutex_;
  mutable Counts counts_;
  std::map<SequenceId, Sequence> sequences_;
  SequenceId next_id_ = 1;
};

}  // namespace hearth::fake
