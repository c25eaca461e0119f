// The variables of a template, and where in its text each message came to stand.
#include "generate/prompt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/hash.h"
#include "generate/white_space.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using Json = nlohmann::ordered_json;
using Start = ReasoningSplitter::Start;

/// How families of models mark their thoughts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kThoughts = {
    {{"<think>", "</think>"},
     {"[THINK]", "[/THINK]"},
     {"<seed:think>", "</seed:think>"},
     {"<|START_THINKING|>", "<|END_THINKING|>"}}};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

std::uint64_t content_hash(const Message& message) {
  Hash64 hash;
  hash.add(message_json(message, {}).dump(-1, ' ', false, Json::error_handler_t::replace));
  return hash.value();
}

}  // namespace

std::vector<Token> encode_open_text(const Vocabulary& vocabulary, std::string_view text, const EncodeOptions& options) {
  std::vector<Token> tokens = vocabulary.encode(text, options);
  const bool as_written = options.looks_special == EncodeOptions::LooksSpecial::kParse;  // then the text may end in one
  if (!as_written && !tokens.empty() && vocabulary.eos() == tokens.back() && vocabulary.bos() != tokens.back())
    tokens.pop_back();
  return tokens;
}

bool wants_calls(const Request& request) {
  return !request.tools.empty() && request.tool_choice.kind != ToolChoice::Kind::kNone && !request.prompt;
}

