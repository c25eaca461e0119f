// What stands behind the opaque types of hearth.h.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "capi/boundary.h"
#include "generate/conversation.h"
#include "generate/local_generator.h"

struct hearth_cancel {
  std::atomic<bool> requested = false;
};

struct hearth_model {
  std::shared_ptr<hearth::LanguageModel> model;
  std::unique_ptr<hearth::generate::LocalGenerator> generator;  // null for embedding models
  std::mutex embedding;                                         // one text at a time
  std::atomic<bool> background = false;
  std::size_t n_ctx = 0;    // 0: what the model was trained for
  std::string load_notice;  // why it runs with less than was asked for; else empty

  /// The generator, where answers can be asked for now.
  [[nodiscard]] hearth::Result<hearth::Generator*> answering() const;
};

struct hearth_reply {
  std::string text, reasoning, reason, json;
};

struct hearth_chat {
  hearth_model* model;
  hearth::generate::Conversation conversation;
  hearth::Toolbox tools = {};
};

struct hearth_tool_answer {
  hearth::Result<std::string> said;
};

namespace hearth::capi {

/// The model that a host gave, where it gave one: a host may go on with what hearth_model_open returned for a failure.
Result<hearth_model*> chosen(hearth_model* model);
/// The same for a chat.
Status check_opened(const hearth_chat* chat);

EventSink sink_of(const hearth_events& events);
CancelCheck cancel_of(const hearth_model& model, const hearth_cancel* cancel);
Result<hearth_reply*> reply_of(const Result<Reply>& reply);

}  // namespace hearth::capi
