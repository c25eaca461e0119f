// The line editor on a small terminal: what a person sees after each key.
#include "cli/chat/line_editor.h"

#include <gtest/gtest.h>

#include "text/char_class.h"
#include "text/utf8.h"

namespace hearth::cli {
namespace {

/// As much of a terminal as the editor uses: rows of characters, a cursor, wrapping at the edge.
class Terminal {
 public:
  explicit Terminal(std::size_t n_columns) : n_columns_(n_columns) {}
  void write(std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      if (bytes.substr(at).starts_with("\x1b[")) {
        std::size_t number = 0;
        for (at += 2; bytes[at] >= '0' && bytes[at] <= '9'; ++at)
          number = number * 10 + static_cast<std::size_t>(bytes[at] - '0');
        move(bytes[at++], number);
        continue;
      }
      const auto c = text::decode_utf8(bytes, at);
      put(c.code, bytes.substr(at, c.n_bytes));
      at += c.n_bytes;
    }
  }
  /// The rows, and | where the cursor is.
  [[nodiscard]] std::string shown() const {
    std::string all;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      for (std::size_t column = 0; column <= rows_[row].size(); ++column) {
        if (row == row_ && column == column_) all += '|';
        if (column < rows_[row].size()) all += rows_[row][column];
      }
      if (row + 1 < rows_.size()) all += '\n';
    }
    return all;
  }

 private:
  void move(char what, std::size_t number) {
    if (what == 'A') row_ -= std::min(row_, number);
    if (what == 'C') column_ = std::min(column_ + number, n_columns_ - 1);
    if (what != 'J') return;
    rows_.resize(row_ + 1);
    rows_[row_].resize(std::min(rows_[row_].size(), column_));
  }
  void put(std::uint32_t code, std::string_view bytes) {
    if (code == '\r') {
      column_ = 0;
    } else if (code == '\n') {
      if (++row_ == rows_.size()) rows_.emplace_back();
    } else {
      const std::size_t width = text::n_columns(code);
      if (width > 0 && column_ + width > n_columns_) {
        column_ = 0;
        if (++row_ == rows_.size()) rows_.emplace_back();
      }
      auto& row = rows_[row_];
      if (width == 0) {
        row.back() += bytes;
        return;
      }
      row.resize(std::max(row.size(), column_ + width));
      row[column_] = bytes;
      column_ += width;
    }
  }
  std::size_t n_columns_, row_ = 0, column_ = 0;
  std::vector<std::vector<std::string>> rows_{1};
};

class Typing {
 public:
  explicit Typing(std::size_t n_columns = 40) : terminal_(n_columns), n_columns_(n_columns) { begin(); }
  void begin() {
    editor.begin("> ", ". ", n_columns_);
    terminal_ = Terminal(n_columns_);
    terminal_.write(editor.output());
  }
  LineEditor::State type(std::string_view bytes) {
    const LineEditor::State state = editor.feed(bytes);
    terminal_.write(editor.output());
    return state;
  }
  [[nodiscard]] std::string shown() const { return terminal_.shown(); }
  LineEditor editor;

 private:
  Terminal terminal_;
  std::size_t n_columns_;
};

constexpr std::string_view kUp = "\x1b[A", kDown = "\x1b[B", kRight = "\x1b[C", kLeft = "\x1b[D";

TEST(LineEditor, ShowsWhatIsTypedAndSendsItWithEnter) {
  Typing t;
  EXPECT_EQ(t.shown(), "> |");
  t.type("Hello");
  EXPECT_EQ(t.shown(), "> Hello|");
  t.type(kLeft);
  t.type(kLeft);
  t.type("-");
  EXPECT_EQ(t.shown(), "> Hel-|lo");
  t.type("\x7f");
  t.type("\x01X");
  EXPECT_EQ(t.shown(), "> X|Hello");
  t.type("\x05!");
  EXPECT_EQ(t.type("\r"), LineEditor::State::kDone);
  EXPECT_EQ(t.editor.text(), "XHello!");
  EXPECT_EQ(t.shown(), "> XHello!\n|");
}

TEST(LineEditor, CharactersOfSeveralBytesAndColumns) {
  Typing t;
  t.type("\xE4\xBD\xA0\xE5\xA5\xBD");  // two wide characters
  EXPECT_EQ(t.shown(), "> \xE4\xBD\xA0\xE5\xA5\xBD|");
  t.type(kLeft);
  t.type("e\xCC");  // an accent that stands on the e comes in two parts
  t.type("\x81");
  EXPECT_EQ(t.editor.text(),
            "\xE4\xBD\xA0"
            "e\xCC\x81\xE5\xA5\xBD");
  t.type("\x7f");
  EXPECT_EQ(t.editor.text(), "\xE4\xBD\xA0\xE5\xA5\xBD") << "an accent goes with its letter";
  t.type("\xff\x80");
  EXPECT_EQ(t.editor.text(), "\xE4\xBD\xA0\xE5\xA5\xBD") << "bytes that are no character";
}

