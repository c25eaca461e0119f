// The loop over replies, calls and results.
#include <algorithm>
#include <chrono>
#include <utility>

#include "hearth/tools.h"

#include <fmt/format.h>

namespace hearth {

namespace {

class ToolLoop {
 public:
  ToolLoop(Generator& generator, Request request, const Toolbox& box, const ToolRunOptions& options)
      : generator_(generator), request_(std::move(request)), box_(box), options_(options) {
    for (Tool& tool : box_.tools()) {
      if (std::ranges::find(request_.tools, tool.name, &Tool::name) == request_.tools.end())
        request_.tools.push_back(std::move(tool));
    }
  }

  Result<ToolRun> run() {
    if (options_.max_steps == 0)
      return fail(ErrorCode::kInvalidArgument, "running tools: 0 steps are allowed, expected at least 1");
    if (request_.n != 1 || request_.prompt)
      return fail(ErrorCode::kInvalidArgument, "running tools takes a request for one answer to messages");
    for (std::size_t step = 0; step < options_.max_steps; ++step) {
      HEARTH_TRY(run_.reply, generator_.generate(request_, options_.sink, options_.cancelled));
      run_.receipts.push_back(run_.reply.receipt);
      const Answer& answer = run_.reply.answers.front();
      request_.messages.push_back(answer.message);
      if (answer.reason == FinishReason::kCancelled) return finish(ToolRun::End::kCancelled);
      if (answer.message.tool_calls.empty()) return finish(ToolRun::End::kAnswer);
      if (step + 1 == options_.max_steps) break;
      for (const ToolCall& call : answer.message.tool_calls) {
        if (options_.cancelled && options_.cancelled()) return finish(ToolRun::End::kCancelled);
        answer_call(call, step);
      }
      // What had to be called has been called.
      if (request_.tool_choice.kind != ToolChoice::Kind::kAuto) request_.tool_choice.kind = ToolChoice::Kind::kAuto;
      request_.assistant_prefix.clear();
    }
    run_.reply.answers.front().notes.push_back(
        fmt::format("the limit of {} steps is reached and the model still asks for tools: its calls were not made",
                    options_.max_steps));
    return finish(ToolRun::End::kStepLimit);
  }

 private:
  void answer_call(const ToolCall& call, std::size_t step) {
    using Clock = std::chrono::steady_clock;
    ToolResult result{.step_idx = step, .call = call, .text = {}, .kind = ToolResult::Kind::kDone, .seconds = 0};
    const auto begin = Clock::now();
    auto said = !options_.may_call || options_.may_call(call)
                    ? box_.call(call)
                    : fail(ErrorCode::kInvalidArgument, "the user does not allow this call");
    result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (said) {
      result.text = std::move(*said);
    } else {
      result.kind = ToolResult::Kind::kFailed;
      result.text = "error: " + said.error().message;
    }
    Message message = Message::tool(call.id, result.text);
    message.name = call.name;
    request_.messages.push_back(std::move(message));
    if (options_.on_result) options_.on_result(result);
    run_.results.push_back(std::move(result));
  }

  ToolRun finish(ToolRun::End end) {
    run_.end = end;
    run_.messages = std::move(request_.messages);
    return std::move(run_);
  }

  Generator& generator_;
  Request request_;
  const Toolbox& box_;
  const ToolRunOptions& options_;
  ToolRun run_;
};

}  // namespace

std::vector<Tool> Toolbox::tools() const {
  std::vector<Tool> all;
  for (const Entry& entry : entries_) all.push_back(entry.tool);
  return all;
}

Result<std::string> Toolbox::call(const ToolCall& call) const {
  for (const Entry& entry : entries_) {
    if (entry.tool.name == call.name) return entry.function(call.arguments);
  }
  std::string names;
  for (const Entry& entry : entries_) names += (names.empty() ? "" : ", ") + entry.tool.name;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("there is no function \"{}\"; the functions are {}", call.name, names));
}

Result<ToolRun> run_tools(Generator& generator, Request request, const Toolbox& box, const ToolRunOptions& options) {
  return ToolLoop(generator, std::move(request), box, options).run();
}

}  // namespace hearth
