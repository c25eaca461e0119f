// Functions for a model, and the loop that calls them: until the model answers, or the limit of steps is reached.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hearth/described.h"
#include "hearth/generator.h"

namespace hearth {

/// Functions that a model may call.
class Toolbox {
 public:
  /// Takes the arguments, a JSON object, and gives the result as text. What an error says is told to the model.
  using Function = std::function<Result<std::string>(const std::string& arguments)>;

  void add(Tool tool, Function function) { entries_.push_back({std::move(tool), std::move(function)}); }

  /// A function of a described struct (hearth/described.h): its schema is made from the members, and arguments that
  /// break it never reach the function. It gives a text, a number, a described value, or a Result of one.
  template <typename F>
  void add(std::string name, std::string description, F function);

  [[nodiscard]] std::vector<Tool> tools() const;
  /// Calls the function of that name. An unknown name is an error.
  [[nodiscard]] Result<std::string> call(const ToolCall& call) const;

 private:
  struct Entry {
    Tool tool;
    Function function;
  };
  std::vector<Entry> entries_;
};

/// What one call came to.
struct ToolResult {
  std::size_t step_idx = 0;  // which reply asked for it
  ToolCall call;
  std::string text;  // what the model was told
  enum class Kind : std::uint8_t { kDone, kFailed } kind = Kind::kDone;
  double seconds = 0;
};

struct ToolRunOptions {
  std::size_t max_steps = 8;                         // replies of the model; after the last one no calls are made
  EventSink sink;                                    // the events of all replies
  std::function<bool(const ToolCall&)> may_call;     // asked before each call; false: the model is told that it may not
  std::function<void(const ToolResult&)> on_result;  // after each call
  CancelCheck cancelled;
};

struct ToolRun {
  Reply reply;                      // the last one
  std::vector<Message> messages;    // the request's, and what was said since
  std::vector<ToolResult> results;  // every call, in order
  std::vector<Receipt> receipts;    // of every reply, in order
  enum class End : std::uint8_t { kAnswer, kStepLimit, kCancelled } end = End::kAnswer;
  [[nodiscard]] std::string text() const { return reply.text(); }
};

/// Asks the generator, calls the functions that it asks for, tells it the results, and again. Tools of the request that
/// are not in the box are offered too; a call of one is answered with an error. A required or named tool is required in
/// the first step only. An error means that a step failed before anything was said in it.
Result<ToolRun> run_tools(Generator& generator, Request request, const Toolbox& box,
                          const ToolRunOptions& options = {});

// ---- details

namespace detail {

template <typename F>
struct ArgumentOf : ArgumentOf<decltype(&F::operator())> {};
template <typename C, typename R, typename A>
struct ArgumentOf<R (C::*)(A) const> {
  using Type = std::remove_cvref_t<A>;
};
template <typename C, typename R, typename A>
struct ArgumentOf<R (C::*)(A)> {
  using Type = std::remove_cvref_t<A>;
};
template <typename R, typename A>
struct ArgumentOf<R (*)(A)> {
  using Type = std::remove_cvref_t<A>;
};

template <typename T>
struct IsResult : std::false_type {};
template <typename T>
struct IsResult<Result<T>> : std::true_type {};

template <typename T>
Result<std::string> result_text(T value) {
  if constexpr (IsResult<T>::value) {
    if (!value) return std::unexpected(std::move(value.error()));
    return result_text(std::move(*value));
  } else if constexpr (std::is_convertible_v<T, std::string>) {
    return std::string(std::move(value));
  } else {
    return to_json(value);
  }
}

}  // namespace detail

template <typename F>
void Toolbox::add(std::string name, std::string description, F function) {
  using Arguments = typename detail::ArgumentOf<F>::Type;
  Tool tool{.name = std::move(name), .description = std::move(description), .parameters = json_schema<Arguments>()};
  add(std::move(tool), [function = std::move(function)](const std::string& arguments) -> Result<std::string> {
    HEARTH_TRY(Arguments read, from_json<Arguments>(arguments));
    return detail::result_text(function(std::move(read)));
  });
}

}  // namespace hearth
