// A model that passes everything on to another one: for those that watch or change one thing.
#pragma once

#include "hearth/language_model.h"

namespace hearth {

class PassingModel : public LanguageModel {
 public:
  /// `model` must outlive this.
  explicit PassingModel(LanguageModel& model) : inner_(model) {}

  [[nodiscard]] const ModelInfo& info() const override { return inner_.info(); }
  [[nodiscard]] const Capabilities& capabilities() const override { return inner_.capabilities(); }
  [[nodiscard]] const Vocabulary* vocabulary() const override { return inner_.vocabulary(); }
  Result<SequenceId> create_sequence(const SequenceOptions& options) override {
    return inner_.create_sequence(options);
  }
  void destroy_sequence(SequenceId sequence) override { inner_.destroy_sequence(sequence); }
  [[nodiscard]] Result<std::size_t> length(SequenceId sequence) const override { return inner_.length(sequence); }
  Result<SequenceId> fork(SequenceId sequence, std::size_t at) override { return inner_.fork(sequence, at); }
  Result<std::size_t> rewind(SequenceId sequence, std::size_t to) override { return inner_.rewind(sequence, to); }
  Status export_state(SequenceId sequence,
                      const std::function<Status(std::span<const std::byte>)>& write) const override {
    return inner_.export_state(sequence, write);
  }
  Result<SequenceId> import_state(std::span<const std::byte> bytes, const SequenceOptions& options) override {
    return inner_.import_state(bytes, options);
  }
  Status evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                  const EvaluateOptions& options) override {
    return inner_.evaluate(items, wants, sink, options);
  }

 protected:
  [[nodiscard]] LanguageModel& inner() { return inner_; }

 private:
  LanguageModel& inner_;
};

}  // namespace hearth
