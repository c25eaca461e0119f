// Runs the real `hearth` as people do: arguments, standard input, environment in; exit code and both outputs out.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "data_path.h"

namespace hearth::testing {

struct Ran {
  int code = -1;  // exit code, or 128 + signal
  std::string out, err;
};

inline std::filesystem::path in_memory() {
  return std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
}

/// A folder of its own for every test, removed at the end.
class ScratchFolder {
 public:
  /// `parent`: in_memory() for tests that wait for the disk all the time.
  explicit ScratchFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "hearth-cli-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

struct RunOptions {
  std::string input;
  std::vector<std::string> environment;  // "NAME=value", added to a clean one
  /// Sends SIGINT once standard output holds this many bytes.
  std::size_t interrupt_after = 0;
};

inline std::vector<std::string> command_line(std::vector<std::string> arguments) {
  std::vector<std::string> all;
  const std::string emulator = HEARTH_EMULATOR;  // "qemu-aarch64 -cpu max" when the binary is another machine's
  for (std::size_t at = 0; at < emulator.size();) {
    const std::size_t end = std::min(emulator.find(' ', at), emulator.size());
    all.push_back(emulator.substr(at, end - at));
    at = end + 1;
  }
  all.emplace_back(HEARTH_BINARY);
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

inline Ran run_hearth(const std::vector<std::string>& arguments, const RunOptions& options = {}) {
  const ScratchFolder scratch;
  const std::string in = scratch.write("in", options.input), out = scratch.file("out"), err = scratch.file("err");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<std::string> words = command_line(arguments);
  std::vector<std::string> environment = options.environment;
  environment.emplace_back("PATH=/usr/bin:/bin");
  environment.push_back("XDG_CONFIG_HOME=" + scratch.file("no-configuration"));
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  };
  Ran ran;
  pid_t child = 0;
  const int spawned =
      posix_spawnp(&child, words[0].c_str(), &actions, nullptr, pointers(words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) return ran;
  if (options.interrupt_after > 0) {
    for (int i = 0; i < 3000; ++i) {
      std::error_code ignored;
      const auto size = std::filesystem::file_size(out, ignored);
      if (!ignored && size >= options.interrupt_after) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(child, SIGINT);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ran.out = read_text(out);
  ran.err = read_text(err);
  return ran;
}

/// A chat template that shows tools, calls in the form of the hermes family, and results.
inline constexpr const char* kToolTemplate =
    "{{ (tools or []) | tojson }}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls or [] %}"
    "<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %};{% endfor %}assistant:";

inline std::string stories() {
  return data_path("weights/stories260K/stories260K.gguf").string();
}
inline std::string golden(const std::string& name) {
  return data_path("golden/arch/" + name).string();
}

}  // namespace hearth::testing
