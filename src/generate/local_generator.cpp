// A request becomes a job, a job's result becomes a reply.
#include "generate/local_generator.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/hash.h"
#include "generate/context_fit.h"

#include <fmt/format.h>

namespace hearth::generate {

/// What an answer has told its caller.
struct LocalGenerator::Told {
  std::string text, reasoning;
  std::vector<ToolCall> calls;
  std::vector<std::string> notes;

  /// Passes on what a piece shows, in its order, until `send` has enough.
  template <typename Send>
  void tell(const ShownText& shown, const Send& send) {
    notes.insert(notes.end(), shown.notes.begin(), shown.notes.end());
    reasoning += shown.reasoning;
    if (!shown.reasoning.empty() && !send(ReasoningDelta{shown.reasoning})) return;
    std::size_t begin = 0;
    const auto text_until = [&](std::size_t end) {
      const std::string_view part = std::string_view(shown.answer).substr(begin, end - begin);
      begin = end;
      text += part;
      return part.empty() || send(TextDelta{part});
    };
    for (const CallPiece& piece : shown.calls) {
      if (!text_until(piece.at)) return;
      if (piece.withdrawn) {
        calls.pop_back();
        if (!send(ToolCallDelta{.call_idx = piece.call_idx, .withdrawn = true})) return;
        continue;
      }
      const bool begins = !piece.name.empty();
      if (begins) calls.push_back({piece.id, piece.name, {}});
      calls.back().arguments += piece.arguments;
      const ToolCallDelta start{.call_idx = piece.call_idx, .id = piece.id, .name = piece.name};
      if (begins && !send(start)) return;
      if (!piece.arguments.empty() && !send(ToolCallDelta{.call_idx = piece.call_idx, .arguments = piece.arguments}))
        return;
    }
    text_until(shown.answer.size());
  }
};

namespace {

constexpr std::size_t kMostAnswers = 128;  // to one request

Status check_tool_choice(const Request& request) {
  using Kind = ToolChoice::Kind;
  const ToolChoice& choice = request.tool_choice;
  if (choice.kind == Kind::kRequired && request.tools.empty())
    return fail(ErrorCode::kInvalidArgument, "a call of a tool is required, but the request has no tools");
  const auto named = [&](const Tool& tool) { return tool.name == choice.name; };
  if (choice.kind == Kind::kNamed && std::ranges::none_of(request.tools, named)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a call of \"{}\" is required, which is none of the request's {} tools", choice.name,
                            request.tools.size()));
  }
  const bool must = choice.kind == Kind::kRequired || choice.kind == Kind::kNamed;
  if (must && (request.prompt || request.format.kind != OutputFormat::Kind::kText)) {
    return fail(ErrorCode::kInvalidArgument,
                "a call of a tool is required and a format or a text to go on with is given: an answer cannot be both");
  }
  return {};
}

std::string format_name(OutputFormat::Kind kind) {
  switch (kind) {
    case OutputFormat::Kind::kText: return "text";
    case OutputFormat::Kind::kJson: return "JSON";
    case OutputFormat::Kind::kJsonSchema: return "JSON Schema";
    case OutputFormat::Kind::kRegex: return "regular expression";
    case OutputFormat::Kind::kGrammar: return "grammar";
    case OutputFormat::Kind::kChoices: return "choices";
  }
  return "";
}

