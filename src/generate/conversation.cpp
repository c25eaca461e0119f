// What was said, and files of it.
#include "generate/conversation.h"

#include <algorithm>
#include <iterator>

#include "base/file.h"
#include "generate/message_json.h"
#include "generate/shallow_json.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

constexpr std::uint64_t kLargestFile = std::uint64_t{64} << 20;

bool is_instruction(const Message& message) {
  return message.role == Role::kSystem || message.role == Role::kDeveloper;
}

}  // namespace

bool said_nothing(const Reply& reply) {
  const Answer& answer = reply.answers.front();
  return answer.reason == FinishReason::kCancelled && answer.message.text().empty() &&
         answer.message.reasoning.empty() && answer.message.tool_calls.empty();
}

std::optional<std::size_t> Conversation::last_user() const {
  const auto found =
      std::ranges::find(request_.messages.rbegin(), request_.messages.rend(), Role::kUser, &Message::role);
  if (found == request_.messages.rend()) return std::nullopt;
  return static_cast<std::size_t>(std::distance(found, request_.messages.rend())) - 1;
}

Result<Reply> Conversation::answer(const EventSink& sink, const CancelCheck& cancelled) {
  if (tools_) {
    ToolRunOptions options = tools_->second;
    options.sink = sink;
    options.cancelled = cancelled;
    HEARTH_TRY(ToolRun run, run_tools(*generator_, request_, tools_->first, options));
    request_.messages = std::move(run.messages);
    receipt_ = run.reply.receipt;
    return std::move(run.reply);
  }
  HEARTH_TRY(Reply reply, generator_->generate(request_, sink, cancelled));
  request_.messages.push_back(reply.answers.front().message);
  receipt_ = reply.receipt;
  return reply;
}

Result<Reply> Conversation::say(std::string text, const EventSink& sink, const CancelCheck& cancelled) {
  const std::size_t before = request_.messages.size();
  request_.messages.push_back(Message::user(std::move(text)));
  auto reply = answer(sink, cancelled);
  if (!reply || said_nothing(*reply)) request_.messages.resize(before);
  return reply;
}

Result<Reply> Conversation::again(const EventSink& sink, const CancelCheck& cancelled) {
  const auto user = last_user();
  if (!user) return fail(ErrorCode::kInvalidArgument, "there is nothing to answer yet");
  const auto after = request_.messages.begin() + static_cast<std::ptrdiff_t>(*user) + 1;
  std::vector<Message> old(std::make_move_iterator(after), std::make_move_iterator(request_.messages.end()));
  request_.messages.erase(after, request_.messages.end());
  auto reply = answer(sink, cancelled);
  if (!reply || said_nothing(*reply)) {
    request_.messages.resize(*user + 1);
    std::ranges::move(old, std::back_inserter(request_.messages));
  }
  return reply;
}

std::optional<std::string> Conversation::undo() {
  const auto user = last_user();
  if (!user) return std::nullopt;
  std::string text = request_.messages[*user].text();
  request_.messages.resize(*user);
  return text;
}

void Conversation::clear() {
  std::erase_if(request_.messages, [](const Message& message) { return !is_instruction(message); });
}

void Conversation::instruct(std::string text) {
  std::erase_if(request_.messages, is_instruction);
  if (!text.empty()) request_.messages.insert(request_.messages.begin(), Message::instruction(std::move(text)));
}

Status Conversation::save(const std::filesystem::path& path) const {
  const std::string text =
      conversation_json(request_.messages).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  HEARTH_TRY(AtomicFileWriter file, AtomicFileWriter::create(path));
  HEARTH_CHECK(file.write(std::as_bytes(std::span(text))));
  return file.publish();
}

Status Conversation::load(const std::filesystem::path& path) {
  HEARTH_TRY(const std::string text, read_file(path, kLargestFile));
  const std::string reading = "reading " + path.string();
  const auto json = parse_shallow_json(text);
  if (!json) return std::unexpected(Error(json.error()).within(reading));
  if (!json->is_object() || !json->contains("messages"))
    return fail(ErrorCode::kInvalidArgument, reading + ": expected a JSON object with \"messages\"");
  auto messages = parse_messages(json->at("messages"));
  if (!messages) return std::unexpected(std::move(messages.error()).within(reading));
  request_.messages = std::move(*messages);
  receipt_.reset();
  return {};
}

}  // namespace hearth::generate
