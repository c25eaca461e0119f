// Header, body, header, body; what is no header is text.
#include "generate/tools/recipient_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace hearth::generate {

namespace {

constexpr std::string_view kRecipientSpaces = " \t\r\n";

/// How messages are framed.
struct Frame {
  std::string_view header_end;
  std::span<const std::string_view> body_ends;
};
constexpr std::array<std::string_view, 5> kHarmonyEnds = {"<|end|>", "<|call|>", "<|return|>", "<|start|>",
                                                          "<|channel|>"};
constexpr std::array<std::string_view, 1> kFunctionaryEnds = {">>>"};
/// What a header of harmony begins with, unless it is empty.
constexpr std::array<std::string_view, 4> kHarmonyHeaders = {"<|channel|>", "<|start|>", "to=", "assistant"};
constexpr std::size_t kLongestHeader = 256;
constexpr Frame kHarmony{.header_end = "<|message|>", .body_ends = kHarmonyEnds};
constexpr Frame kFunctionary{.header_end = "\n", .body_ends = kFunctionaryEnds};

enum class Audience : std::uint8_t { kUser, kSelf, kFunction, kUnclear };

struct Header {
  Audience audience = Audience::kUnclear;
  std::string function;
};

class RecipientParser final : public CallParser {
 public:
  explicit RecipientParser(CallParserOptions options)
      : options_(std::move(options)),
        teller_(options_),
        harmony_(options_.family->formats.front().name_close.find("<|message|>") != std::string_view::npos),
        frame_(harmony_ ? kHarmony : kFunctionary) {}

  ShownText feed(std::string_view piece) override {
    held_ += piece;
    return run(TextEnd::kGrows);
  }
  ShownText flush() override { return run(TextEnd::kFinal); }

 private:
  ShownText run(TextEnd end) {
    ShownText shown;
    while (in_header_ ? header(end) : body(shown, end)) {
    }
    return shown;
  }

  // ---- headers

  bool header(TextEnd end) {
    if (held_.empty()) return false;
    const std::size_t found = held_.find(frame_.header_end);
    if (found == std::string::npos) {
      if (end == TextEnd::kGrows && may_be_header(held_)) return false;
      become({});
      return true;
    }
    const std::string_view said = std::string_view(held_).substr(0, found);
    const Header read = is_header(said) ? read_header(said) : Header{};
    if (read.audience != Audience::kUnclear) held_.erase(0, found + frame_.header_end.size());
    become(read);
    return true;
  }

  /// What stands here without a header is for the user.
  void become(Header read) {
    header_ = std::move(read);
    in_header_ = false;
    fresh_ = true;
  }

  /// Whether a text without the header's end may grow to a header.
  [[nodiscard]] bool may_be_header(std::string_view text) const {
    if (text.size() >= kLongestHeader + frame_.header_end.size()) return false;
    if (!harmony_) return may_be_recipient(text);
    text = without_spaces(text);
    return frame_.header_end.starts_with(text) || std::ranges::any_of(kHarmonyHeaders, [&](std::string_view word) {
             return text.starts_with(word) || word.starts_with(text);
           });
  }

  /// Whether the text is all of a header but its end.
  [[nodiscard]] bool is_header(std::string_view text) const {
    if (text.size() > kLongestHeader) return false;
    if (!harmony_) return may_be_recipient(text);
    text = without_spaces(text);
    return text.empty() ||
           std::ranges::any_of(kHarmonyHeaders, [&](std::string_view word) { return text.starts_with(word); });
  }