/// A reply that was given before, to the same request in its new receipt. A sink that has enough cuts it short.
Reply repeat(Reply reply, Receipt now, const EventSink& sink) {
  Receipt& receipt = reply.receipt;
  for (EffectiveOption& option : now.options) {  // but for a seed that was drawn then
    const auto then = std::ranges::find(receipt.options, option.name, &EffectiveOption::name);
    if (option.name == "seed" && then != receipt.options.end()) option = *then;
  }
  receipt.options = std::move(now.options);
  receipt.dropped_messages = std::move(now.dropped_messages);
  receipt.prompt = {.n_reused = receipt.n_prompt, .n_new = 0, .cause = {}};
  receipt.timings = {};
  receipt.tok_s = 0;
  receipt.n_drafted = receipt.n_accepted = 0;
  receipt.notes.clear();
  receipt.repeated = true;
  bool listening = true;
  const auto send = [&](std::size_t answer_idx, auto what) {
    if (listening && sink) listening = sink({.answer_idx = answer_idx, .what = what});
  };
  for (std::size_t i = 0; i < reply.answers.size(); ++i) {
    Answer& answer = reply.answers[i];
    const std::string text = answer.message.text();
    if (!answer.message.reasoning.empty()) send(i, ReasoningDelta{answer.message.reasoning});
    if (!listening) answer.message.content = {TextPart{}};
    if (!text.empty()) send(i, TextDelta{text});
    if (!listening) answer.message.tool_calls.clear();
    for (std::size_t c = 0; c < answer.message.tool_calls.size(); ++c) {
      const ToolCall& call = answer.message.tool_calls[c];
      send(i, ToolCallDelta{.call_idx = c, .id = call.id, .name = call.name, .arguments = call.arguments});
    }
    if (!listening) answer.reason = FinishReason::kCancelled;
  }
  return reply;
}

}  // namespace

struct LocalGenerator::Prepared {
  Job job;
  Receipt receipt;
};

Result<std::unique_ptr<LocalGenerator>> LocalGenerator::make(std::shared_ptr<LanguageModel> model,
                                                             LocalGeneratorOptions options) {
  HEARTH_CHECK(Scheduler::accepts(*model));
  const ModelInfo& info = model->info();
  if (options.chat_template.model_source.empty()) options.chat_template.model_source = info.chat_template;
  if (options.chat_template.model_tool_source.empty())
    options.chat_template.model_tool_source = info.tool_chat_template;
  if (!options.recommended) options.recommended = model_options(info);
  HEARTH_TRY(PromptMaker prompts, PromptMaker::make(*model->vocabulary(), options.chat_template, options.now));
  const text::TemplateCandidates& given = options.chat_template;
  Hash64 hash;
  for (const std::string& part : {prompts.source(), given.given_source, given.model_source, given.model_tool_source})
    hash.add(part + '\0');
  options.scheduler.cache.template_hash = hash.value();
  HEARTH_TRY(auto scheduler, Scheduler::make(*model, options.scheduler));
  return std::unique_ptr<LocalGenerator>(
      new LocalGenerator(std::move(model), std::move(options), std::move(prompts), std::move(scheduler)));
}

LocalGenerator::LocalGenerator(std::shared_ptr<LanguageModel> model, LocalGeneratorOptions options, PromptMaker prompts,
                               std::unique_ptr<Scheduler> scheduler)
    : model_(std::move(model)),
      options_(std::move(options)),
      prompts_(std::move(prompts)),
      masks_(*model_->vocabulary()),
      replies_(options_.replies ? std::make_optional<ReplyCache>(*options_.replies) : std::nullopt),
      scheduler_(std::move(scheduler)) {}

