// A stream: one answer while it is made. The scheduler's private part.
#pragma once

#include <memory>
#include <vector>

#include "generate/job.h"
#include "generate/speculation.h"
#include "hearth/language_model.h"

namespace hearth::generate {

struct Stream {
  Stream(std::shared_ptr<Ticket> its_ticket, std::uint32_t idx, sample::Sampler its_sampler)
      : ticket(std::move(its_ticket)), answer_idx(idx), sampler(std::move(its_sampler)) {}

  std::shared_ptr<Ticket> ticket;
  std::uint32_t answer_idx = 0;
  sample::Sampler sampler;
  std::optional<TokenSteps> steps;
  std::vector<Token> history;   // the prompt, then what was drawn
  std::size_t n_evaluated = 0;  // tokens of it that the sequence holds
  SequenceId sequence = 0;
  std::size_t n_held = 0;                // positions of the sequence: more than n_evaluated while guesses are verified
  std::vector<std::vector<float>> rows;  // logits after the last evaluated token, then after each guess
  std::vector<Token> drafted;            // guesses that this step verifies
  std::size_t n_right = 0;               // of them: what was drawn so far
  std::vector<Token> fed;                // the end of the history and the guesses
  StreamDrafts drafts;
  std::size_t n_attention_heads = 0;
  std::vector<float> attention;   // of the job's layer at the last evaluated token, if asked for
  std::size_t checkpoint_at = 0;  // where a copy of the state is worth keeping; 0: nowhere
  bool ended = false;

  [[nodiscard]] const Job& job() const { return ticket->job(); }
  [[nodiscard]] std::size_t n_prompt() const { return job().prompt.tokens.size(); }
  [[nodiscard]] bool prefilling() const { return n_evaluated < n_prompt(); }
  /// What the sequence holds.
  [[nodiscard]] CachedText held() const {
    return {.principal = job().prompt.principal,
            .tokens = {history.begin(), history.begin() + static_cast<std::ptrdiff_t>(n_evaluated)},
            .marks = job().prompt.marks};
  }
  void say(ShownText shown) {
    if (shown.empty()) return;
    ticket->said_ = true;
    ticket->say(JobPiece{.answer_idx = answer_idx, .shown = std::move(shown)});
  }
};

}  // namespace hearth::generate
