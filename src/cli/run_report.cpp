// Figures come from the receipt alone.
#include "cli/run_report.h"

#include <algorithm>

#include "generate/message_json.h"
#include "generate/reply_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using OrderedJson = nlohmann::ordered_json;

/// As JSON where it is some, else as the text that it is.
OrderedJson arguments_json(const std::string& arguments) {
  OrderedJson json = OrderedJson::parse(arguments, nullptr, false);
  return json.is_discarded() ? OrderedJson(arguments) : json;
}

OrderedJson logprobs_json(const std::vector<TokenProbability>& tokens, const Vocabulary& vocabulary) {
  OrderedJson all = OrderedJson::array();
  const auto entry = [&](const TokenProbability& one) {
    return OrderedJson{{"id", one.token}, {"name", vocabulary.token_name(one.token)}, {"logprob", one.logprob}};
  };
  for (const TokenProbability& token : tokens) {
    OrderedJson chosen = entry(token);
    chosen["top"] = OrderedJson::array();
    for (const TokenProbability& top : token.top) chosen["top"].push_back(entry(top));
    all.push_back(std::move(chosen));
  }
  return all;
}

std::string dumped(const OrderedJson& json, int indent) {
  return json.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

const EffectiveOption* option(const Receipt& receipt, std::string_view name) {
  const auto found = std::ranges::find(receipt.options, name, &EffectiveOption::name);
  return found == receipt.options.end() ? nullptr : &*found;
}

double rate(std::size_t n, double seconds) {
  return seconds > 0 ? static_cast<double>(n) / seconds : 0;
}

}  // namespace

std::string call_json(const ToolCall& call) {
  return dumped({{"name", call.name}, {"arguments", arguments_json(call.arguments)}}, -1);
}

std::string run_json(const ToolRun& run, const Vocabulary& vocabulary) {
  const Answer& answer = run.reply.answers.front();
  OrderedJson json = {{"text", answer.message.text()}, {"reason", finish_reason_name(answer.reason)}};
  if (!answer.message.reasoning.empty()) json["reasoning"] = answer.message.reasoning;
  for (const ToolCall& call : answer.message.tool_calls)
    json["tool_calls"].push_back({{"name", call.name}, {"arguments", arguments_json(call.arguments)}});
  for (const ToolResult& result : run.results) {
    json["tool_results"].push_back({{"name", result.call.name},
                                    {"arguments", arguments_json(result.call.arguments)},
                                    {"text", result.text},
                                    {"failed", result.kind == ToolResult::Kind::kFailed},
                                    {"seconds", result.seconds}});
  }
  if (!answer.stop_string.empty()) json["stop"] = answer.stop_string;
  if (!answer.notes.empty()) json["notes"] = answer.notes;
  json["tokens"] = answer.tokens;
  if (!answer.logprobs.empty()) json["logprobs"] = logprobs_json(answer.logprobs, vocabulary);
  json["receipt"] = generate::receipt_json(run.reply.receipt);
  return dumped(json, 2);
}

std::vector<std::string> remarks(const ToolRun& run) {
  std::vector<std::string> lines;
  for (const Receipt& receipt : run.receipts.empty() ? std::vector{run.reply.receipt} : run.receipts) {
    for (const IgnoredOption& ignored : receipt.ignored)
      lines.push_back(fmt::format("({} was ignored: {})", ignored.name, ignored.reason));
    for (const std::string& note : receipt.notes) lines.push_back(fmt::format("({})", note));
  }
  for (const std::string& note : run.reply.answers.front().notes) lines.push_back(fmt::format("({})", note));
  return lines;
}

std::string timing_line(const Reply& reply) {
  const Receipt& r = reply.receipt;
  const EffectiveOption* const temperature = option(r, "temperature");
  const EffectiveOption* const seed = option(r, "seed");
  const bool drawn = temperature != nullptr && temperature->value != "0" && seed != nullptr;
  const std::string reused = r.prompt.n_reused ? fmt::format(" ({} were there)", r.prompt.n_reused) : "";
  return fmt::format("prompt {} tokens{}, {:.1f} tok/s prefill; ttft {:.3f} s; {} tokens, {:.1f} tok/s decode; {}{}",
                     r.n_prompt, reused, rate(r.prompt.n_new, r.timings.prefill_s), r.timings.ttft_s, r.n_completion,
                     r.tok_s, finish_reason_name(reply.answers.front().reason), drawn ? "; seed " + seed->value : "");
}

}  // namespace hearth::cli
