// One member for each member of reply.h.
#include "generate/reply_json.h"

#include "generate/message_json.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using OrderedJson = nlohmann::ordered_json;

std::string_view source_name(EffectiveOption::Source source) {
  switch (source) {
    case EffectiveOption::Source::kDefault: return "default";
    case EffectiveOption::Source::kModel: return "model";
    case EffectiveOption::Source::kPreset: return "preset";
    case EffectiveOption::Source::kCaller: return "caller";
  }
  return "";
}

OrderedJson probability_json(const TokenProbability& token) {
  return {{"token", token.token}, {"bytes", token.bytes}, {"logprob", token.logprob}};
}

OrderedJson reuse_json(const PrefixReuse& reuse) {
  OrderedJson json = {
      {"tokens", reuse.n_reused + reuse.n_new}, {"reused", reuse.n_reused}, {"restored", reuse.n_restored}};
  if (reuse.first_difference) json["first_difference"] = *reuse.first_difference;
  if (reuse.message_idx) json["message"] = *reuse.message_idx;
  if (!reuse.cause.empty()) json["cause"] = reuse.cause;
  return json;
}

OrderedJson answer_json(const Answer& answer) {
  OrderedJson json = {{"message", message_json(answer.message)}, {"reason", finish_reason_name(answer.reason)}};
  if (!answer.stop_string.empty()) json["stop_string"] = answer.stop_string;
  for (const TokenProbability& token : answer.logprobs) {
    OrderedJson chosen = probability_json(token);
    for (const TokenProbability& other : token.top) chosen["top"].push_back(probability_json(other));
    json["logprobs"].push_back(std::move(chosen));
  }
  if (!answer.notes.empty()) json["notes"] = answer.notes;
  return json;
}

}  // namespace

OrderedJson receipt_json(const Receipt& receipt) {
  OrderedJson json = {{"model", receipt.model},
                      {"engine", receipt.engine},
                      {"quantization", receipt.quantization},
                      {"isa", receipt.isa},
                      {"recipe", receipt.recipe_id},
                      {"threads", receipt.n_threads},
                      {"memory_bytes", receipt.memory_bytes},
                      {"template", receipt.template_source},
                      {"constraint", receipt.constraint},
                      {"calls", receipt.calls},
                      {"repeated", receipt.repeated},
                      {"prompt", reuse_json(receipt.prompt)},
                      {"completion_tokens", receipt.n_completion},
                      {"reasoning_tokens", receipt.n_reasoning},
                      {"tok_s", receipt.tok_s}};
  json["timings"] = {{"queue_s", receipt.timings.queue_s},
                     {"load_s", receipt.timings.load_s},
                     {"prefill_s", receipt.timings.prefill_s},
                     {"ttft_s", receipt.timings.ttft_s},
                     {"decode_s", receipt.timings.decode_s}};
  json["speculation"] = {
      {"how", receipt.speculation}, {"drafted", receipt.n_drafted}, {"accepted", receipt.n_accepted}};
  for (const EffectiveOption& option : receipt.options) {
    OrderedJson value = OrderedJson::parse(option.value, nullptr, false);
    if (value.is_discarded()) value = option.value;
    json["options"][option.name] = {{"value", std::move(value)}, {"source", source_name(option.source)}};
  }
  json["ignored"] = OrderedJson::array();
  for (const IgnoredOption& option : receipt.ignored)
    json["ignored"].push_back({{"name", option.name}, {"reason", option.reason}});
  json["notes"] = receipt.notes;
  json["dropped_messages"] = receipt.dropped_messages;
  json["left_device"] = receipt.left_device;
  json["left_device_why"] = receipt.left_device_why;
  return json;
}

OrderedJson reply_json(const Reply& reply) {
  OrderedJson json = {{"answers", OrderedJson::array()}, {"receipt", receipt_json(reply.receipt)}};
  for (const Answer& answer : reply.answers) json["answers"].push_back(answer_json(answer));
  return json;
}

}  // namespace hearth::generate
