// The command `hearth`: the only place that reads the environment and the configuration file.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "base/file.h"
#include "cli/chat/raw_terminal.h"
#include "cli/cli.h"
#include "cli/console.h"

namespace {

using hearth::cli::Settings;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::filesystem::path configuration_path() {
  if (const std::string path = environment("HEARTH_CONFIG"); !path.empty()) return path;
  if (const std::string base = environment("XDG_CONFIG_HOME"); !base.empty())
    return std::filesystem::path(base) / "hearth" / "config.json";
  if (const std::string home = environment("HOME"); !home.empty())
    return std::filesystem::path(home) / ".config" / "hearth" / "config.json";
  return {};
}

std::string default_cache() {
  if (const std::string base = environment("XDG_CACHE_HOME"); !base.empty())
    return (std::filesystem::path(base) / "hearth" / "weights").string();
  if (const std::string home = environment("HOME"); !home.empty())
    return (std::filesystem::path(home) / ".cache" / "hearth" / "weights").string();
  return {};
}

/// The first of these that is set.
std::string first_of(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = environment(name); !value.empty()) return value;
  }
  return {};
}

void read_library_environment(hearth::cli::LibrarySettings& library) {
  library.user_home = environment("HOME");
  if (const std::string home = environment("HEARTH_HOME"); !home.empty()) library.home = home;
  if (library.home.empty()) {
    if (const std::string base = environment("XDG_DATA_HOME"); !base.empty()) {
      library.home = (std::filesystem::path(base) / "hearth").string();
    } else if (!library.user_home.empty()) {
      library.home = (std::filesystem::path(library.user_home) / ".local" / "share" / "hearth").string();
    }
  }
  library.token = first_of({"HEARTH_HF_TOKEN", "HF_TOKEN"});
  if (const std::string hub = environment("HF_ENDPOINT"); !hub.empty()) library.hub = hub;
  if (const std::string proxy = first_of({"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}); !proxy.empty())
    library.proxy = proxy;
  const std::string offline = first_of({"HEARTH_OFFLINE", "HF_HUB_OFFLINE"});
  if (!offline.empty()) library.offline = offline != "0";
}

hearth::Result<Settings> read_settings() {
  constexpr std::uint64_t kLargest = 1u << 20;
  Settings settings;
  const auto path = configuration_path();
  std::error_code ignored;
  const bool asked_for = !environment("HEARTH_CONFIG").empty();
  if (!path.empty() && (asked_for || std::filesystem::exists(path, ignored))) {
    HEARTH_TRY(const std::string json, hearth::read_file(path, kLargest));
    auto parsed = hearth::cli::parse_settings(json);
    if (!parsed) return std::unexpected(std::move(parsed.error()).within("configuration " + path.string()));
    settings = std::move(*parsed);
  }
  if (const std::string cache = environment("HEARTH_CACHE"); !cache.empty()) settings.cache = cache;
  if (settings.cache.empty()) settings.cache = default_cache();
  settings.cursor_stays = environment("TERM") == "dumb";
  settings.plain = settings.cursor_stays || !environment("NO_COLOR").empty();
  read_library_environment(settings.library);
  if (const std::string isa = environment("HEARTH_ISA"); !isa.empty()) settings.isa = isa;
  if (const std::string threads = environment("HEARTH_THREADS"); !threads.empty()) {
    auto count = hearth::cli::parse_thread_count(threads);
    if (!count) return std::unexpected(std::move(count.error()).within("the environment variable HEARTH_THREADS"));
    settings.n_threads = *count;
  }
  return settings;
}

/// Gives the terminal back, and dies of the signal.
void on_deadly(int signal) {
  hearth::cli::RawTerminal::give_back();
  raise(signal);  // comes when the handler has returned, and finds the default action
}

void give_the_terminal_back_at_signals() {
  struct sigaction action{};
  action.sa_handler = on_deadly;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigfillset(&action.sa_mask);  // SIGTTOU too: from the background the terminal is given back as well
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM}) {
    struct sigaction before{};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_DFL) sigaction(signal, &action, nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that outgrows its limit fails like a full disk instead of ending the program
  give_the_terminal_back_at_signals();
  const auto settings = read_settings();
  if (!settings) {
    hearth::cli::note("hearth: " + settings.error().message);
    return 2;
  }
  return hearth::cli::run(std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0),
                          *settings);
}
