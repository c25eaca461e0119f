// Messages to the tokens that a model reads, through its chat template.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "generate/prefix_cache.h"
#include "generate/reasoning.h"
#include "generate/tools/call_format.h"
#include "generate/tools/tool_prompt.h"
#include "hearth/request.h"
#include "hearth/vocabulary.h"
#include "text/template_names.h"

namespace hearth::generate {

struct Prompt {
  std::vector<Token> tokens;
  std::vector<PromptMark> marks;
  ReasoningSplitter::Start start = ReasoningSplitter::Start::kAnswering;
};

/// The tokens of a text that goes on: a model that closes texts with EOS does not do so here.
std::vector<Token> encode_open_text(const Vocabulary& vocabulary, std::string_view text,
                                    const EncodeOptions& options = {});

/// Whether the model may call tools.
bool wants_calls(const Request& request);

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
  /// Without a template. Refuses tokens of no vocabulary.
  [[nodiscard]] Result<Prompt> plain(const PlainPrompt& given) const;

  /// Empty for a model that does not think aloud.
  [[nodiscard]] const ReasoningTags& tags() const { return tags_; }
  /// "built-in chatml: why".
  [[nodiscard]] const std::string& source(const Request& request) const {
    return side(request.messages, request).source;
  }
  [[nodiscard]] const std::string& source() const { return plain_->source; }
  /// How the model writes calls of tools.
  [[nodiscard]] const ChosenCalls& calls(const Request& request) const { return side(request.messages, request).calls; }

 private:
  struct Side {
    text::ChatTemplate chat_template;
    std::string source;
    CallSpelling spelling;
    ChosenCalls calls;
  };
  PromptMaker(const Vocabulary& vocabulary, std::function<text::LocalTime()> now)
      : vocabulary_(&vocabulary), now_(std::move(now)) {}
  [[nodiscard]] Result<Side> choose(text::TemplateCandidates candidates, text::TemplateCandidates::Tools tools) const;
  [[nodiscard]] const Side& side(const std::vector<Message>& messages, const Request& request) const;
  [[nodiscard]] text::RenderOptions render_options() const;
  void open_answer(const Request& request, std::vector<text::Segment>& segments, Prompt& prompt) const;
  [[nodiscard]] std::vector<PromptMark> marks(const std::vector<Message>& messages,
                                              const std::vector<text::Segment>& segments,
                                              std::span<const Token> tokens) const;

  const Vocabulary* vocabulary_;
  std::function<text::LocalTime()> now_;
  std::optional<Side> plain_, tools_;  // for conversations without and with tools; there once made
  ReasoningTags tags_;
};

}  // namespace hearth::generate
