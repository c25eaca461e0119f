// Where each answer stands in its automaton.
#include "generate/constraint_mask.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace hearth::generate {

namespace {

using Kind = OutputFormat::Kind;

class ConstraintMask final : public TokenMask {
 public:
  explicit ConstraintMask(std::shared_ptr<const constrain::TokenConstraint> constraint)
      : constraint_(std::move(constraint)), wide_(constraint_->vocabulary().mask_words()) {}

  Result<std::span<const std::uint32_t>> allowed(std::size_t n_left) override {
    if (!state_) {  // a thought before the answer has taken its part of the budget
      const auto budget =
          n_left ? std::optional(static_cast<std::uint32_t>(std::min<std::size_t>(n_left, UINT32_MAX))) : std::nullopt;
      HEARTH_TRY(constrain::ConstraintState state, constraint_->start(budget));
      state_ = std::move(state);
    }
    state_->mask(wide_);
    words_.resize((constraint_->vocabulary().vocab_size() + 31) / 32);
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] = static_cast<std::uint32_t>(wide_[i / 2] >> (i % 2 * 32));
    return std::span<const std::uint32_t>(words_);
  }
  std::vector<Token> forced() override { return state_ ? state_->forced_tokens() : std::vector<Token>(); }
  Status accept(Token token) override { return state_->advance(token); }

 private:
  std::shared_ptr<const constrain::TokenConstraint> constraint_;
  std::optional<constrain::ConstraintState> state_;
  std::vector<std::uint64_t> wide_;
  std::vector<std::uint32_t> words_;
};

Result<constrain::Constraint::Shared> compile(const OutputFormat& format) {
  switch (format.kind) {
    case Kind::kText: break;
    case Kind::kJson: return constrain::Constraint::any_json_object();
    case Kind::kJsonSchema: return constrain::Constraint::from_json_schema(format.source);
    case Kind::kRegex: return constrain::Constraint::from_regex(format.source);
    case Kind::kGrammar: return constrain::Constraint::from_gbnf(format.source);
    case Kind::kChoices: return constrain::Constraint::from_choices(format.choices);
  }
  return fail(ErrorCode::kInvalidArgument, "free text is no constraint");
}

/// Texts one after another, so that different lists give different keys.
void add_to(std::string& key, std::string_view text) {
  key += fmt::format("{}:", text.size());
  key += text;
}

std::string key_of(const OutputFormat& format, const AnswerBounds& bounds) {
  std::string key = fmt::format("format {} ", static_cast<int>(format.kind));
  add_to(key, bounds.principal);
  add_to(key, format.source);
  for (const std::string& choice : format.choices) add_to(key, choice);
  return key;
}

std::string key_of(const CallGrammarOptions& calls) {
  std::string key = fmt::format("calls {} {} {} ", static_cast<const void*>(calls.format), static_cast<int>(calls.need),
                                calls.max_calls);
  add_to(key, calls.only);
  for (const KnownTool& tool : calls.tools->tools()) {
    add_to(key, tool.name);
    add_to(key, tool.parameters);
  }
  return key;
}

Result<AnswerMasks> masks_of(const std::shared_ptr<const constrain::TokenConstraint>& bound,
                             const AnswerBounds& bounds) {
  const std::size_t minimum = bound->minimum_tokens();
  const auto too_small = [&](ErrorCode code, std::size_t budget, std::string_view giver) {
    return fail(code, fmt::format("budget {} < minimum {}: an answer of this format takes more tokens than {}", budget,
                                  minimum, giver));
  };
  if (bounds.max_tokens && bounds.max_tokens < minimum)
    return too_small(ErrorCode::kInvalidArgument, bounds.max_tokens, "max_tokens allows");
  if (bounds.room && bounds.room < minimum) {
    return too_small(ErrorCode::kContextFull, bounds.room,
                     "the context has left; shorten the prompt or make a longer context");
  }
  AnswerMasks made{.masks = {}, .minimum = minimum};
  for (std::size_t i = 0; i < bounds.n; ++i) made.masks.push_back(std::make_shared<ConstraintMask>(bound));
  return made;
}

}  // namespace

Result<std::shared_ptr<const constrain::TokenTrie>> FormatMasks::trie() {
  const std::lock_guard lock(mutex_);
  if (trie_) return trie_;
  std::vector<constrain::VocabularyToken> tokens(vocabulary_->size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto token = static_cast<Token>(i);
    std::string bytes = vocabulary_->token_bytes(token);
    const bool ends = vocabulary_->ends_generation(token), special = bytes.empty();
    tokens[i] = {.bytes = special ? vocabulary_->token_name(token) : std::move(bytes),
                 .kind = ends      ? constrain::TokenKind::kEnd
                         : special ? constrain::TokenKind::kSpecial
                                   : constrain::TokenKind::kText};
  }
  HEARTH_TRY(trie_, constrain::TokenTrie::build(std::move(tokens)));
  return trie_;
}

Result<FormatMasks::Bound> FormatMasks::kept(std::string key,
                                             const std::function<Result<constrain::Constraint::Shared>()>& compile) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(kept_, key, &std::pair<std::string, Bound>::first);
    if (found != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, found);
      return found->second;
    }
  }
  HEARTH_TRY(const auto constraint, compile());
  HEARTH_TRY(const auto vocabulary, trie());
  HEARTH_TRY(Bound bound, constrain::TokenConstraint::bind(*constraint, vocabulary));
  const std::lock_guard lock(mutex_);
  kept_.emplace_front(std::move(key), bound);
  std::size_t n = 0, n_bytes = 0;
  std::erase_if(kept_, [&](const auto& one) {
    n_bytes += one.second->n_bytes() + one.first.size();
    return ++n > 1 && (n > kMostKept || n_bytes > kMostKeptBytes);
  });
  return bound;
}

std::size_t FormatMasks::n_kept() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

Result<AnswerMasks> FormatMasks::make(const OutputFormat& format, const AnswerBounds& bounds) {
  if (format.kind == Kind::kText) return AnswerMasks{};
  HEARTH_TRY(const auto bound, kept(key_of(format, bounds), [&] { return compile(format); }));
  return masks_of(bound, bounds);
}

Result<AnswerMasks> FormatMasks::make(const CallGrammarOptions& calls, const OutputFormat& format,
                                      const AnswerBounds& bounds) {
  HEARTH_TRY(const auto bound,
             kept(key_of(calls) + key_of(format, bounds), [&] { return compile_calls(calls, format); }));
  return masks_of(bound, bounds);
}

Result<constrain::Constraint::Shared> FormatMasks::compile_calls(CallGrammarOptions calls, const OutputFormat& format) {
  HEARTH_TRY(const auto vocabulary, trie());
  calls.control_tokens = [&](std::string_view text) {
    std::vector<std::string> names;
    const auto tokens = vocabulary_->encode(text, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
    for (const Token token : tokens) {
      std::string name = vocabulary_->token_name(token);
      if (vocabulary->kind(token) == constrain::TokenKind::kSpecial && text.contains(name))
        names.push_back(std::move(name));
    }
    return names;
  };
  constrain::Constraint::Shared instead;
  if (format.kind != Kind::kText) {
    HEARTH_TRY(instead, compile(format));
    calls.instead = &instead->grammar();
  }
  HEARTH_TRY(constrain::Grammar grammar, call_grammar(calls));
  return constrain::Constraint::from_grammar(std::move(grammar));
}

}  // namespace hearth::generate
