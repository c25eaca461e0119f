// Holds answers to an output format: the automata of src/constrain as token masks.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
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

/// What all answers to a request have in common.
struct AnswerBounds {
  std::size_t max_tokens = 0;  // 0: no bound
  std::size_t room = 0;        // tokens that the context still takes; 0: no bound
  std::size_t n = 1;           // answers
  std::string principal;       // nothing that was learned for one serves another
};

/// Compiles output formats for one vocabulary, and keeps what was used last: a format that comes again finds its masks.
/// Safe from several threads.
class FormatMasks {
 public:
  static constexpr std::size_t kMostKept = 16;
  static constexpr std::size_t kMostKeptBytes = std::size_t{64} << 20;

  explicit FormatMasks(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}

  /// Masks for `n` answers. An error names what is not supported, or says that the bounds are below what such an answer
  /// takes.
  Result<AnswerMasks> make(const OutputFormat& format, const AnswerBounds& bounds);
  /// The same for answers that may or must call tools; those that do not are held to `format`. `calls` without
  /// `control_tokens` and `instead`, which are filled in.
  Result<AnswerMasks> make(const CallGrammarOptions& calls, const OutputFormat& format, const AnswerBounds& bounds);

  [[nodiscard]] std::size_t n_kept() const;

 private:
  using Bound = std::shared_ptr<const constrain::TokenConstraint>;
  Result<std::shared_ptr<const constrain::TokenTrie>> trie();
  /// What is kept under this key, else what `compile` gives.
  Result<Bound> kept(std::string key, const std::function<Result<constrain::Constraint::Shared>()>& compile);
  Result<constrain::Constraint::Shared> compile_calls(CallGrammarOptions calls, const OutputFormat& format);

  const Vocabulary* vocabulary_;
  mutable std::mutex mutex_;
  std::shared_ptr<const constrain::TokenTrie> trie_;  // made when it is first needed
  std::list<std::pair<std::string, Bound>> kept_;     // most recently used first
};

}  // namespace hearth::generate