/// What this generator cannot do: content that it cannot see is always an error, the rest as the caller wants.
Status LocalGenerator::refuse_or_tell(const Request& request, Receipt& receipt) const {
  if (request.messages.empty() && !request.prompt)
    return fail(ErrorCode::kInvalidArgument, "there is nothing to answer: the request has no messages");
  if (request.own_end == Request::OwnEnd::kIgnored &&
      (request.format.kind != OutputFormat::Kind::kText || wants_calls(request))) {
    return fail(ErrorCode::kInvalidArgument,
                "the model's own end is to be ignored, but a format or tools are given: their answers must end");
  }
  if (request.n == 0 || request.n > kMostAnswers) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} answers were asked for, expected 1 to {}", request.n, kMostAnswers));
  }
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    for (const ContentPart& part : request.messages[i].content) {
      if (std::holds_alternative<TextPart>(part)) continue;
      return fail(ErrorCode::kUnsupportedModel,
                  fmt::format("message {} holds {}, but this model reads text only", i,
                              std::holds_alternative<ImagePart>(part) ? "an image" : "sound"));
    }
  }
  const auto tell = [&](std::string name, std::string reason) {
    receipt.ignored.push_back({std::move(name), std::move(reason)});
  };
  if (!request.tools.empty() && request.prompt) tell("tools", "a text as it stands has no place for them");
  if (prompts_.tags().open.empty() && !request.prompt) {
    if (request.reasoning.mode == ReasoningOptions::Mode::kOn)
      tell("reasoning.mode", "this model has no thinking tags");
    if (request.reasoning.max_tokens) tell("reasoning.max_tokens", "this model has no thinking tags");
  }
  if (request.attention_layer && !model_->capabilities().attention)
    tell("attention_layer", "this engine does not show where it looks");
  if (request.unhonoured == Request::Unhonoured::kTold || receipt.ignored.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the option {} cannot be honoured: {}", receipt.ignored[0].name, receipt.ignored[0].reason));
}

/// The prompt, after the context policy has made room for an answer.
Result<Prompt> LocalGenerator::fit(const Request& request, std::size_t max_tokens, Receipt& receipt) const {
  if (request.prompt) return prompts_.plain(*request.prompt);
  const std::size_t n_ctx = scheduler_->n_ctx();
  const bool drops = request.context.kind != ContextPolicy::Kind::kRefuse;
  const std::size_t n_answer = drops ? std::min(max_tokens ? max_tokens : 256, n_ctx / 4) : 1;
  Result<Prompt> last = fail(ErrorCode::kInternal, "no prompt was rendered");
  const auto count = [&](const std::vector<Message>& messages) -> Result<std::size_t> {
    last = prompts_.render(messages, request);
    if (!last) return std::unexpected(last.error());
    return last->tokens.size();
  };
  HEARTH_TRY(FittedMessages fitted,
             fit_context(request.messages, request.context, n_ctx - std::min(n_ctx, n_answer), count));
  receipt.dropped_messages = std::move(fitted.dropped);
  return last;  // of the messages that were counted last: those that fit
}

Result<LocalGenerator::Prepared> LocalGenerator::prepare(const Request& request) {
  Prepared prepared;
  Receipt& receipt = prepared.receipt;
  Job& job = prepared.job;
  HEARTH_CHECK(refuse_or_tell(request, receipt));
  HEARTH_CHECK(check_tool_choice(request));
  ResolvedOptions options = resolve_options(request, *options_.recommended);
  HEARTH_TRY(Prompt prompt, fit(request, options.max_tokens, receipt));
  receipt.options = std::move(options.told);
  receipt.template_source = request.prompt ? "none: the text as it stands" : prompts_.source(request);
  job.prompt = {.principal = request.principal, .tokens = std::move(prompt.tokens), .marks = std::move(prompt.marks)};
  job.sampling = std::move(options.sampling);
  if (model_->capabilities().attention) job.attention_layer = request.attention_layer;
  job.n = request.n;
  const std::size_t n_ctx = scheduler_->n_ctx(), n_prompt = job.prompt.tokens.size();
  job.steps = {.max_tokens = options.max_tokens,
               .room = n_ctx > n_prompt ? n_ctx - n_prompt : 1,
               .stop = std::move(options.stop),
               .max_sentences = options.max_sentences,
               .end_tokens = request.own_end == Request::OwnEnd::kIgnored ? EndTokens::kIgnore : EndTokens::kStop,
               .tags = request.prompt ? ReasoningTags{} : prompts_.tags(),
               .start = prompt.start,
               .max_reasoning_tokens = request.reasoning.max_tokens};
  HEARTH_TRY(AnswerMasks masks, prepare_calls(request, prepared));
  job.masks = std::move(masks.masks);
  if (const std::size_t most = answer_bound(job.steps.max_tokens, job.steps.room); masks.minimum > 0 && most > 0) {
    std::optional<std::size_t>& thought = job.steps.max_reasoning_tokens;
    const std::size_t room = (most - masks.minimum) / 2;  // a thought leaves room for the answer
    thought = std::min(thought.value_or(room), room);
  }
  if (request.deadline) job.deadline = Clock::now() + *request.deadline;
  return prepared;
}

