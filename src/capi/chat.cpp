// Conversations, as C has them.
#include "capi/handles.h"
#include "generate/message_json.h"
#include "generate/request_json.h"

#include <nlohmann/json.hpp>

using hearth::Result;
using hearth::capi::guarded;

extern "C" {

hearth_chat* hearth_chat_open(hearth_model* model, const char* options_json, hearth_error* error) {
  return guarded<hearth_chat*>(error, nullptr, [&]() -> Result<hearth_chat*> {
    HEARTH_TRY(hearth::Request options, hearth::generate::parse_request(options_json == nullptr ? "{}" : options_json));
    HEARTH_CHECK(model->answering());
    return new hearth_chat{.model = model,
                           .conversation = hearth::generate::Conversation(*model->generator, std::move(options))};
  });
}

void hearth_chat_close(hearth_chat* chat) {
  delete chat;
}

hearth_chat* hearth_chat_fork(const hearth_chat* chat, hearth_error* error) {
  return guarded<hearth_chat*>(error, nullptr, [&]() -> Result<hearth_chat*> { return new hearth_chat(*chat); });
}

hearth_reply* hearth_chat_say(hearth_chat* chat, const char* text, const hearth_events* events, hearth_cancel* cancel,
                              hearth_error* error) {
  return guarded<hearth_reply*>(error, nullptr, [&]() -> Result<hearth_reply*> {
    HEARTH_TRY(std::string said, hearth::capi::required_text(text, "text"));
    HEARTH_TRY(const hearth_events mine, hearth::capi::sized(events, "hearth_events"));
    HEARTH_CHECK(chat->model->answering());
    return hearth::capi::reply_of(chat->conversation.say(std::move(said), hearth::capi::sink_of(mine),
                                                         hearth::capi::cancel_of(*chat->model, cancel)));
  });
}

hearth_reply* hearth_chat_again(hearth_chat* chat, const hearth_events* events, hearth_cancel* cancel,
                                hearth_error* error) {
  return guarded<hearth_reply*>(error, nullptr, [&]() -> Result<hearth_reply*> {
    HEARTH_TRY(const hearth_events mine, hearth::capi::sized(events, "hearth_events"));
    HEARTH_CHECK(chat->model->answering());
    return hearth::capi::reply_of(
        chat->conversation.again(hearth::capi::sink_of(mine), hearth::capi::cancel_of(*chat->model, cancel)));
  });
}

int32_t hearth_chat_undo(hearth_chat* chat) {
  return chat->conversation.undo() ? 1 : 0;
}

char* hearth_chat_messages(const hearth_chat* chat, hearth_error* error) {
  return guarded<char*>(error, nullptr, [&]() -> Result<char*> {
    const auto json = hearth::generate::conversation_json(chat->conversation.messages());
    return hearth::capi::copied(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  });
}

}  // extern "C"
