// Conversations, as C has them.
#include "capi/handles.h"
#include "generate/message_json.h"
#include "generate/request_json.h"
#include "generate/shallow_json.h"

#include <nlohmann/json.hpp>

using hearth::Result;
using hearth::capi::guarded;

extern "C" {

hearth_chat* hearth_chat_open(hearth_model* model, const char* options_json, hearth_error* error) {
  return guarded<hearth_chat*>(error, nullptr, [&]() -> Result<hearth_chat*> {
    HEARTH_TRY(hearth::Request options, hearth::generate::parse_request(options_json == nullptr ? "{}" : options_json));
    HEARTH_CHECK(hearth::capi::chosen(model));
    HEARTH_CHECK(model->answering());
    return new hearth_chat{.model = model,
                           .conversation = hearth::generate::Conversation(*model->generator, std::move(options))};
  });
}

void hearth_chat_close(hearth_chat* chat) {
  delete chat;
}

hearth_chat* hearth_chat_fork(const hearth_chat* chat, hearth_error* error) {
  return guarded<hearth_chat*>(error, nullptr, [&]() -> Result<hearth_chat*> {
    HEARTH_CHECK(hearth::capi::check_opened(chat));
    return new hearth_chat(*chat);
  });
}

void hearth_tool_answer_result(hearth_tool_answer* answer, const char* text) {
  answer->said = std::string(text == nullptr ? "" : text);
}

void hearth_tool_answer_error(hearth_tool_answer* answer, const char* text) {
  answer->said = hearth::fail(hearth::ErrorCode::kInvalidArgument, text == nullptr ? "" : text);
}

int32_t hearth_chat_offer(hearth_chat* chat, const char* tool_json, hearth_tool_function function, void* user,
                          hearth_error* error) {
  return guarded<int32_t>(error, -1, [&]() -> Result<int32_t> {
    HEARTH_CHECK(hearth::capi::check_opened(chat));
    HEARTH_TRY(const std::string given, hearth::capi::required_text(tool_json, "tool_json"));
    if (function == nullptr) return hearth::fail(hearth::ErrorCode::kInvalidArgument, "function is NULL");
    HEARTH_TRY(const auto json, hearth::generate::parse_shallow_json(given));
    HEARTH_TRY(std::vector<hearth::Tool> tools, hearth::generate::parse_tools(nlohmann::ordered_json::array({json})));
    chat->tools.add(std::move(tools.front()), [function, user](const std::string& arguments) {
      hearth_tool_answer answer = {.said = hearth::fail(hearth::ErrorCode::kInternal, "the function gave no answer")};
      function(user, arguments.c_str(), &answer);
      return std::move(answer.said);
    });
    chat->conversation.offer(chat->tools, {});
    return 0;
  });
}

hearth_reply* hearth_chat_say(hearth_chat* chat, const char* text, const hearth_events* events, hearth_cancel* cancel,
                              hearth_error* error) {
  return guarded<hearth_reply*>(error, nullptr, [&]() -> Result<hearth_reply*> {
    HEARTH_TRY(std::string said, hearth::capi::required_text(text, "text"));
    HEARTH_TRY(const hearth_events mine, hearth::capi::sized(events, "hearth_events"));
    HEARTH_CHECK(hearth::capi::check_opened(chat));
    HEARTH_CHECK(chat->model->answering());
    return hearth::capi::reply_of(chat->conversation.say(std::move(said), hearth::capi::sink_of(mine),
                                                         hearth::capi::cancel_of(*chat->model, cancel)));
  });
}

hearth_reply* hearth_chat_again(hearth_chat* chat, const hearth_events* events, hearth_cancel* cancel,
                                hearth_error* error) {
  return guarded<hearth_reply*>(error, nullptr, [&]() -> Result<hearth_reply*> {
    HEARTH_TRY(const hearth_events mine, hearth::capi::sized(events, "hearth_events"));
    HEARTH_CHECK(hearth::capi::check_opened(chat));
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
    HEARTH_CHECK(hearth::capi::check_opened(chat));
    const auto json = hearth::generate::conversation_json(chat->conversation.messages());
    return hearth::capi::copied(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  });
}

}  // extern "C"
