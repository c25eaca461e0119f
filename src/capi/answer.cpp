// Requests, replies and cancelling.
#include <string>

#include "capi/handles.h"
#include "generate/reply_json.h"
#include "generate/request_json.h"

#include <nlohmann/json.hpp>

using hearth::ErrorCode;
using hearth::Result;
using hearth::capi::guarded;

Result<hearth::Generator*> hearth_model::answering() const {
  if (!generator)
    return hearth::fail(ErrorCode::kUnsupportedModel,
                        "this is an embedding model: it gives vectors (hearth_embed), not answers");
  if (background)
    return hearth::fail(ErrorCode::kBusy,
                        "the application is in the background; hearth_model_on_foreground lets it answer again");
  return generator.get();
}

namespace hearth::capi {

Result<hearth_model*> chosen(hearth_model* model) {
  if (model != nullptr) return model;
  return fail(ErrorCode::kNoServiceSelected,
              "no model was chosen: hearth_model_open makes one, and its error says why it could not");
}

Status check_opened(const hearth_chat* chat) {
  if (chat != nullptr) return {};
  return fail(ErrorCode::kNotInitialised, "the chat is NULL: hearth_chat_open makes one");
}

EventSink sink_of(const hearth_events& events) {
  return [events](const Event& event) {
    if (event.answer_idx != 0) return true;
    const auto goes_on = [&](const auto& function, std::string_view text) {
      return function == nullptr || function(events.user, std::string(text).c_str(), text.size()) == 0;
    };
    if (const auto* said = std::get_if<TextDelta>(&event.what)) return goes_on(events.text, said->text);
    if (const auto* thought = std::get_if<ReasoningDelta>(&event.what)) return goes_on(events.reasoning, thought->text);
    if (const auto* prompt = std::get_if<PromptProgress>(&event.what))
      return events.prompt == nullptr || events.prompt(events.user, prompt->n_done, prompt->n_all) == 0;
    return true;
  };
}

CancelCheck cancel_of(const hearth_model& model, const hearth_cancel* cancel) {
  return [&model, cancel] { return model.background || (cancel != nullptr && cancel->requested); };
}

Result<hearth_reply*> reply_of(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  const Answer& answer = reply->answers.front();
  return new hearth_reply{
      .text = answer.message.text(),
      .reasoning = answer.message.reasoning,
      .reason = std::string(finish_reason_name(answer.reason)),
      .json = generate::reply_json(*reply).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace hearth::capi

extern "C" {

hearth_cancel* hearth_cancel_new(void) {
  return new (std::nothrow) hearth_cancel;
}
void hearth_cancel_request(hearth_cancel* cancel) {
  cancel->requested = true;
}
void hearth_cancel_free(hearth_cancel* cancel) {
  delete cancel;
}

hearth_reply* hearth_generate(hearth_model* model, const char* request_json, const hearth_events* events,
                              hearth_cancel* cancel, hearth_error* error) {
  return guarded<hearth_reply*>(error, nullptr, [&]() -> Result<hearth_reply*> {
    HEARTH_TRY(const std::string text, hearth::capi::required_text(request_json, "request_json"));
    HEARTH_TRY(const hearth_events mine, hearth::capi::sized(events, "hearth_events"));
    HEARTH_TRY(const hearth::Request request, hearth::generate::parse_request(text));
    HEARTH_CHECK(hearth::capi::chosen(model));
    HEARTH_TRY(hearth::Generator* const generator, model->answering());
    return hearth::capi::reply_of(
        generator->generate(request, hearth::capi::sink_of(mine), hearth::capi::cancel_of(*model, cancel)));
  });
}

void hearth_reply_free(hearth_reply* reply) {
  delete reply;
}
const char* hearth_reply_text(const hearth_reply* reply) {
  return reply->text.c_str();
}
const char* hearth_reply_reasoning(const hearth_reply* reply) {
  return reply->reasoning.c_str();
}
const char* hearth_reply_reason(const hearth_reply* reply) {
  return reply->reason.c_str();
}
const char* hearth_reply_json(const hearth_reply* reply) {
  return reply->json.c_str();
}

}  // extern "C"
