// One line for each member of a request.
#include "generate/request_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "generate/message_json.h"
#include "generate/shallow_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using OrderedJson = nlohmann::ordered_json;

std::unexpected<Error> mistake(std::string_view name, std::string_view expected, const OrderedJson& found) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\": expected {}, found {}", name, expected,
                          found.dump(-1, ' ', false, OrderedJson::error_handler_t::replace).substr(0, 80)));
}

Result<std::string> text_of(std::string_view name, const OrderedJson& json) {
  if (!json.is_string()) return mistake(name, "a text", json);
  return json.get<std::string>();
}

template <typename T>
Result<T> whole_of(std::string_view name, const OrderedJson& json) {
  constexpr double kMost = std::min(9007199254740992.0, static_cast<double>(std::numeric_limits<T>::max()));
  constexpr double kLeast = std::is_signed_v<T> ? -kMost : 0.0;
  const double value = json.is_number() ? json.get<double>() : std::nan("");
  if (!(value >= kLeast && value <= kMost) || value != std::floor(value))
    return mistake(name, fmt::format("a whole number from {} to {}", kLeast, kMost), json);
  return static_cast<T>(value);
}

Result<float> real_of(std::string_view name, const OrderedJson& json) {
  const float value = json.is_number() ? json.get<float>() : std::nanf("");
  if (!std::isfinite(value)) return mistake(name, "a number", json);
  return value;
}

Result<std::vector<std::string>> texts_of(std::string_view name, const OrderedJson& json) {
  if (json.is_string()) return std::vector{json.get<std::string>()};
  if (!json.is_array()) return mistake(name, "a text or a list of texts", json);
  std::vector<std::string> texts;
  for (const OrderedJson& entry : json) {
    HEARTH_TRY(std::string text, text_of(name, entry));
    texts.push_back(std::move(text));
  }
  return texts;
}

/// One of a few names; `name_of` says how each is called.
template <typename T, std::size_t N>
Result<T> choice_of(std::string_view name, const OrderedJson& json,
                    const std::array<std::pair<std::string_view, T>, N>& all) {
  std::string names;
  for (const auto& [known, value] : all) {
    if (json.is_string() && json.get_ref<const std::string&>() == known) return value;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", known);
  }
  return mistake(name, "one of " + names, json);
}

/// Takes members one by one; what is left over at the end is an error.
class Members {
 public:
  Members(std::string_view of, const OrderedJson& json) : of_(of), json_(json) {}

  /// Calls `take` with the member's value, unless it is absent or null.
  Members& member(std::string_view name, const auto& take) {
    known_.emplace_back(name);
    if (!status_ || !json_.is_object()) return *this;
    const auto found = json_.find(name);
    if (found != json_.end() && !found->is_null()) status_ = take(*found);
    return *this;
  }
  template <typename T>
  Members& value(std::string_view name, T& into) {
    return member(name, [&](const OrderedJson& json) -> Status {
      if constexpr (std::is_same_v<T, std::optional<float>> || std::is_same_v<T, float>) {
        HEARTH_TRY(into, real_of(name, json));
      } else if constexpr (std::is_same_v<T, std::string>) {
        HEARTH_TRY(into, text_of(name, json));
      } else if constexpr (std::is_integral_v<T>) {
        HEARTH_TRY(into, whole_of<T>(name, json));
      } else {
        HEARTH_TRY(into, whole_of<typename T::value_type>(name, json));
      }
      return {};
    });
  }
  Status finish() {
    if (!json_.is_object()) return mistake(of_, "an object", json_);
    HEARTH_CHECK(status_);
    for (const auto& [name, value] : json_.items()) {
      if (std::ranges::find(known_, name) != known_.end()) continue;
      std::string names;
      for (const std::string_view known : known_) names += fmt::format("{}{}", names.empty() ? "" : ", ", known);
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\" is no member of {}; there are {}", name, of_, names));
    }
    return {};
  }

 private:
  std::string_view of_;
  const OrderedJson& json_;
  std::vector<std::string_view> known_;
  Status status_;
};

Result<PlainPrompt> prompt_of(const OrderedJson& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) return mistake("prompt", "a text or a list of tokens", json);
  std::vector<std::int32_t> tokens;
  for (const OrderedJson& entry : json) {
    HEARTH_TRY(const std::int32_t token, whole_of<std::int32_t>("prompt", entry));
    tokens.push_back(token);
  }
  return tokens;
}

