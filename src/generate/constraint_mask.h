// Holds answers to an output format: the automata of src/constrain as token masks.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "constrain/token_constraint.h"
#include "generate/token_mask.h"
#include "generate/tools/call_grammar.h"
#include "hearth/request.h"
#include "hearth/vocabulary.h"

namespace hearth::generate {

struct AnswerMasks {
  std::vector<std::shared_ptr<TokenMask>> masks;  // one for each answer; none for free text
  std::size_t minimum = 0;                        // tokens that are proven to be enough for an answer
};

/// Compiles output formats for one vocabulary. Safe from several threads.
class FormatMasks {
 public:
  explicit FormatMasks(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}

  /// Masks for `n` answers. An error names what is not supported, or says that `max_tokens` (0: no bound) are fewer
  /// than such an answer takes.
  Result<AnswerMasks> make(const OutputFormat& format, std::size_t max_tokens, std::size_t n);
  /// The same for answers that may or must call tools; those that do not are held to `format`. `calls` without
  /// `control_tokens` and `instead`, which are filled in.
  Result<AnswerMasks> make(CallGrammarOptions calls, const OutputFormat& format, std::size_t max_tokens, std::size_t n);

 private:
  Result<std::shared_ptr<const constrain::TokenTrie>> trie();
  Result<AnswerMasks> bind(const constrain::Constraint& constraint, std::size_t max_tokens, std::size_t n);

  const Vocabulary* vocabulary_;
  std::mutex mutex_;
  std::shared_ptr<const constrain::TokenTrie> trie_;  // made when it is first needed
};

}  // namespace hearth::generate
