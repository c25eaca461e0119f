// Tells what a model thinks from what it answers, in text that arrives in pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "generate/shown_text.h"

namespace hearth::generate {

/// How a family of models marks its thoughts: "<think>", "</think>". Empty: it does not.
struct ReasoningTags {
  std::string open, close;
  friend bool operator==(const ReasoningTags&, const ReasoningTags&) = default;
};

/// Feed pieces, show what comes back. A thought stands at the beginning of a reply: a tag that is mentioned later is
/// text. White space around tags is not shown.
class ReasoningSplitter {
 public:
  enum class Start : std::uint8_t {
    kUndecided,  // the reply may begin with a tag
    kThinking,   // the prompt has opened the thought already
    kAnswering,
  };
  ReasoningSplitter() = default;
  ReasoningSplitter(ReasoningTags tags, Start start);

  ShownText feed(std::string_view piece);
  /// What was held back, when no more text will come.
  ShownText flush();
  [[nodiscard]] bool thinking() const { return state_ == State::kThinking; }

 private:
  enum class State : std::uint8_t { kUndecided, kThinking, kAfterThought, kAnswering };
  bool step(ShownText& shown);
  bool decide(ShownText& shown);
  bool think(ShownText& shown);

  ReasoningTags tags_;
  State state_ = State::kAnswering;
  bool thought_begun_ = false;  // something of the thought has been shown
  std::string held_;
};

}  // namespace hearth::generate