/// How calls are read from the answers, and what answers are held to. Formats that frame every message are read without
/// tools too.
Result<AnswerMasks> LocalGenerator::prepare_calls(const Request& request, Prepared& prepared) {
  Receipt& receipt = prepared.receipt;
  const std::string format = request.format.kind == OutputFormat::Kind::kText
                                 ? "none"
                                 : format_name(request.format.kind) + ", enforced token by token";
  receipt.constraint = format;
  CallParserOptions& options = prepared.job.steps.calls;
  const ChosenCalls& calls = prompts_.calls(request);
  const bool frames = calls.family->formats.front().syntax == CallSyntax::kRecipient;
  if (wants_calls(request) || (frames && !request.prompt)) options.family = calls.family;
  const StepOptions& steps = prepared.job.steps;
  const AnswerBounds bounds = {
      .max_tokens = steps.max_tokens, .room = steps.room, .n = request.n, .principal = request.principal};
  if (!wants_calls(request)) return masks_.make(request.format, bounds);
  HEARTH_TRY(options.tools, ToolSet::make(request.tools));
  for (const Message& message : request.messages) {
    for (const ToolCall& call : message.tool_calls) options.taken_ids.push_back(call.id);
  }
  receipt.calls = fmt::format("{}: {}", calls.family->name, calls.why);
  const ToolChoice& choice = request.tool_choice;
  const bool must = choice.kind == ToolChoice::Kind::kRequired || choice.kind == ToolChoice::Kind::kNamed;
  const CallGrammarOptions grammar{.format = &options.family->formats.front(),
                                   .tools = options.tools.get(),
                                   .need = must ? CallGrammarOptions::Need::kMust : CallGrammarOptions::Need::kMay,
                                   .only = choice.kind == ToolChoice::Kind::kNamed ? choice.name : std::string(),
                                   .max_calls = choice.max_calls};
  auto masks = masks_.make(grammar, request.format, bounds);
  if (masks) {
    options.telling = CallTelling::kGrowing;
    receipt.constraint = must ? "a call of a tool, enforced token by token"
                              : (format == "none" ? "" : format + "; ") +
                                    "calls of tools, enforced token by token from where they begin";
    return masks;
  }
  const bool unsupported = masks.error().code == ErrorCode::kUnsupportedConstraint;
  if (must || !unsupported || request.unhonoured == Request::Unhonoured::kRefused) return masks;
  receipt.ignored.push_back({"tools", "calls are read but not held to their schemas: " + masks.error().message});
  return masks_.make(request.format, bounds);
}

Result<Reply> LocalGenerator::generate(const Request& request, const EventSink& sink, const CancelCheck& cancelled) {
  HEARTH_TRY(Prepared prepared, prepare(request));
  const auto key = replies_ ? replies_->key(request, prepared.job, prepared.receipt.options) : std::nullopt;
  if (key) {
    if (auto known = replies_->find(*key)) return repeat(std::move(*known), std::move(prepared.receipt), sink);
  }
  HEARTH_TRY(const auto ticket, scheduler_->submit(std::move(prepared.job)));
  HEARTH_TRY(Reply reply, follow(*ticket, std::move(prepared.receipt), sink, cancelled));
  if (key) replies_->keep(*key, reply);
  return reply;
}

