// Thoughts and answers across piece borders.
#include "generate/reasoning.h"

#include <algorithm>
#include <utility>

#include "generate/white_space.h"

namespace hearth::generate {

namespace {

/// How many bytes at the end of `text` are white space or the beginning of `tag`, after white space.
std::size_t undecided_tail(std::string_view text, std::string_view tag) {
  std::size_t tail = 0;
  for (std::size_t n = std::min(tag.size(), text.size()); n > 0 && tail == 0; --n) {
    if (text.ends_with(tag.substr(0, n))) tail = n;
  }
  const std::size_t last = text.substr(0, text.size() - tail).find_last_not_of(kWhiteSpace);
  return last == std::string_view::npos ? text.size() : text.size() - last - 1;
}

void strip_front(std::string& text) {
  text.erase(0, std::min(text.find_first_not_of(kWhiteSpace), text.size()));
}

}  // namespace

ReasoningSplitter::ReasoningSplitter(ReasoningTags tags, Start start) : tags_(std::move(tags)) {
  if (tags_.open.empty() || tags_.close.empty() || start == Start::kAnswering) return;
  state_ = start == Start::kThinking ? State::kThinking : State::kUndecided;
}

ShownText ReasoningSplitter::feed(std::string_view piece) {
  held_ += piece;
  ShownText shown;
  while (step(shown)) {
  }
  return shown;
}

/// One decision; true when another may follow.
bool ReasoningSplitter::step(ShownText& shown) {
  switch (state_) {
    case State::kUndecided: return decide(shown);
    case State::kThinking: return think(shown);
    case State::kAfterThought:
      strip_front(held_);
      if (held_.empty()) return false;
      state_ = State::kAnswering;
      return true;
    case State::kAnswering: shown.answer += std::exchange(held_, {}); return false;
  }
  return false;
}

bool ReasoningSplitter::decide(ShownText&) {
  const std::size_t begin = held_.find_first_not_of(kWhiteSpace);
  if (begin == std::string::npos) return false;
  const std::string_view text = std::string_view(held_).substr(begin);
  if (text.starts_with(tags_.open)) {
    held_.erase(0, begin + tags_.open.size());
    state_ = State::kThinking;
    return true;
  }
  if (tags_.open.starts_with(text)) return false;
  state_ = State::kAnswering;
  return true;
}

bool ReasoningSplitter::think(ShownText& shown) {
  if (!thought_begun_) strip_front(held_);
  const std::size_t close = held_.find(tags_.close);
  const std::string_view text = std::string_view(held_).substr(0, close);
  const std::size_t end = close == std::string::npos ? text.size() - undecided_tail(text, tags_.close)
                                                     : text.find_last_not_of(kWhiteSpace) + 1;
  shown.reasoning += text.substr(0, end);
  thought_begun_ = thought_begun_ || end > 0;
  if (close == std::string::npos) {
    held_.erase(0, end);
    return false;
  }
  held_.erase(0, close + tags_.close.size());
  state_ = State::kAfterThought;
  return true;
}

ShownText ReasoningSplitter::flush() {
  ShownText shown;
  (state_ == State::kThinking ? shown.reasoning : shown.answer) = std::exchange(held_, {});
  return shown;
}

}  // namespace hearth::generate
