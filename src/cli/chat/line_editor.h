// What a person types becomes a text: editing, several lines, history, pasting. Knows no terminal: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::cli {

class LineEditor {
 public:
  enum class State : std::uint8_t {
    kTyping,
    kDone,       // Enter: text() is the text
    kInterrupt,  // Ctrl-C
    kEnd,        // Ctrl-D on an empty line
  };

  /// Begins an empty text. `prompt` stands before the first line, `more` before the others; both of ASCII.
  void begin(std::string prompt, std::string more, std::size_t n_columns);
  /// Takes bytes as a terminal sends them; what comes after the end of a text waits for the next begin().
  State feed(std::string_view bytes);
  /// What the terminal must be sent to show the present state; empty when nothing changed.
  std::string output();
  [[nodiscard]] const std::string& text() const { return text_; }
  /// The terminal has another width now.
  void resize(std::size_t n_columns) { n_columns_ = n_columns; }
  /// For the arrow keys; an entry like the last one is not kept twice.
  void remember(std::string text);

 private:
  enum class Step : std::uint8_t { kBack, kForward };
  State take(std::string_view key);
  State control(char key);
  void escape(std::string_view sequence);
  void insert(std::string_view text);
  void erase(std::size_t from, std::size_t to);
  [[nodiscard]] std::size_t neighbour(Step step) const;
  [[nodiscard]] std::size_t word_edge(Step step) const;
  [[nodiscard]] std::size_t line_begin() const;
  [[nodiscard]] std::size_t line_end() const;
  bool move_line(Step step);
  void recall(Step step);
  /// Row and column of a byte of the text, as the terminal wraps it.
  struct Place {
    std::size_t row = 0, column = 0;
  };
  [[nodiscard]] Place place_of(std::size_t byte) const;

  std::string prompt_, more_;
  std::size_t n_columns_ = 80;
  std::string text_;
  std::size_t cursor_ = 0;  // a byte of text_
  std::string waiting_;     // bytes of an unfinished key, and what came after the end
  bool pasting_ = false, changed_ = false, over_ = false;
  std::size_t shown_row_ = 0;  // of the cursor, as the terminal has it
  std::vector<std::string> history_;
  std::size_t recalled_ = 0;  // history_.size(): the text that is being written
  std::string unfinished_;    // that text, while the history is shown
};

}  // namespace hearth::cli