Result<ToolChoice> tool_choice_of(const OrderedJson& json) {
  using Kind = ToolChoice::Kind;
  if (json.is_object()) {
    const OrderedJson& function = json.contains("function") ? json["function"] : json;
    ToolChoice choice{.kind = Kind::kNamed, .name = function.is_object() ? function.value("name", "") : ""};
    if (choice.name.empty()) return mistake("tool_choice", "the \"name\" of a function", json);
    return choice;
  }
  constexpr std::array<std::pair<std::string_view, Kind>, 3> kKinds = {
      {{"auto", Kind::kAuto}, {"none", Kind::kNone}, {"required", Kind::kRequired}}};
  HEARTH_TRY(const Kind kind, choice_of("tool_choice", json, kKinds));
  return ToolChoice{.kind = kind, .name = {}};
}

Result<OutputFormat> format_of(const OrderedJson& json) {
  using Kind = OutputFormat::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 6> kKinds = {{{"text", Kind::kText},
                                                                        {"json_object", Kind::kJson},
                                                                        {"json_schema", Kind::kJsonSchema},
                                                                        {"regex", Kind::kRegex},
                                                                        {"grammar", Kind::kGrammar},
                                                                        {"choices", Kind::kChoices}}};
  OutputFormat format;
  const auto schema = [&](const OrderedJson& given) {
    // OpenAI wraps the schema once more.
    const bool wrapped = given.is_object() && given.contains("schema") && given.contains("name");
    format.source = (wrapped ? given["schema"] : given).dump();
    return Status();
  };
  HEARTH_CHECK(Members("response_format", json)
                   .member("type",
                           [&](const OrderedJson& type) -> Status {
                             HEARTH_TRY(format.kind, choice_of("response_format.type", type, kKinds));
                             return {};
                           })
                   .member("schema", schema)
                   .member("json_schema", schema)
                   .value("source", format.source)
                   .member("choices",
                           [&](const OrderedJson& given) -> Status {
                             HEARTH_TRY(format.choices, texts_of("response_format.choices", given));
                             return {};
                           })
                   .finish());
  return format;
}

Result<ReasoningOptions> reasoning_of(const OrderedJson& json) {
  using Mode = ReasoningOptions::Mode;
  constexpr std::array<std::pair<std::string_view, Mode>, 3> kModes = {
      {{"default", Mode::kAsModelDoes}, {"off", Mode::kOff}, {"on", Mode::kOn}}};
  ReasoningOptions reasoning;
  HEARTH_CHECK(Members("reasoning", json)
                   .member("mode",
                           [&](const OrderedJson& mode) -> Status {
                             HEARTH_TRY(reasoning.mode, choice_of("reasoning.mode", mode, kModes));
                             return {};
                           })
                   .value("max_tokens", reasoning.max_tokens)
                   .finish());
  return reasoning;
}

Result<ContextPolicy> context_of(const OrderedJson& json) {
  using Kind = ContextPolicy::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 3> kKinds = {
      {{"refuse", Kind::kRefuse}, {"keep_last", Kind::kKeepLast}, {"drop_oldest", Kind::kDropOldest}}};
  ContextPolicy context;
  HEARTH_CHECK(Members("context", json)
                   .member("policy",
                           [&](const OrderedJson& policy) -> Status {
                             HEARTH_TRY(context.kind, choice_of("context.policy", policy, kKinds));
                             return {};
                           })
                   .value("messages", context.n_messages)
                   .finish());
  return context;
}

Result<std::vector<LogitBias>> bias_of(const OrderedJson& json) {
  if (!json.is_object()) return mistake("logit_bias", "an object of token ids", json);
  std::vector<LogitBias> biases;
  for (const auto& [id, value] : json.items()) {
    LogitBias bias;
    const OrderedJson number = OrderedJson::parse(id, nullptr, false);
    HEARTH_TRY(bias.id, whole_of<std::int32_t>("logit_bias", number));
    HEARTH_TRY(bias.bias, real_of("logit_bias", value));
    biases.push_back(bias);
  }
  return biases;
}

