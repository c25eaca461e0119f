// A log sink handed to whoever may log: the library never prints and owns no global. Absent sink = silence.
#pragma once

#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

namespace hearth {

enum class LogLevel { kDebug, kInfo, kWarning };

struct LogRecord {
  LogLevel level;
  double seconds;         // since the sink was made
  std::string_view file;  // base name of the source file
  int line;
  std::string message;
};

/// Shared by copies; the callback may be called from any thread, one call at a time.
class LogSink {
 public:
  LogSink() = default;
  explicit LogSink(std::function<void(const LogRecord&)> receive);
  [[nodiscard]] bool enabled() const { return state_ != nullptr; }
  void write(LogLevel level, std::string message, std::source_location where = std::source_location::current()) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hearth
