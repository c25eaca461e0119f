// A conversation with a generator: what was said, saying more, taking it back, files of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "hearth/generator.h"
#include "hearth/tools.h"

namespace hearth::generate {

/// Stopped before the first word.
[[nodiscard]] bool said_nothing(const Reply& reply);

class Conversation {
 public:
  /// `options` says how to answer; its messages are what the conversation begins with.
  Conversation(Generator& generator, Request options) : generator_(&generator), request_(std::move(options)) {}

  /// From now on calls of these functions are answered, and the calls and results are part of the conversation.
  /// `options` without a sink and a check for cancelling.
  void offer(Toolbox box, ToolRunOptions options) { tools_.emplace(std::move(box), std::move(options)); }

  /// Adds the user's words and the answer. Neither is kept on an error, or when it was stopped before the first word.
  Result<Reply> say(std::string text, const EventSink& sink, const CancelCheck& cancelled);
  /// Another answer to the last words of the user. On an error, or when it was stopped before the first
  /// word, the old one stays.
  Result<Reply> again(const EventSink& sink, const CancelCheck& cancelled);
  /// Takes back the user's last words and what came after; they are returned. Nothing when nobody said anything.
  std::optional<std::string> undo();
  /// Forgets everything but the instructions.
  void clear();
  /// Replaces the instructions; empty removes them.
  void instruct(std::string text);
  /// How answers are made from now on; its messages are those of the conversation.
  [[nodiscard]] Request& options() { return request_; }

  /// {"messages": [{"role": ..., "content": ...}]}, as OpenAI's API has them.
  [[nodiscard]] Status save(const std::filesystem::path& path) const;
  Status load(const std::filesystem::path& path);

  [[nodiscard]] const std::vector<Message>& messages() const { return request_.messages; }
  [[nodiscard]] const std::optional<Receipt>& receipt() const { return receipt_; }

 private:
  [[nodiscard]] std::optional<std::size_t> last_user() const;
  Result<Reply> answer(const EventSink& sink, const CancelCheck& cancelled);

  Generator* generator_;
  Request request_;
  std::optional<std::pair<Toolbox, ToolRunOptions>> tools_;
  std::optional<Receipt> receipt_;
};

}  // namespace hearth::generate
