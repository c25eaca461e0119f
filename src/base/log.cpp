// LogSink: stamps records with time, file and line, and serialises the callback.
#include "base/log.h"

#include <chrono>
#include <mutex>

namespace hearth {

struct LogSink::State {
  std::function<void(const LogRecord&)> receive;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::mutex mutex;
};

LogSink::LogSink(std::function<void(const LogRecord&)> receive) : state_(std::make_shared<State>()) {
  state_->receive = std::move(receive);
}

void LogSink::write(LogLevel level, std::string message, std::source_location where) const {
  if (!state_) return;
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - state_->start;
  std::string_view file = where.file_name();
  file.remove_prefix(file.rfind('/') + 1);
  const std::lock_guard lock(state_->mutex);
  state_->receive({level, since.count(), file, static_cast<int>(where.line()), std::move(message)});
}

}  // namespace hearth