  static std::string_view without_spaces(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(kRecipientSpaces), text.size()));
  }

  [[nodiscard]] bool may_be_recipient(std::string_view text) const {
    const auto fits = [&](std::string_view name) { return name.starts_with(text); };
    return fits("all") ||
           std::ranges::any_of(options_.tools->tools(), [&](const KnownTool& tool) { return fits(tool.name); });
  }

  [[nodiscard]] Header read_header(std::string_view text) const {
    if (!harmony_) {
      if (text == "all") return {Audience::kUser, {}};
      return options_.tools->find(text) != nullptr ? Header{Audience::kFunction, std::string(text)} : Header{};
    }
    const auto word_after = [&](std::string_view mark) -> std::string_view {
      const std::size_t at = text.find(mark);
      if (at == std::string_view::npos) return {};
      const std::string_view rest = text.substr(at + mark.size());
      return rest.substr(0, rest.find_first_of(" \t\r\n<"));
    };
    std::string_view recipient = word_after("to=");
    if (recipient.starts_with("functions.")) recipient.remove_prefix(std::string_view("functions.").size());
    if (!recipient.empty()) return {Audience::kFunction, std::string(recipient)};
    return {word_after("<|channel|>") == "analysis" ? Audience::kSelf : Audience::kUser, {}};
  }

  // ---- bodies

  bool body(ShownText& shown, TextEnd end) {
    std::size_t found = std::string::npos, n_mark = 0;
    // What looked like a header and is none may begin with a mark, which is text then.
    const std::size_t from = header_.audience == Audience::kUnclear && fresh_ ? 1 : 0;
    for (const std::string_view mark : frame_.body_ends) {
      const std::size_t at = held_.find(mark, from);
      if (at < found) found = at, n_mark = mark.size();
    }
    const bool ended = found != std::string::npos || end == TextEnd::kFinal;
    if (header_.audience == Audience::kFunction && !options_.tools->tools().empty()) {
      if (!call(shown, found, ended)) return false;
    } else {
      text(shown, found, end);
    }
    if (found == std::string::npos) return false;
    // The next message begins with what ends this one.
    const std::string_view mark = std::string_view(held_).substr(0, n_mark);
    if (mark != "<|start|>" && mark != "<|channel|>") held_.erase(0, n_mark);
    in_header_ = true;
    return true;
  }

  /// Shows the body up to `found`, which held_ begins with afterwards.
  void text(ShownText& shown, std::size_t found, TextEnd end) {
    std::size_t n = std::min(found, held_.size());
    if (found == std::string::npos && end == TextEnd::kGrows) n -= undecided();
    std::string& out = header_.audience == Audience::kSelf ? shown.reasoning : shown.answer;
    if (fresh_ && n > 0) separate(shown);
    out += held_.substr(0, n);
    held_.erase(0, n);
  }

  /// Two messages for the same reader are two paragraphs.
  void separate(ShownText& shown) {
    fresh_ = false;
    bool& said = header_.audience == Audience::kSelf ? thought_ : answered_;
    if (said) (header_.audience == Audience::kSelf ? shown.reasoning : shown.answer) += "\n\n";
    said = true;
  }

  [[nodiscard]] std::size_t undecided() const {
    std::size_t tail = 0;
    for (const std::string_view mark : frame_.body_ends) {
      for (std::size_t n = std::min(mark.size() - 1, held_.size()); n > tail; --n) {
        if (std::string_view(held_).ends_with(mark.substr(0, n))) tail = n;
      }
    }
    return tail;
  }

  /// The body is the arguments. False: there is more to come.
  bool call(ShownText& shown, std::size_t found, bool ended) {
    ReadCall read;
    read.name = header_.function;
    // What could be the beginning of a mark is none inside JSON that goes on.
    const std::string text = held_.substr(0, ended ? found : held_.size() - undecided());
    CallCursor at{.text = text};
    at.skip_space();
    read.reading = at.at_end() ? Reading::kMore : take_json(at, read.arguments);
    at.skip_space();
    if (!ended) {
      if (read.reading == Reading::kYes) read.reading = Reading::kMore;  // complete when the message is
      if (read.reading == Reading::kMore) teller_.tell(read, shown);
      return false;
    }
    if (text.find_first_not_of(kRecipientSpaces) == std::string::npos)
      read.reading = Reading::kYes, at.pos = text.size();
    if (read.reading == Reading::kYes && at.at_end() && settle_arguments(read.arguments)) {
      teller_.tell(read, shown);
    } else {
      teller_.drop(shown, "the message for \"" + header_.function + "\" is no JSON object");
      if (answered_) shown.answer += "\n\n";
      answered_ = true;
      shown.answer += text;
    }
    held_.erase(0, text.size());
    return true;
  }

  CallParserOptions options_;
  CallTeller teller_;
  bool harmony_;
  Frame frame_;
  std::string held_;
  Header header_;
  bool in_header_ = true;
  bool fresh_ = false;                       // nothing of this body was shown
  bool thought_ = false, answered_ = false;  // something was shown
};

}  // namespace

std::unique_ptr<CallParser> make_recipient_parser(CallParserOptions options) {
  return std::make_unique<RecipientParser>(std::move(options));
}

}  // namespace hearth::generate
