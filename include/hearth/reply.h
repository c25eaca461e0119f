// Reply, its events while it comes and the receipt it ends with.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hearth/message.h"

namespace hearth {

/// Why a reply ended.
enum class FinishReason : std::uint8_t {
  kStop,           // the model ended
  kStopString,     // a stop string came up; it is not shown
  kMaxTokens,      // as many tokens as were asked for
  kToolCalls,      // the model waits for the results of its calls
  kContextFull,    // no position is left
  kCancelled,      // the caller stopped it; what was said is kept
  kDeadline,       // the time was up; what was said is kept
  kSentenceLimit,  // as many sentences as were asked for
  kError,          // the engine failed in mid-reply; what was said is kept, a note says why
};
/// "stop", "stop_string", "max_tokens", ...
std::string_view finish_reason_name(FinishReason reason);

/// An option as it took effect.
struct EffectiveOption {
  enum class Source : std::uint8_t { kDefault, kModel, kPreset, kCaller } source = Source::kDefault;
  std::string name;
  std::string value;  // as JSON
};
/// An option that could not be honoured.
struct IgnoredOption {
  std::string name;
  std::string reason;
};

/// How much of the prompt was there already, and if not all of it: why.
struct PrefixReuse {
  std::size_t n_reused = 0, n_new = 0;  // tokens of the prompt
  std::size_t n_restored = 0;           // of n_reused: came from a session on disk
  /// On a miss: the first token that differs from what was kept, the message it belongs to, and the cause in words.
  std::optional<std::size_t> first_difference;
  std::optional<std::size_t> message_idx;
  std::string cause;
};

struct ReplyTimings {
  double queue_s = 0, load_s = 0, prefill_s = 0;
  double ttft_s = 0;  // from the request to the first token
  double decode_s = 0;
};

/// What happened, so that nobody has to guess: ends every reply.
struct Receipt {
  std::vector<EffectiveOption> options;
  std::vector<IgnoredOption> ignored;
  std::vector<std::size_t> dropped_messages;  // indices into the request's messages
  std::string template_source;                // which template and why: "model", "file ...", "built-in chatml: ..."
  std::string constraint;                     // "none", or what was enforced
  std::string calls;                          // how calls of tools were read and why; empty: they were not
  PrefixReuse prompt;
  std::size_t n_prompt = 0, n_completion = 0, n_reasoning = 0;  // tokens
  std::size_t n_drafted = 0, n_accepted = 0;                    // by speculation
  std::string speculation;                                      // "off: ...", "lookup", "draft NAME"
  bool repeated = false;  // the same request was answered before: the reply is that one, and nothing was computed
  ReplyTimings timings;
  double tok_s = 0;                // while decoding
  std::uint64_t memory_bytes = 0;  // weights and sequences of this model
  std::string model, engine, quantization, isa;
  std::uint32_t recipe_id = 0;  // docs/numerics.md; 0 where none is promised
  int n_threads = 0;
  std::vector<std::string> notes;  // what went wrong without harm: a session that could not be kept or restored
  bool left_device = false;        // whether anything was sent elsewhere
  std::string left_device_why;
};

/// The model's log-probabilities at one token.
struct TokenProbability {
  std::int32_t token = 0;
  std::string bytes;
  float logprob = 0;
  std::vector<TokenProbability> top;  // best first; empty in the entries of `top`
};

/// One of the n answers.
struct Answer {
  Message message;  // content, reasoning and tool calls
  FinishReason reason = FinishReason::kStop;
  std::string stop_string;
  /// Everything that was drawn, an end token and a stop string's tokens included; empty where the engine tells none.
  std::vector<std::int32_t> tokens;
  std::vector<TokenProbability> logprobs;  // when asked for
  std::vector<std::string> notes;          // such as a tool call that could not be read and stands in the text
};

struct Reply {
  std::vector<Answer> answers;  // n of the request, in order
  Receipt receipt;
  [[nodiscard]] std::string text() const { return answers.empty() ? std::string() : answers.front().message.text(); }
};

// ---- events, in the order they happen
// --------------------------------------------------------------------------------

struct PromptProgress {
  std::size_t n_done = 0, n_all = 0;  // tokens
};
/// Always valid UTF-8.
struct TextDelta {
  std::string_view text;
};
struct ReasoningDelta {
  std::string_view text;
};
/// A call begins (name is set) or its arguments grow.
struct ToolCallDelta {
  std::size_t call_idx = 0;
  std::string_view id, name;
  std::string_view arguments;
  bool withdrawn = false;  // the call was cut short or broken: it is none, and comes as text
};
/// Where a layer looked when the next token was drawn; comes before that token's text.
struct AttentionWeights {
  std::size_t layer = 0, n_heads = 0;
  std::span<const float> weights;  // [n_heads][positions]
};
/// From here on another generator speaks.
struct Seam {
  std::string_view from, to, why;
};

struct Event {
  std::size_t answer_idx = 0;
  std::variant<PromptProgress, TextDelta, ReasoningDelta, ToolCallDelta, AttentionWeights, Seam> what;
};

}  // namespace hearth
