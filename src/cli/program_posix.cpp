// Input goes through a file without a name, so that nobody waits for anybody.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/program.h"

#include <fmt/format.h>

extern char** environ;

namespace hearth::cli {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

std::unexpected<Error> broken(const std::string& what, int code) {
  return fail(ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(code)));
}

/// Everything that comes, of which the first `limit_bytes` are kept.
std::string read_all(int descriptor, std::size_t limit_bytes) {
  std::string all;
  std::array<char, 4096> part;
  for (;;) {
    const ssize_t n = read(descriptor, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return all;
    all.append(part.data(), std::min(static_cast<std::size_t>(n), limit_bytes - all.size()));
  }
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& argv, const std::string& input,
                                std::size_t limit_bytes) {
  if (argv.empty()) return fail(ErrorCode::kInvalidArgument, "there is no program to run");
  const std::string starting = "starting " + argv[0];
  const std::unique_ptr<std::FILE, CloseFile> in(std::tmpfile());
  if (!in || !write_all(fileno(in.get()), input) || lseek(fileno(in.get()), 0, SEEK_SET) != 0)
    return broken(starting, errno);
  std::array<int, 2> out{};
  if (pipe(out.data()) != 0) return broken(starting, errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in.get()), 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_addclose(&actions, out[0]);
  posix_spawn_file_actions_addclose(&actions, out[1]);
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int code = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  std::string said = code == 0 ? read_all(out[0], limit_bytes) : std::string();
  close(out[0]);
  if (code != 0) return broken(starting, code);
  if (said.ends_with('\n')) said.pop_back();
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return said;
  return fail(ErrorCode::kIo, WIFEXITED(status)
                                  ? fmt::format("{} failed with exit code {}: {}", argv[0], WEXITSTATUS(status), said)
                                  : fmt::format("{} was ended by signal {}: {}", argv[0], WTERMSIG(status), said));
}

}  // namespace hearth::cli
