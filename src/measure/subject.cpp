// Subject over LanguageModel::evaluate.
#include "measure/subject.h"

#include <utility>

#include <fmt/format.h>

namespace hearth::measure {

namespace {

/// Takes results and forgets them.
class Discard final : public OutputSink {
 public:
  void row(std::size_t, std::span<const float>) override {}
};

}  // namespace

Result<Subject> Subject::make(std::unique_ptr<LanguageModel> model, Settings settings) {
  const Capabilities& can = model->capabilities();
  const std::size_t most = std::min(can.max_sequences, can.max_rows);
  if (settings.n_sequences > most) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} sequences were to be decoded together, and this model takes {}; ask for less with "
                            "--streams",
                            settings.n_sequences, most));
  }
  Subject subject(std::move(model), std::move(settings));
  for (std::size_t i = 0; i < subject.settings_.n_sequences; ++i) {
    HEARTH_TRY(const SequenceId id,
               subject.model_->create_sequence({.n_ctx = subject.settings_.n_ctx, .kv = subject.settings_.kv}));
    subject.sequences_.push_back(id);
  }
  return subject;
}

Token Subject::next_token() {
  state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<Token>((state_ >> 33) % model_->info().vocab_size);
}

std::vector<Token> Subject::next_tokens(std::size_t n) {
  std::vector<Token> tokens(n);
  for (Token& token : tokens) token = next_token();
  return tokens;
}

Status Subject::evaluate(std::span<const Item> items, std::span<const Want> wants) {
  Discard sink;
  return model_->evaluate(items, wants, sink,
                          {.cancelled = settings_.cancelled, .observe_layer = {}, .ubatch = settings_.ubatch});
}

Status Subject::append_to(std::size_t sequence, std::size_t n) {
  const std::vector<Token> tokens = next_tokens(n);
  const Item item{.sequence = sequences_[sequence], .tokens = tokens};
  const Want want{.row = n - 1};
  return evaluate({&item, 1}, {&want, 1});
}

Status Subject::append(std::size_t n) {
  return append_to(0, n);
}

Status Subject::append_verified(std::size_t n) {
  const std::vector<Token> tokens = next_tokens(n);
  const Item item{.sequence = sequences_[0], .tokens = tokens};
  std::vector<Want> wants(n);
  for (std::size_t row = 0; row < n; ++row) wants[row].row = row;
  return evaluate({&item, 1}, wants);
}

Status Subject::append_to_each(std::size_t n) {
  const std::vector<Token> tokens = next_tokens(n);
  std::vector<Item> items(n);
  std::vector<Want> wants(n);
  for (std::size_t i = 0; i < n; ++i) {
    items[i] = {.sequence = sequences_[i], .tokens = std::span(tokens).subspan(i, 1)};
    wants[i].item_idx = i;
  }
  return evaluate(items, wants);
}

Status Subject::go_to(std::size_t depth, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    HEARTH_TRY(std::size_t reached, model_->length(sequences_[i]));
    if (reached > depth) {
      HEARTH_TRY(reached, model_->rewind(sequences_[i], depth));
    }
    if (reached < depth) HEARTH_CHECK(append_to(i, depth - reached));
  }
  return {};
}

}  // namespace hearth::measure