Result<PromptMaker> PromptMaker::make(const Vocabulary& vocabulary, text::TemplateCandidates candidates,
                                      std::function<text::LocalTime()> now) {
  candidates.has_token = [&](std::string_view name) {
    const auto tokens = vocabulary.encode(name, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
    return tokens.size() == 1 && vocabulary.token_name(tokens[0]) == name;
  };
  PromptMaker maker(vocabulary, std::move(now));
  using Tools = text::TemplateCandidates::Tools;
  HEARTH_TRY(maker.plain_, maker.choose(candidates, Tools::kNone));
  const bool another = candidates.given_source.empty() && candidates.given_name.empty();
  if (another && !candidates.model_tool_source.empty()) {
    HEARTH_TRY(maker.tools_, maker.choose(candidates, Tools::kSome));
  } else {
    maker.tools_ = maker.plain_;
  }
  const std::string_view source = candidates.given_source.empty() ? candidates.model_source : candidates.given_source;
  for (const auto& [open, close] : kThoughts) {
    if (!candidates.has_token(close) && source.find(close) == std::string_view::npos) continue;
    maker.tags_ = {std::string(open), std::string(close)};
    break;
  }
  return maker;
}

Result<PromptMaker::Side> PromptMaker::choose(text::TemplateCandidates candidates,
                                              text::TemplateCandidates::Tools tools) const {
  candidates.tools = tools;
  HEARTH_TRY(text::ChosenTemplate chosen, text::choose_template(candidates));
  std::string text = !candidates.given_source.empty() ? candidates.given_source
                     : tools == text::TemplateCandidates::Tools::kSome && !candidates.model_tool_source.empty()
                         ? candidates.model_tool_source
                         : candidates.model_source;
  if (candidates.given_source.empty() && !candidates.given_name.empty()) {
    HEARTH_TRY(text, text::named_template_source(candidates.given_name));
  }
  const auto try_it = [&](const Json& values) -> Result<std::string> {
    HEARTH_TRY(const auto segments, chosen.chat_template.render(values, render_options()));
    return text::join_segments(segments);
  };
  const CallSpelling spelling = find_call_spelling(chosen.chat_template, text, try_it);
  return Side{.chat_template = std::move(chosen.chat_template),
              .source = chosen.source + ": " + chosen.why,
              .spelling = spelling,
              .calls = spelling.list == ToolList::kSystem || spelling.list == ToolList::kUser
                           ? choose_call_family({})
                           : choose_call_family(text)};
}

const PromptMaker::Side& PromptMaker::side(const std::vector<Message>& messages, const Request& request) const {
  const bool calls = std::ranges::any_of(
      messages, [](const Message& message) { return message.role == Role::kTool || !message.tool_calls.empty(); });
  return calls || wants_calls(request) ? *tools_ : *plain_;
}

text::RenderOptions PromptMaker::render_options() const {
  text::RenderOptions options;
  if (const auto bos = vocabulary_->bos()) options.tokens.emplace_back("bos_token", vocabulary_->token_name(*bos));
  if (const auto eos = vocabulary_->eos()) options.tokens.emplace_back("eos_token", vocabulary_->token_name(*eos));
  if (now_) options.now = now_();
  return options;
}

Result<Prompt> PromptMaker::render(const std::vector<Message>& messages, const Request& request, Ending ending) const {
  const Side& with = side(messages, request);
  Json values = {{"messages", Json::array()}, {"add_generation_prompt", ending == Ending::kAnswerFollows}};
  for (const Message& message : messages) values["messages"].push_back(message_json(message, with.spelling));
  if (wants_calls(request)) add_tools(values, request.tools, with.spelling);
  if (request.reasoning.mode != ReasoningOptions::Mode::kAsModelDoes)
    values["enable_thinking"] = request.reasoning.mode == ReasoningOptions::Mode::kOn;
  auto segments = with.chat_template.render(values, render_options());
  if (!segments) return std::unexpected(std::move(segments.error()).within("the chat template (" + with.source + ")"));
  Prompt prompt;
  if (ending == Ending::kAnswerFollows) open_answer(request, *segments, prompt);
  std::vector<PromptPart> parts;
  for (const text::Segment& segment : *segments) {
    const bool trusted = segment.kind == text::SegmentKind::kTemplate;
    parts.push_back(
        {segment.text, trusted ? EncodeOptions::LooksSpecial::kParse : EncodeOptions::LooksSpecial::kPlainText});
  }
  prompt.tokens = vocabulary_->encode_prompt(parts);
  prompt.marks = marks(messages, *segments, prompt.tokens);
  return prompt;
}

/// Whether the answer begins with a thought, and the beginning that the caller gave it.
void PromptMaker::open_answer(const Request& request, std::vector<text::Segment>& segments, Prompt& prompt) const {
  const auto add = [&](std::string text) { segments.push_back({text::SegmentKind::kTemplate, std::move(text)}); };
  if (!tags_.open.empty()) {
    const std::string tail = text::join_segments(segments);
    const bool opened = trimmed(tail).ends_with(tags_.open), closed = trimmed(tail).ends_with(tags_.close);
    prompt.start = opened ? Start::kThinking : closed ? Start::kAnswering : Start::kUndecided;
    if (request.reasoning.mode == ReasoningOptions::Mode::kOff && !closed) {
      add((opened ? "" : tags_.open + "\n") + "\n" + tags_.close + "\n\n");
      prompt.start = Start::kAnswering;
    } else if (request.reasoning.mode == ReasoningOptions::Mode::kOn && prompt.start == Start::kUndecided) {
      add(tags_.open + "\n");
      prompt.start = Start::kThinking;
    }
  }
  if (request.assistant_prefix.empty()) return;
  segments.push_back({text::SegmentKind::kData, request.assistant_prefix});
  if (prompt.start == Start::kUndecided) prompt.start = Start::kAnswering;
}

/// Each message begins where its text stands among what the template took over from outside; one whose text the
/// template changed belongs to the message before. Tokens are counted by the bytes they stand for.
std::vector<PromptMark> PromptMaker::marks(const std::vector<Message>& messages,
                                           const std::vector<text::Segment>& segments,
                                           std::span<const Token> tokens) const {
  std::vector<PromptMark> found = {
      {.token_begin = 0, .message_idx = {}, .what = "the beginning of the prompt", .content = 0}};
  std::vector<std::size_t> begins = {0};  // bytes
  std::size_t segment_idx = 0, inside = 0, before = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string whole = messages[i].text();
    const std::string_view content = trimmed(whole);
    if (content.empty()) continue;
    std::size_t idx = segment_idx, from = inside, bytes = before;
    for (; idx < segments.size(); bytes += segments[idx].text.size(), ++idx, from = 0) {
      if (segments[idx].kind != text::SegmentKind::kData) continue;
      const std::size_t at = segments[idx].text.find(content, from);
      if (at == std::string::npos) continue;
      found.push_back({.token_begin = 0,
                       .message_idx = i,
                       .what = fmt::format("message {} ({})", i, role_name(messages[i].role)),
                       .content = content_hash(messages[i])});
      begins.push_back(bytes + at);
      segment_idx = idx;
      inside = at + content.size();
      before = bytes;
      break;
    }
  }
  std::size_t n_bytes = 0, mark = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const std::string spelled = vocabulary_->token_bytes(tokens[t]);
    const bool unwritten = t == 0 && tokens[0] == vocabulary_->bos() && !segments.empty() &&
                           !text::join_segments(segments).starts_with(vocabulary_->token_name(tokens[0]));
    while (mark < begins.size() && begins[mark] <= n_bytes) found[mark++].token_begin = t;
    if (!unwritten) n_bytes += spelled.empty() ? vocabulary_->token_name(tokens[t]).size() : spelled.size();
  }
  for (; mark < begins.size(); ++mark) found[mark].token_begin = tokens.size();
  found.push_back({.token_begin = tokens.size(), .message_idx = {}, .what = "the answer", .content = 0});
  return found;
}

Result<Prompt> PromptMaker::plain(const PlainPrompt& given) const {
  Prompt prompt;
  if (const auto* tokens = std::get_if<std::vector<std::int32_t>>(&given)) {
    const auto size = static_cast<std::int32_t>(vocabulary_->size());
    const auto bad = std::ranges::find_if(*tokens, [&](Token token) { return token < 0 || token >= size; });
    if (bad != tokens->end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("token {} of the prompt is {}, but this model's vocabulary goes from 0 to {}",
                              bad - tokens->begin(), *bad, size - 1));
    }
    prompt.tokens = *tokens;
  } else {
    prompt.tokens = encode_open_text(*vocabulary_, std::get<std::string>(given));
  }
  prompt.marks = {{.token_begin = 0, .message_idx = {}, .what = "the text", .content = 0},
                  {.token_begin = prompt.tokens.size(), .message_idx = {}, .what = "the answer", .content = 0}};
  return prompt;
}

}  // namespace hearth::generate
