// Raw terminals on POSIX.
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "cli/chat/raw_terminal.h"
#include "cli/console.h"

#include <fmt/format.h>

namespace hearth::cli {

namespace {

// Pasted text comes between marks, so that its line ends do not send it.
constexpr std::string_view kMarkPastes = "\x1b[?2004h", kDoNotMarkPastes = "\x1b[?2004l";

// For give_back(), which a handler of signals calls: it can reach nothing but globals.
termios settings_before;
volatile std::sig_atomic_t is_raw = 0;

std::unexpected<Error> failure(std::string_view what) {
  return fail(ErrorCode::kIo, fmt::format("{}: {}", what, std::error_code(errno, std::generic_category()).message()));
}

}  // namespace

struct RawTerminal::Before {
  termios settings{}, raw{};
  struct sigaction hang_up{};
};

RawTerminal::RawTerminal(std::unique_ptr<Before> before) : before_(std::move(before)) {}

Result<std::unique_ptr<RawTerminal>> RawTerminal::enter() {
  auto before = std::make_unique<Before>();
  if (tcgetattr(STDIN_FILENO, &before->settings) != 0) return failure("asking the terminal for its settings");
  termios raw = before->settings;
  raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG | IEXTEN);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL | INLCR | ISTRIP);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  before->raw = raw;
  sigaction(SIGHUP, nullptr, &before->hang_up);
  settings_before = before->settings;
  is_raw = 1;
  std::unique_ptr<RawTerminal> terminal(new RawTerminal(std::move(before)));
  if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0) return failure("setting up the terminal");
  // Reading tells that the terminal was closed. The signal would end the process, and a load with it: that is no death.
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGHUP, &ignore, nullptr);
  HEARTH_CHECK(print(kMarkPastes));
  HEARTH_CHECK(flush_output());
  return terminal;
}

RawTerminal::~RawTerminal() {
  if (print(kDoNotMarkPastes)) (void)flush_output();
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before_->settings);
  sigaction(SIGHUP, &before_->hang_up, nullptr);
  is_raw = 0;
}

void RawTerminal::give_back() {
  if (is_raw == 0) return;
  tcsetattr(STDIN_FILENO, TCSANOW, &settings_before);
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, kDoNotMarkPastes.data(), kDoNotMarkPastes.size());
}

Status RawTerminal::set(CtrlC meaning) {
  termios raw = before_->raw;
  if (meaning == CtrlC::kInterrupts) raw.c_lflag |= static_cast<tcflag_t>(ISIG);
  if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0) return failure("setting up the terminal");
  return {};
}

Result<std::string> RawTerminal::read() {
  std::string bytes(4096, '\0');
  for (;;) {
    const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.resize(static_cast<std::size_t>(n));
      return bytes;
    }
    if (errno == EIO) return std::string();  // the terminal was closed
    if (errno != EINTR) return failure("reading from the terminal");
  }
}

std::size_t RawTerminal::n_columns() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace hearth::cli
