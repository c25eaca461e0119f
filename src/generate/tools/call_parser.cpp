// Calls that are marked in the text, or make it up.
#include "generate/tools/call_parser.h"

#include <algorithm>
#include <utility>

#include "generate/tools/recipient_parser.h"

#include <fmt/format.h>

namespace hearth::generate {

namespace {

constexpr std::string_view kBesideCalls = " \t\r\n";
/// A call longer than this is text: reading it again and again would cost too much.
constexpr std::size_t kLongestCall = 1u << 18;

/// The word that a format begins with: what follows white space in it is checked when the call is read.
std::string_view first_word(std::string_view opener) {
  return opener.substr(0, opener.find_first_of(kBesideCalls));
}

class MarkedCallParser final : public CallParser {
 public:
  explicit MarkedCallParser(CallParserOptions options) : options_(std::move(options)), teller_(options_) {
    for (const CallFormat& format : options_.family->formats) {
      if (!format.marked()) continue;
      const std::string_view word = first_word(format.opener());
      if (std::ranges::find(openers_, word) == openers_.end()) openers_.push_back(word);
    }
  }

  ShownText feed(std::string_view piece) override {
    held_ += piece;
    n_new_ += piece.size();
    return run(TextEnd::kGrows);
  }
  ShownText flush() override {
    ShownText shown = run(TextEnd::kFinal);
    shown.answer += std::exchange(held_, {});
    return shown;
  }

 private:
  enum class State : std::uint8_t {
    kBeginning,  // unmarked calls may stand here
    kText,
    kOpened,     // held_ begins with an opener, or an unmarked call is possible
    kBlock,      // a call was read, more may follow
    kAfterCall,  // white space is not shown
  };

  ShownText run(TextEnd end) {
    ShownText shown;
    if (worth_reading(end)) {
      while (step(shown, end)) {
      }
      n_new_ = 0;
    }
    return shown;
  }

  /// A long call is read again only when it has grown by a part of its length or could be complete.
  [[nodiscard]] bool worth_reading(TextEnd end) const {
    if (end == TextEnd::kFinal || (state_ != State::kOpened && state_ != State::kBlock)) return true;
    const std::string_view fresh = std::string_view(held_).substr(held_.size() - std::min(n_new_, held_.size()));
    return n_new_ * 64 >= held_.size() || fresh.find_first_of("}])>") != std::string_view::npos;
  }

  bool step(ShownText& shown, TextEnd end) {
    switch (state_) {
      case State::kBeginning: return begin(end);
      case State::kText: return text(shown, end);
      case State::kOpened: return opened(shown, end);
      case State::kBlock: return block(shown, end);
      case State::kAfterCall: return after_call();
    }
    return false;
  }

  bool begin(TextEnd end) {
    if (held_.find_first_not_of(kBesideCalls) == std::string::npos && end == TextEnd::kGrows) return false;
    const bool unmarked =
        std::ranges::any_of(options_.family->formats, [](const CallFormat& format) { return !format.marked(); });
    unmarked_ = unmarked && !held_.empty();
    state_ = unmarked_ ? State::kOpened : State::kText;
    return true;
  }

  /// Shows what is no opener, and stops before one.
  bool text(ShownText& shown, TextEnd end) {
    std::size_t found = std::string::npos;
    for (const std::string_view opener : openers_) found = std::min(found, held_.find(opener));
    if (found != std::string::npos) {
      const std::size_t n_text = trimmed_right(std::string_view(held_).substr(0, found)).size();
      shown.answer += held_.substr(0, n_text);
      space_ = held_.substr(n_text, found - n_text);
      held_.erase(0, found);
      state_ = State::kOpened;
      return true;
    }
    const std::size_t tail = end == TextEnd::kFinal ? 0 : undecided();
    shown.answer += held_.substr(0, held_.size() - tail);
    held_.erase(0, held_.size() - tail);
    return false;
  }

  static std::string_view trimmed_right(std::string_view text) {
    return text.substr(0, text.find_last_not_of(kBesideCalls) + 1);
  }