void LocalGenerator::forget() {
  scheduler_->forget();
  if (replies_) replies_->clear();
}

Result<Reply> LocalGenerator::follow(Ticket& ticket, Receipt receipt, const EventSink& sink,
                                     const CancelCheck& cancelled) const {
  const std::chrono::milliseconds patience(cancelled ? 5 : 1000);
  std::vector<Told> told(ticket.job().n);
  bool listening = true;
  const auto send = [&](Event event) {
    if (!sink || sink(event)) return;
    listening = false;
    ticket.cancel();
  };
  while (!ticket.done()) {
    const auto event = ticket.next(patience);
    if (cancelled && cancelled()) ticket.cancel();
    if (!event || !listening) continue;  // what comes after the sink has had enough is no part of the reply
    if (const auto* progress = std::get_if<PromptProgress>(&*event)) {
      send({.answer_idx = 0, .what = *progress});
      continue;
    }
    if (const auto* attention = std::get_if<JobAttention>(&*event)) {
      send({attention->answer_idx, AttentionWeights{attention->layer, attention->n_heads, attention->weights}});
      continue;
    }
    const auto& piece = std::get<JobPiece>(*event);
    Told& all = told[piece.answer_idx];
    all.tell(piece.shown, [&](auto what) {
      if (listening) send({piece.answer_idx, what});
      return listening;
    });
  }
  HEARTH_TRY(JobResult result, ticket.result());
  Reply reply;
  complete_receipt(ticket.job(), result, receipt);
  for (std::size_t i = 0; i < result.answers.size(); ++i) {
    if (!listening) result.answers[i].reason = FinishReason::kCancelled;
    reply.answers.push_back(complete_answer(result.answers[i], std::move(told[i])));
  }
  reply.receipt = std::move(receipt);
  return reply;
}

Answer LocalGenerator::complete_answer(const JobAnswer& said, Told told) const {
  Answer answer;
  answer.message = Message::assistant(std::move(told.text));
  answer.message.reasoning = std::move(told.reasoning);
  answer.message.tool_calls = std::move(told.calls);
  answer.notes = std::move(told.notes);
  answer.reason = said.reason;
  if (answer.reason == FinishReason::kStop && !answer.message.tool_calls.empty())
    answer.reason = FinishReason::kToolCalls;
  answer.stop_string = said.stop_string;
  answer.tokens = said.tokens;
  if (!said.note.empty()) answer.notes.push_back(said.note);
  const auto named = [&](Token token, float logprob) {
    return TokenProbability{
        .token = token, .bytes = model_->vocabulary()->token_bytes(token), .logprob = logprob, .top = {}};
  };
  for (const sample::Choice& choice : said.choices) {
    TokenProbability one = named(choice.id, *choice.logprob);
    for (const sample::TokenLogprob& top : choice.top) one.top.push_back(named(top.id, top.logprob));
    answer.logprobs.push_back(std::move(one));
  }
  return answer;
}

void LocalGenerator::complete_receipt(const Job& job, const JobResult& result, Receipt& receipt) const {
  const ModelInfo& info = model_->info();
  receipt.prompt = result.prompt;
  receipt.n_prompt = job.prompt.tokens.size();
  for (const JobAnswer& answer : result.answers) {
    receipt.n_completion += answer.tokens.size();
    receipt.n_reasoning += answer.n_reasoning;
  }
  receipt.speculation = result.speculation;
  receipt.n_drafted = result.n_drafted;
  receipt.n_accepted = result.n_accepted;
  receipt.notes = result.notes;
  receipt.timings = result.timings;
  receipt.timings.load_s = options_.load_s;
  const std::size_t n_first = result.answers.size();
  if (result.timings.decode_s > 0 && receipt.n_completion > n_first)
    receipt.tok_s = static_cast<double>(receipt.n_completion - n_first) / result.timings.decode_s;
  receipt.memory_bytes = info.weight_bytes + scheduler_->state().kept_bytes;
  receipt.model = info.name;
  receipt.engine = info.engine;
  receipt.isa = info.isa;
  receipt.recipe_id = info.recipe_id;
  receipt.quantization = info.quantization;
  receipt.n_threads = info.n_threads;
  receipt.left_device_why = "the model runs on this device";
}

