// ShownText: what a step lets the caller see, in the order in which it was said.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hearth::generate {

/// A call of a tool begins, its arguments grow, or it turns out to be none.
struct CallPiece {
  std::size_t at = 0;  // bytes of the answer's text, of the same piece, that stand before it
  std::size_t call_idx = 0;
  std::string id, name;   // when it begins
  std::string arguments;  // more of them
  bool withdrawn = false;
};

/// What may be shown; all of it is valid UTF-8 when the text that came in was.
struct ShownText {
  std::string reasoning;  // comes before `answer`
  std::string answer;
  std::vector<CallPiece> calls;
  std::vector<std::string> notes;  // about calls

  [[nodiscard]] bool empty() const { return reasoning.empty() && answer.empty() && calls.empty() && notes.empty(); }
  /// `next` was said after this; it has no thoughts, or this has nothing behind its own.
  void append(ShownText next) {
    reasoning += next.reasoning;
    for (CallPiece& call : next.calls) {
      call.at += answer.size();
      calls.push_back(std::move(call));
    }
    answer += next.answer;
    for (std::string& note : next.notes) notes.push_back(std::move(note));
  }
};

}  // namespace hearth::generate
