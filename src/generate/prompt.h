// Messages to the tokens that a model reads, through its chat template.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "generate/prefix_cache.h"
#include "generate/reasoning.h"
#include "hearth/request.h"
#include "hearth/vocabulary.h"
#include "text/template_names.h"

namespace hearth::generate {

struct Prompt {
  std::vector<Token> tokens;
  std::vector<PromptMark> marks;
  ReasoningSplitter::Start start = ReasoningSplitter::Start::kAnswering;
};

/// Immutable; several threads may use it at once.
class PromptMaker {
 public:
  /// Chooses the template. `now` answers templates that ask for the date; without it they are refused.
  static Result<PromptMaker> make(const Vocabulary& vocabulary, text::TemplateCandidates candidates,
                                  std::function<text::LocalTime()> now);

  enum class Ending : std::uint8_t { kAnswerFollows, kMoreFollows };
  /// The prompt for `messages`, with what the request says about reasoning and the answer's beginning.
  [[nodiscard]] Result<Prompt> render(const std::vector<Message>& messages, const Request& request,
                                      Ending ending = Ending::kAnswerFollows) const;
  /// A text as it stands, without a template.
  [[nodiscard]] Prompt plain(const std::string& text) const;

  /// Empty for a model that does not think aloud.
  [[nodiscard]] const ReasoningTags& tags() const { return tags_; }
  /// "built-in chatml: why".
  [[nodiscard]] const std::string& source() const { return source_; }

 private:
  PromptMaker(const Vocabulary& vocabulary, text::ChosenTemplate chosen, std::function<text::LocalTime()> now);
  void open_answer(const Request& request, std::vector<text::Segment>& segments, Prompt& prompt) const;
  [[nodiscard]] std::vector<PromptMark> marks(const std::vector<Message>& messages,
                                              const std::vector<text::Segment>& segments,
                                              std::span<const Token> tokens) const;

  const Vocabulary* vocabulary_;
  text::ChatTemplate template_;
  std::string source_;
  std::function<text::LocalTime()> now_;
  ReasoningTags tags_;
};

}  // namespace hearth::generate