  /// Bytes at the end of held_ that may be the beginning of an opener, with the white space before it.
  [[nodiscard]] std::size_t undecided() const {
    std::size_t tail = 0;
    for (const std::string_view opener : openers_) {
      for (std::size_t n = std::min(opener.size() - 1, held_.size()); n > tail; --n) {
        if (std::string_view(held_).ends_with(opener.substr(0, n))) tail = n;
      }
    }
    return held_.size() - trimmed_right(std::string_view(held_).substr(0, held_.size() - tail)).size();
  }

  bool opened(ShownText& shown, TextEnd end) {
    std::string why;
    for (const CallFormat& format : options_.family->formats) {
      if (format.marked() == unmarked_ || !begins_with(format)) continue;
      ReadCall call = read_first_call(format, *options_.tools, held_, end, block_);
      if (call.reading == Reading::kMore && held_.size() > kLongestCall) {
        call.reading = Reading::kNo;
        call.why = "it is too long";
      }
      if (call.reading == Reading::kNo) {
        if (why.empty()) why = call.why;
        if (format_ == &format) teller_.withdraw(shown);
        continue;
      }
      teller_.tell(call, shown);
      format_ = &format;
      if (call.reading == Reading::kMore) return false;
      held_.erase(0, call.n_bytes);
      space_.clear();
      state_ = State::kBlock;
      return true;
    }
    if (unmarked_) {
      unmarked_ = false;
      state_ = State::kText;
      return true;
    }
    give_back(shown, why);
    return true;
  }

  [[nodiscard]] bool begins_with(const CallFormat& format) const {
    return unmarked_ || held_.starts_with(first_word(format.opener()));
  }

  /// The opener is text after all; calls behind it are still found.
  void give_back(ShownText& shown, const std::string& why) {
    std::size_t n = 1;
    for (const std::string_view opener : openers_) {
      if (held_.starts_with(opener)) n = std::max(n, opener.size());
    }
    teller_.drop(shown, why);
    shown.answer += std::exchange(space_, {});
    shown.answer += held_.substr(0, n);
    held_.erase(0, n);
    state_ = State::kText;
  }

  bool block(ShownText& shown, TextEnd end) {
    const ReadCall call = read_next_call(*format_, *options_.tools, held_, end, block_);
    if (call.reading == Reading::kMore) {
      teller_.tell(call, shown);
      return false;
    }
    if (call.reading == Reading::kNo) {
      teller_.drop(shown, call.why);
      state_ = State::kText;
      return true;
    }
    held_.erase(0, call.n_bytes);
    if (call.name.empty()) {
      teller_.withdraw(shown);  // what followed a separator was no call
      state_ = State::kAfterCall;
    } else {
      teller_.tell(call, shown);
    }
    return true;
  }

  bool after_call() {
    held_.erase(0, std::min(held_.find_first_not_of(kBesideCalls), held_.size()));
    if (held_.empty()) return false;
    unmarked_ = false;
    state_ = State::kText;
    return true;
  }

  CallParserOptions options_;
  CallTeller teller_;
  std::vector<std::string_view> openers_;
  State state_ = State::kBeginning;
  bool unmarked_ = false;               // kOpened: by the place alone
  const CallFormat* format_ = nullptr;  // of the call that is read
  CallBlock block_;
  std::string held_, space_;  // space_: stood before the opener
  std::size_t n_new_ = 0;     // bytes of held_ since it was last read
};

/// Every answer is text.
class NoCallParser final : public CallParser {
 public:
  ShownText feed(std::string_view piece) override {
    ShownText shown;
    shown.answer = piece;
    return shown;
  }
  ShownText flush() override { return {}; }
};

}  // namespace

std::unique_ptr<CallParser> make_call_parser(CallParserOptions options) {
  if (options.family == nullptr) return std::make_unique<NoCallParser>();
  if (!options.tools) options.tools = std::make_shared<const ToolSet>();
  if (options.family->formats.front().syntax == CallSyntax::kRecipient)
    return make_recipient_parser(std::move(options));
  if (options.tools->tools().empty()) return std::make_unique<NoCallParser>();
  return std::make_unique<MarkedCallParser>(std::move(options));
}

}  // namespace hearth::generate
