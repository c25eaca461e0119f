// Keys, and the drawing of a text that may take several rows.
#include "cli/chat/line_editor.h"

#include <algorithm>
#include <utility>

#include "text/char_class.h"
#include "text/utf8.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

constexpr char kEscape = '\x1b';

constexpr char control_key(char letter) {
  return static_cast<char>(letter - 'A' + 1);
}

/// How many bytes the key at the front has; 0 while it is not complete.
std::size_t key_length(std::string_view bytes) {
  if (bytes.front() != kEscape) {
    if (static_cast<unsigned char>(bytes.front()) < 0x80) return 1;
    if (text::incomplete_utf8_tail(bytes) == bytes.size()) return 0;
    return text::decode_utf8(bytes, 0).n_bytes;
  }
  if (bytes.size() == 1) return 0;
  if (bytes[1] != '[' && bytes[1] != 'O') return 2;  // Alt and a key
  // ESC [ parameters, then one byte from @ to ~.
  for (std::size_t i = 2; i < bytes.size(); ++i) {
    if (bytes[i] >= '@' && bytes[i] <= '~') return i + 1;
    if (static_cast<unsigned char>(bytes[i]) < ' ' || i > 16) return i;  // nothing we know: swallowed
  }
  return 0;
}

bool is_word(char c) {
  return c != ' ' && c != '\n' && c != '\t';
}

/// Pasted line ends are CR or CR LF; other control bytes have no meaning in a text.
std::string cleaned(std::string_view pasted) {
  std::string text;
  for (std::size_t i = 0; i < pasted.size(); ++i) {
    const char c = pasted[i];
    if (c == '\r') {
      if (i + 1 == pasted.size() || pasted[i + 1] != '\n') text += '\n';
    } else if (c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= ' ') {
      text += c;
    }
  }
  return text;
}

}  // namespace

void LineEditor::begin(std::string prompt, std::string more, std::size_t n_columns) {
  prompt_ = std::move(prompt);
  more_ = std::move(more);
  n_columns_ = std::max<std::size_t>(n_columns, 8);
  text_.clear();
  cursor_ = shown_row_ = 0;
  recalled_ = history_.size();
  unfinished_.clear();
  changed_ = true;
  over_ = false;
}

void LineEditor::remember(std::string text) {
  if (!text.empty() && (history_.empty() || history_.back() != text)) history_.push_back(std::move(text));
}

LineEditor::State LineEditor::feed(std::string_view bytes) {
  waiting_ += bytes;
  constexpr std::string_view kPasteEnd = "\x1b[201~";
  while (!waiting_.empty() && !over_) {
    if (pasting_) {
      const std::size_t end = waiting_.find(kPasteEnd);
      if (end == std::string::npos) break;
      insert(cleaned(std::string_view(waiting_).substr(0, end)));
      waiting_.erase(0, end + kPasteEnd.size());
      pasting_ = false;
      changed_ = true;
      continue;
    }
    const std::size_t n = key_length(waiting_);
    if (n == 0) break;
    const std::string key = waiting_.substr(0, n);
    waiting_.erase(0, n);
    const State state = take(key);
    if (state == State::kTyping) continue;
    over_ = true;
    cursor_ = text_.size();
    return state;
  }
  return State::kTyping;
}

LineEditor::State LineEditor::take(std::string_view key) {
  changed_ = true;
  if (key.front() == kEscape) {
    if (key == "\x1b\r" || key == "\x1b\n") {
      insert("\n");
    } else {
      escape(key.substr(1));
    }
    return State::kTyping;
  }
  if (key == "\r") {
    if (!text_.ends_with('\\') || cursor_ != text_.size()) return State::kDone;
    text_.back() = '\n';  // a line that ends with a backslash goes on
    return State::kTyping;
  }
  if (static_cast<unsigned char>(key.front()) < ' ' || key.front() == '\x7f') return control(key.front());
  if (text::decode_utf8(key, 0).valid) insert(key);
  return State::kTyping;
}

LineEditor::State LineEditor::control(char key) {
  switch (key) {
    case control_key('C'): return State::kInterrupt;
    case control_key('D'):
      if (text_.empty()) return State::kEnd;
      erase(cursor_, neighbour(Step::kForward));
      break;
    case '\x7f':
    case control_key('H'): erase(neighbour(Step::kBack), cursor_); break;
    case control_key('J'): insert("\n"); break;
    case '\t': insert("  "); break;
    case control_key('A'): cursor_ = line_begin(); break;
    case control_key('E'): cursor_ = line_end(); break;
    case control_key('B'): cursor_ = neighbour(Step::kBack); break;
    case control_key('F'): cursor_ = neighbour(Step::kForward); break;
    case control_key('K'): erase(cursor_, line_end()); break;
    case control_key('U'): erase(line_begin(), cursor_); break;
    case control_key('W'): erase(word_edge(Step::kBack), cursor_); break;
    case control_key('P'): recall(Step::kBack); break;
    case control_key('N'): recall(Step::kForward); break;
    default: break;
  }
  return State::kTyping;
}

