// Request: everything a caller can ask of a Generator. Whatever is left out is decided by the preset, the model's own
// recommendation or the one table of defaults; the receipt says which.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "hearth/message.h"
#include "hearth/sampling.h"

namespace hearth {

/// A function the model may ask for.
struct Tool {
  std::string name;
  std::string description;
  std::string parameters;  // a JSON Schema for the arguments object, as text
};

struct ToolChoice {
  enum class Kind : std::uint8_t { kAuto, kNone, kRequired, kNamed } kind = Kind::kAuto;
  std::string name;           // kNamed
  std::size_t max_calls = 0;  // in one answer; 0: as many as the model asks for
};

/// What shape the answer must have.
struct OutputFormat {
  enum class Kind : std::uint8_t { kText, kJson, kJsonSchema, kRegex, kGrammar, kChoices } kind = Kind::kText;
  std::string source;                // the schema, expression or GBNF grammar
  std::vector<std::string> choices;  // kChoices
};

/// Thinking aloud before the answer, for models that do.
struct ReasoningOptions {
  enum class Mode : std::uint8_t { kAsModelDoes, kOff, kOn } mode = Mode::kAsModelDoes;
  std::optional<std::size_t> max_tokens;  // then the thought is closed and the answer begins
};

/// What to do when the messages do not fit the context.
struct ContextPolicy {
  enum class Kind : std::uint8_t {
    kRefuse,      // an error that says how much too long it is
    kKeepLast,    // system messages, tools and the last `n_messages`
    kDropOldest,  // whole turns from the oldest on; system messages and tools stay
    kSummarise,   // the oldest turns are replaced by what `summarise` makes of them
  } kind = Kind::kRefuse;
  std::size_t n_messages = 10;
  std::function<Result<std::string>(const std::vector<Message>& dropped)> summarise;
};

/// A named set of options, for those who do not want to choose.
enum class Preset : std::uint8_t {
  kDefault,
  kConversational,    // 300 tokens, temperature 0.7, top-p 0.9, stops "User:", "Human:" and three newlines
  kPrecise,           // 500 tokens, temperature 0.3, top-p 0.95, no stops
  kOfflineAssistant,  // answers of at most two sentences
};
std::string_view preset_name(Preset preset);

/// Sampling options the caller names; the others stay open. Meanings as in SamplerOptions.
struct SamplingRequest {
  std::optional<float> temperature, top_p, min_p, typical_p;
  std::optional<float> repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<std::int32_t> top_k, penalty_window;
  std::optional<DryOptions> dry;
  std::optional<XtcOptions> xtc;
  std::optional<MirostatOptions> mirostat;
  std::vector<LogitBias> logit_bias;
  CustomStep custom;
  std::vector<SampleStep> order;  // empty: the default order
  std::optional<std::uint64_t> seed;
  std::optional<std::int32_t> n_logprobs;
};

/// A text to go on with as it stands: as text, or as tokens of the model's vocabulary.
using PlainPrompt = std::variant<std::string, std::vector<std::int32_t>>;

struct Request {
  std::vector<Message> messages;
  /// Instead of messages, and without a template.
  std::optional<PlainPrompt> prompt;
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  OutputFormat format;
  ReasoningOptions reasoning;
  Preset preset = Preset::kDefault;
  SamplingRequest sampling;
  std::optional<std::size_t> max_tokens;
  std::optional<std::vector<std::string>> stop;
  std::optional<std::size_t> max_sentences;  // 0: no limit
  /// Whether the model may end its answer; kIgnored is for measuring, and not with a format or tools.
  enum class OwnEnd : std::uint8_t { kHeard, kIgnored } own_end = OwnEnd::kHeard;
  std::uint32_t n = 1;  // replies to the same messages
  ContextPolicy context;
  /// Where one layer looks at each token that is drawn, as events; slow, and without speculation.
  std::optional<std::size_t> attention_layer;
  /// Text the answer begins with: the model goes on from there. The reply does not repeat it.
  std::string assistant_prefix;
  /// Whose request it is: nothing computed for one principal is reused for another, unless the generator was made with
  /// one that shares what it reads.
  std::string principal;
  /// How long the whole may take, waiting included; what was said until then is kept.
  std::optional<std::chrono::milliseconds> deadline;
  /// Where an option cannot be honoured: a line in the receipt, or an error.
  enum class Unhonoured : std::uint8_t { kTold, kRefused } unhonoured = Unhonoured::kTold;
};

}  // namespace hearth
