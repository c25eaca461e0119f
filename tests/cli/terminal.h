// Runs `hearth` at a terminal of its own, as a person sits at one.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "cli/process.h"

namespace hearth::testing {

/// The command in a terminal of its own.
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& words, const std::string& library = {},
                    const std::string& kind = "xterm") {
    child_ = forkpty(&descriptor_, nullptr, nullptr, nullptr);
    if (child_ != 0) return;
    const rlimit no_core{};  // Ctrl-backslash asks for one
    setrlimit(RLIMIT_CORE, &no_core);
    setenv("TERM", kind.c_str(), 1);
    setenv("NO_COLOR", "1", 1);
    if (!library.empty()) setenv("HEARTH_HOME", library.c_str(), 1);
    const std::vector<std::string> command = command_line(words);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  ~Terminal() {
    hang_up();
    if (!over_) waitpid(child_, nullptr, 0);
  }
  void type(const std::string& keys) { EXPECT_EQ(write(descriptor_, keys.data(), keys.size()), std::ssize(keys)); }
  /// Waits until `text` has come since the last call.
  void expect(const std::string& text) {
    while (seen_.find(text) == std::string::npos) {
      pollfd ready = {.fd = descriptor_, .events = POLLIN, .revents = 0};
      char buffer[4096];
      const ssize_t n = poll(&ready, 1, 60'000) == 1 ? read(descriptor_, buffer, sizeof buffer) : 0;
      if (n <= 0) {
        ADD_FAILURE() << "\"" << text << "\" did not come, but: " << seen_;
        return;
      }
      seen_.append(buffer, static_cast<std::size_t>(n));
    }
    seen_.erase(0, seen_.find(text) + text.size());
  }
  /// Whether keys are echoed and lines are edited by the terminal, as a shell wants it.
  [[nodiscard]] bool is_cooked() const {
    termios settings{};
    EXPECT_EQ(tcgetattr(descriptor_, &settings), 0);
    return (settings.c_lflag & ECHO) != 0 && (settings.c_lflag & ICANON) != 0;
  }
  /// Waits until Ctrl-C is no key but a signal, as it is while a model answers.
  void wait_for_interrupts() const {
    termios settings{};
    for (int i = 0; i < 6000 && (settings.c_lflag & ISIG) == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      EXPECT_EQ(tcgetattr(descriptor_, &settings), 0);
    }
  }
  /// The signal that ended the command; 0 when none did.
  int died_of() {
    int status = 0;
    waitpid(child_, &status, 0);
    over_ = true;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  void send(int signal) { EXPECT_EQ(kill(child_, signal), 0); }
  /// As when the window is closed.
  void hang_up() {
    if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  }
  /// Everything that comes until the end.
  std::string rest() {
    char buffer[4096];
    for (ssize_t n = 0; (n = read(descriptor_, buffer, sizeof buffer)) > 0;)
      seen_.append(buffer, static_cast<std::size_t>(n));
    return std::exchange(seen_, {});
  }
  int code() {
    int status = 0;
    waitpid(child_, &status, 0);
    over_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  int descriptor_ = -1;
  pid_t child_ = 0;
  bool over_ = false;
  std::string seen_;
};

}  // namespace hearth::testing