void LineEditor::escape(std::string_view sequence) {
  if (sequence == "[200~") {
    pasting_ = true;
  } else if (sequence == "[A" || sequence == "OA") {
    if (!move_line(Step::kBack)) recall(Step::kBack);
  } else if (sequence == "[B" || sequence == "OB") {
    if (!move_line(Step::kForward)) recall(Step::kForward);
  } else if (sequence == "[C" || sequence == "OC") {
    cursor_ = neighbour(Step::kForward);
  } else if (sequence == "[D" || sequence == "OD") {
    cursor_ = neighbour(Step::kBack);
  } else if (sequence == "[H" || sequence == "OH" || sequence == "[1~") {
    cursor_ = line_begin();
  } else if (sequence == "[F" || sequence == "OF" || sequence == "[4~") {
    cursor_ = line_end();
  } else if (sequence == "[3~") {
    erase(cursor_, neighbour(Step::kForward));
  } else if (sequence == "b" || sequence == "[1;5D") {
    cursor_ = word_edge(Step::kBack);
  } else if (sequence == "f" || sequence == "[1;5C") {
    cursor_ = word_edge(Step::kForward);
  }
}

void LineEditor::insert(std::string_view text) {
  text_.insert(cursor_, text);
  cursor_ += text.size();
}

void LineEditor::erase(std::size_t from, std::size_t to) {
  text_.erase(from, to - from);
  cursor_ = from;
}

/// The next character's border; characters that take no column go with the one before them.
std::size_t LineEditor::neighbour(Step step) const {
  const auto joins = [&](std::size_t at) {
    if (at >= text_.size()) return false;
    const auto c = text::decode_utf8(text_, at);
    return (c.code != '\n' && text::n_columns(c.code) == 0) || (static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80;
  };
  std::size_t at = cursor_;
  if (step == Step::kForward) {
    if (at < text_.size()) ++at;
    while (joins(at)) ++at;
    return at;
  }
  if (at > 0) --at;
  while (at > 0 && joins(at)) --at;
  return at;
}

std::size_t LineEditor::word_edge(Step step) const {
  std::size_t at = cursor_;
  if (step == Step::kForward) {
    while (at < text_.size() && !is_word(text_[at])) ++at;
    while (at < text_.size() && is_word(text_[at])) ++at;
    return at;
  }
  while (at > 0 && !is_word(text_[at - 1])) --at;
  while (at > 0 && is_word(text_[at - 1])) --at;
  return at;
}

std::size_t LineEditor::line_begin() const {
  const std::size_t before = cursor_ == 0 ? std::string::npos : text_.rfind('\n', cursor_ - 1);
  return before == std::string::npos ? 0 : before + 1;
}

std::size_t LineEditor::line_end() const {
  return std::min(text_.find('\n', cursor_), text_.size());
}

/// To the line above or below, at the same distance from its beginning; false where there is none.
bool LineEditor::move_line(Step step) {
  const std::size_t begin = line_begin(), distance = cursor_ - begin;
  std::size_t other = 0;
  if (step == Step::kBack) {
    if (begin == 0) return false;
    cursor_ = begin - 1;
    other = line_begin();
  } else {
    const std::size_t end = line_end();
    if (end == text_.size()) return false;
    cursor_ = other = end + 1;
  }
  cursor_ = std::min(other + distance, line_end());
  while (cursor_ > other && cursor_ < text_.size() && (static_cast<unsigned char>(text_[cursor_]) & 0xC0) == 0x80)
    --cursor_;
  return true;
}

void LineEditor::recall(Step step) {
  if (step == Step::kBack ? recalled_ == 0 : recalled_ == history_.size()) return;
  if (recalled_ == history_.size()) unfinished_ = text_;
  recalled_ += step == Step::kBack ? -1 : 1;
  text_ = recalled_ == history_.size() ? unfinished_ : history_[recalled_];
  cursor_ = text_.size();
}

LineEditor::Place LineEditor::place_of(std::size_t byte) const {
  Place place{.row = 0, .column = prompt_.size()};
  for (std::size_t at = 0; at < byte;) {
    const auto c = text::decode_utf8(text_, at);
    at += c.n_bytes;
    if (c.code == '\n') {
      place = {place.row + 1, more_.size()};
      continue;
    }
    const std::size_t width = text::n_columns(c.code);
    if (place.column + width > n_columns_) place = {place.row + 1, 0};
    place.column += width;
  }
  if (place.column >= n_columns_) place = {place.row + 1, 0};
  return place;
}

std::string LineEditor::output() {
  if (!std::exchange(changed_, false)) return {};
  std::string out = "\r";
  if (shown_row_ > 0) out += fmt::format("\x1b[{}A", shown_row_);
  out += "\x1b[J" + prompt_;  // clears from here to the end of the screen
  for (const char c : text_) out += c == '\n' ? "\r\n" + more_ : std::string(1, c);
  const Place end = place_of(text_.size()), cursor = place_of(cursor_);
  if (end.column == 0 && end.row > 0 && !text_.ends_with('\n')) out += "\r\n";  // the terminal waits at the edge
  if (over_) {
    shown_row_ = 0;
    return out + "\r\n";
  }
  if (end.row > cursor.row) out += fmt::format("\x1b[{}A", end.row - cursor.row);
  out += "\r";
  if (cursor.column > 0) out += fmt::format("\x1b[{}C", cursor.column);
  shown_row_ = cursor.row;
  return out;
}

}  // namespace hearth::cli
