// The border of the interpreter: source and JSON in, segments or an Error out.
#include "text/chat_template.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "text/jinja/evaluator.h"
#include "text/jinja/from_json.h"
#include "text/jinja/parser.h"
#include "text/utf8.h"

namespace hearth::text {

namespace {

constexpr std::size_t kLongestSource = std::size_t{4} << 20;
constexpr std::size_t kTreeBytes = std::size_t{512} << 20;  // a tree takes some dozens of bytes per byte of source

std::string at_line(std::uint32_t line) {
  return line == 0 ? "" : fmt::format("line {}: ", line);
}

std::unexpected<Error> as_error(const jinja::Fault& fault, std::uint32_t line) {
  using FaultKind = jinja::Fault::Kind;
  if (fault.line != 0) line = fault.line;
  const std::string message = to_valid_utf8(fault.message);
  switch (fault.kind) {
    case FaultKind::kSyntax:
      return fail(ErrorCode::kUnsupportedFormat,
                  fmt::format("reading the chat template: {}{}", at_line(line), message));
    case FaultKind::kRefusal:
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the chat template refuses this conversation: {} (line {})", message, line));
    case FaultKind::kRuntime:
    case FaultKind::kFuel: break;
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("rendering the chat template: {}{}", at_line(line), message));
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t pos = 0; pos < text.size();) {
    const Utf8Char next = decode_utf8(text, pos);
    if (!next.valid) return false;
    pos += next.n_bytes;
  }
  return true;
}

SegmentKind kind_of(jinja::Origin origin) {
  switch (origin) {
    case jinja::Origin::kTemplate: return SegmentKind::kTemplate;
    case jinja::Origin::kData: return SegmentKind::kData;
    case jinja::Origin::kMedia: return SegmentKind::kMedia;
  }
  return SegmentKind::kData;
}

std::vector<Segment> cut(const jinja::StrBuilder& text) {
  std::vector<Segment> segments;
  std::size_t begin = 0;
  for (const jinja::Run& run : text.runs()) {
    segments.push_back({kind_of(run.origin), text.bytes().substr(begin, run.end - begin)});
    begin = run.end;
  }
  return segments;
}

}  // namespace

struct ChatTemplate::State {
  std::string source;  // what the tree points into
  jinja::Arena arena{{.n_bytes = kTreeBytes}};
  jinja::Symbols symbols;
  jinja::Body body;
};

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  if (source.size() > kLongestSource) {
    return fail(
        ErrorCode::kUnsupportedFormat,
        fmt::format("reading the chat template: {} bytes are more than the {} allowed", source.size(), kLongestSource));
  }
  if (!is_valid_utf8(source)) {
    return fail(ErrorCode::kUnsupportedFormat, "reading the chat template: it is not valid UTF-8");
  }
  auto state = std::make_shared<State>();
  state->source = jinja::normalize_source(source);
  try {
    jinja::Parser parser(jinja::read_tokens(state->source), state->arena, state->symbols);
    state->body = parser.parse();
  } catch (const jinja::Fault& fault) {
    return as_error(fault, 0);
  }
  ChatTemplate parsed;
  parsed.state_ = std::move(state);
  return parsed;
}

Result<std::vector<Segment>> ChatTemplate::render(const nlohmann::ordered_json& values,
                                                  const RenderOptions& options) const {
  if (!values.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "rendering the chat template: the values must be a JSON object");
  }
  std::optional<jinja::Evaluator> evaluator;
  try {
    evaluator.emplace(state_->symbols, options.limits, options.now);
    jinja::set_variables(*evaluator, values, options.media_marker);
    for (const auto& [name, token] : options.tokens) {
      evaluator->set_variable(name,
                              jinja::Value::of(jinja::view_str(evaluator->arena(), token, jinja::Origin::kTemplate)));
    }
    return cut(evaluator->run(state_->body));
  } catch (const jinja::Fault& fault) {
    return as_error(fault, evaluator ? evaluator->line() : 0);
  }
}

bool ChatTemplate::names(std::string_view variable) const {
  return state_->symbols.find(variable) != nullptr;
}

std::string join_segments(const std::vector<Segment>& segments) {
  std::string text;
  for (const Segment& segment : segments) text += segment.text;
  return text;
}

}  // namespace hearth::text