std::vector<Result<Reply>> LocalGenerator::generate_batch(std::span<const Request> requests,
                                                          const CancelCheck& cancelled) {
  struct Open {
    std::size_t idx;
    std::shared_ptr<Ticket> ticket;
    Receipt receipt;
  };
  std::vector<Result<Reply>> replies(requests.size(), fail(ErrorCode::kInternal, "this request was never begun"));
  std::deque<Open> open;
  const auto finish_oldest = [&] {
    replies[open.front().idx] = follow(*open.front().ticket, std::move(open.front().receipt), {}, cancelled);
    open.pop_front();
  };
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto prepared = prepare(requests[i]);
    if (!prepared) {
      replies[i] = std::unexpected(std::move(prepared.error()));
      continue;
    }
    auto ticket = scheduler_->submit(prepared->job);
    while (!ticket && ticket.error().code == ErrorCode::kBusy && !open.empty()) {
      finish_oldest();
      ticket = scheduler_->submit(prepared->job);
    }
    if (ticket) {
      open.push_back({i, *ticket, std::move(prepared->receipt)});
    } else {
      replies[i] = std::unexpected(std::move(ticket.error()));
    }
  }
  while (!open.empty()) finish_oldest();
  return replies;
}

Result<CachedText> LocalGenerator::read_ahead(const Request& request, const CancelCheck& cancelled) {
  Job job;
  Prompt prompt;
  if (request.prompt) {
    HEARTH_TRY(prompt, prompts_.plain(*request.prompt));
  } else {
    HEARTH_TRY(prompt, prompts_.render(request.messages, request, PromptMaker::Ending::kMoreFollows));
  }
  job.prompt = {.principal = request.principal, .tokens = std::move(prompt.tokens), .marks = std::move(prompt.marks)};
  job.n = 0;
  HEARTH_TRY(const auto ticket, scheduler_->submit(std::move(job)));
  HEARTH_CHECK(follow(*ticket, {}, {}, cancelled));
  return ticket->job().prompt;
}

Status LocalGenerator::prime(const Request& request, const CancelCheck& cancelled) {
  HEARTH_CHECK(read_ahead(request, cancelled));
  return {};
}

Result<std::size_t> LocalGenerator::save_session(const Request& conversation, const std::filesystem::path& path,
                                                 const CancelCheck& cancelled) {
  HEARTH_TRY(const CachedText text, read_ahead(conversation, cancelled));
  Result<std::size_t> saved = 0;
  scheduler_->with_cache([&](PrefixCache& cache) { saved = cache.save_to(path, text); });
  if (!saved) return std::unexpected(std::move(saved.error()).within("saving the session " + path.string()));
  return saved;
}

Result<std::size_t> LocalGenerator::restore_session(const std::filesystem::path& path, const std::string& principal) {
  Result<std::size_t> restored = 0;
  scheduler_->with_cache([&](PrefixCache& cache) { restored = cache.restore_from(path, principal); });
  if (!restored) return std::unexpected(std::move(restored.error()).within("restoring the session " + path.string()));
  return restored;
}

Status LocalGenerator::check(const Request& request) {
  HEARTH_CHECK(prepare(request));
  return {};
}

Status LocalGenerator::warm_up() {
  Job job;
  job.prompt.tokens = {model_->vocabulary()->bos().value_or(0)};
  job.n = 0;
  HEARTH_TRY(const auto ticket, scheduler_->submit(std::move(job)));
  HEARTH_CHECK(ticket->result());
  return {};
}

}  // namespace hearth::generate