void read_sampling(Members& members, SamplingRequest& sampling) {
  members.value("temperature", sampling.temperature)
      .value("top_p", sampling.top_p)
      .value("min_p", sampling.min_p)
      .value("typical_p", sampling.typical_p)
      .value("repetition_penalty", sampling.repetition_penalty)
      .value("presence_penalty", sampling.presence_penalty)
      .value("frequency_penalty", sampling.frequency_penalty)
      .value("top_k", sampling.top_k)
      .value("penalty_window", sampling.penalty_window)
      .value("seed", sampling.seed)
      .value("logprobs", sampling.n_logprobs)
      .member("logit_bias", [&](const OrderedJson& json) -> Status {
        HEARTH_TRY(sampling.logit_bias, bias_of(json));
        return {};
      });
}

}  // namespace

Result<std::vector<Tool>> parse_tools(const OrderedJson& json) {
  if (!json.is_array()) return mistake("tools", "a list", json);
  std::vector<Tool> tools;
  for (const OrderedJson& entry : json) {
    const OrderedJson& function = entry.is_object() && entry.contains("function") ? entry["function"] : entry;
    Tool tool;
    OrderedJson parameters = OrderedJson::object();
    HEARTH_CHECK(Members("a tool", function)
                     .value("name", tool.name)
                     .value("description", tool.description)
                     .member("parameters",
                             [&](const OrderedJson& schema) {
                               parameters = schema;
                               return Status();
                             })
                     .member("strict", [](const OrderedJson&) { return Status(); })
                     .member("type", [](const OrderedJson&) { return Status(); })
                     .finish());
    if (tool.name.empty()) return mistake("tools", "a \"name\" for every tool", entry);
    tool.parameters = parameters.dump();
    tools.push_back(std::move(tool));
  }
  return tools;
}

Result<Request> parse_request_object(const OrderedJson& json) {
  constexpr std::array<std::pair<std::string_view, Preset>, 4> kPresets = {
      {{"default", Preset::kDefault},
       {"conversational", Preset::kConversational},
       {"precise", Preset::kPrecise},
       {"offline-assistant", Preset::kOfflineAssistant}}};
  Request request;
  Members members("the request", json);
  const auto with = [&](std::string_view name, auto& into, const auto& parse) {
    members.member(name, [&into, parse](const OrderedJson& given) -> Status {
      HEARTH_TRY(into, parse(given));
      return {};
    });
  };
  with("messages", request.messages, parse_messages);
  with("prompt", request.prompt, prompt_of);
  with("tools", request.tools, parse_tools);
  with("tool_choice", request.tool_choice, tool_choice_of);
  with("response_format", request.format, format_of);
  with("reasoning", request.reasoning, reasoning_of);
  with("context", request.context, context_of);
  with("preset", request.preset, [&](const OrderedJson& given) { return choice_of("preset", given, kPresets); });
  with("stop", request.stop, [](const OrderedJson& given) { return texts_of("stop", given); });
  read_sampling(members, request.sampling);
  members.value("max_tokens", request.max_tokens)
      .value("max_sentences", request.max_sentences)
      .value("n", request.n)
      .value("assistant_prefix", request.assistant_prefix)
      .value("principal", request.principal);
  with("deadline_ms", request.deadline, [](const OrderedJson& given) -> Result<std::chrono::milliseconds> {
    HEARTH_TRY(const std::uint32_t ms, whole_of<std::uint32_t>("deadline_ms", given));
    return std::chrono::milliseconds(ms);
  });
  with("ignore_eos", request.own_end, [](const OrderedJson& given) -> Result<Request::OwnEnd> {
    if (!given.is_boolean()) return mistake("ignore_eos", "true or false", given);
    return given.get<bool>() ? Request::OwnEnd::kIgnored : Request::OwnEnd::kHeard;
  });
  with("strict", request.unhonoured, [](const OrderedJson& given) -> Result<Request::Unhonoured> {
    if (!given.is_boolean()) return mistake("strict", "true or false", given);
    return given.get<bool>() ? Request::Unhonoured::kRefused : Request::Unhonoured::kTold;
  });
  HEARTH_CHECK(members.finish());
  return request;
}

Result<Request> parse_request(std::string_view json) {
  auto parsed = parse_shallow_json(json);
  if (!parsed) return std::unexpected(std::move(parsed.error()).within("reading the request"));
  return parse_request_object(*parsed);
}

}  // namespace hearth::generate