TEST(LineEditor, LongTextsWrapAndAreDrawnAnew) {
  Typing t(10);
  t.type("0123456");
  EXPECT_EQ(t.shown(), "> 0123456|");
  t.type("7");
  EXPECT_EQ(t.shown(), "> 01234567\n|");
  t.type("89");
  EXPECT_EQ(t.shown(), "> 01234567\n89|");
  t.type("\x01");
  EXPECT_EQ(t.shown(), "> |01234567\n89");
  t.type("\x0b");
  EXPECT_EQ(t.shown(), "> |");
}

TEST(LineEditor, SeveralLines) {
  Typing t;
  EXPECT_EQ(t.type("one\\\r"), LineEditor::State::kTyping);
  t.type("two\x1b\rthree");
  EXPECT_EQ(t.shown(), "> one\n. two\n. three|");
  t.type(kUp);
  EXPECT_EQ(t.shown(), "> one\n. two|\n. three");
  t.type(kUp);
  t.type(kLeft);
  EXPECT_EQ(t.shown(), "> on|e\n. two\n. three");
  t.type(kDown);
  t.type("\x15");
  EXPECT_EQ(t.shown(), "> one\n. |o\n. three");
  EXPECT_EQ(t.type("\r"), LineEditor::State::kDone);
  EXPECT_EQ(t.editor.text(), "one\no\nthree");
  EXPECT_EQ(t.shown(), "> one\n. o\n. three\n|");
}

TEST(LineEditor, PastedLinesAreNotSent) {
  Typing t;
  const std::string paste = "\x1b[200~a\r\nb\rc\x1b[31m\td\x1b[201~!";
  for (const char c : paste) EXPECT_EQ(t.type(std::string_view(&c, 1)), LineEditor::State::kTyping);
  EXPECT_EQ(t.editor.text(), "a\nb\nc[31m\td!");
}

TEST(LineEditor, HistoryKeepsWhatIsBeingWritten) {
  Typing t;
  t.editor.remember("first");
  t.editor.remember("second");
  t.editor.remember("second");
  t.begin();
  t.type("third");
  t.type(kUp);
  EXPECT_EQ(t.editor.text(), "second");
  t.type(kUp);
  t.type(kUp);
  EXPECT_EQ(t.editor.text(), "first");
  t.type(kDown);
  t.type(kDown);
  EXPECT_EQ(t.shown(), "> third|");
}

TEST(LineEditor, WordsDeletionAndTheWaysOut) {
  Typing t;
  t.type("some more words");
  t.type("\x17");
  EXPECT_EQ(t.editor.text(), "some more ");
  t.type("\x1b[1;5D");
  t.type("\x1b[3~");
  EXPECT_EQ(t.editor.text(), "some ore ");
  t.type("\x04");
  EXPECT_EQ(t.editor.text(), "some re ") << "Ctrl-D deletes where there is text";
  EXPECT_EQ(t.type("\x03"), LineEditor::State::kInterrupt);
  t.begin();
  EXPECT_EQ(t.type("\x04"), LineEditor::State::kEnd);
}

TEST(LineEditor, WhatComesAfterTheEndWaits) {
  Typing t;
  EXPECT_EQ(t.type("one\rtwo"), LineEditor::State::kDone);
  EXPECT_EQ(t.editor.text(), "one");
  t.begin();
  t.type("");
  EXPECT_EQ(t.shown(), "> two|");
}

TEST(LineEditor, RandomBytesDoNoHarm) {
  std::uint32_t state = 1;
  Typing t(20);
  for (int i = 0; i < 4000; ++i) {
    state = state * 1664525 + 1013904223;
    const std::string_view keys[] = {kUp, kDown, kLeft, kRight, "\x1b[200~", "\x1b[201~", "\xE4\xBD\xA0", "\x1b"};
    const std::uint32_t pick = state >> 24;
    const char byte = static_cast<char>(state >> 16);
    if (t.type(pick < 64 ? keys[pick % 8] : std::string_view(&byte, 1)) != LineEditor::State::kTyping) {
      t.editor.remember(t.editor.text());
      t.begin();
    }
  }
}

}  // namespace
}  // namespace hearth::cli
